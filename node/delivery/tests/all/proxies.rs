//! Through an HTTP proxy: CONNECT for https, the request itself for http, with authentication and without.

use quorate_delivery::{Gateway, Proxy, Secret, Trust};
use quorate_gateways::{Certificates, ClosedPort, http_server};

use crate::fixtures::{gateway, http_at, last, outcomes, send, sms};

fn proxy(port: u16, password: &str) -> Proxy {
    Proxy {
        host: "127.0.0.1".to_owned(),
        port,
        user: if password.is_empty() {
            String::new()
        } else {
            "proxy".to_owned()
        },
        password: Secret::new(password),
    }
}

fn through(proxy: Proxy, url: String, ca_pem: &str) -> Gateway {
    let mut http = http_at(1, "/");
    http.url = url;
    http.proxy = Some(proxy);
    http.trust = Trust {
        ca_pem: ca_pem.to_owned(),
        ..Trust::default()
    };
    gateway("sms", http)
}

#[tokio::test]
async fn both_kinds_of_url_go_through() {
    let certificates = Certificates::new();
    for password in ["", "pr0xy"] {
        let options: &[&str] = if password.is_empty() {
            &[]
        } else {
            &["--proxy-authentication"]
        };
        let server = http_server(options, Some(&certificates));
        let (clear, tls, port) = (server.port("port"), server.port("tls"), server.port("proxy"));
        for (url, method) in [
            (format!("http://localhost:{clear}/ok?a={{to}}"), "POST"),
            (format!("https://localhost:{tls}/ok"), "CONNECT"),
        ] {
            let before = server.recorded().len();
            let sent = send(&[through(proxy(port, password), url, &certificates.ca_pem)], &sms()).await;
            assert_eq!(outcomes(&sent), [("sms", "accepted")], "{sent:?}");
            let recorded = server.wait_for(before + 2).split_off(before);
            assert_eq!(recorded[0]["proxy"], method);
            let authorization = (!password.is_empty()).then_some("Basic cHJveHk6cHIweHk=");
            assert_eq!(recorded[0]["authorization"], serde_json::json!(authorization));
            assert_eq!(
                (&recorded[1]["path"], &recorded[1]["tls"]),
                (&"/ok".into(), &(method == "CONNECT").into())
            );
            assert_eq!(
                recorded[1]["headers"].get("proxy-authorization"),
                None,
                "not for the gateway's eyes"
            );
        }
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_let_us_through_has_sent_nothing() {
    let certificates = Certificates::new();
    let server = http_server(&["--proxy-authentication"], Some(&certificates));
    let closed = ClosedPort::new();
    let (tls, port) = (server.port("tls"), server.port("proxy"));
    let url = |port: u16| format!("https://localhost:{port}/ok");
    // The reset of the one that is dead is seen while connecting or after it.
    for (proxy, url, wanted) in [
        (
            proxy(port, "wr0ng"),
            url(tls),
            "refused: the proxy answered 407 to CONNECT",
        ),
        (proxy(port, ""), url(tls), "refused: the proxy answered 407 to CONNECT"),
        (proxy(closed.number(), ""), url(tls), "unreachable: 127.0.0.1:"),
        (proxy(server.port("dead"), ""), url(tls), "unreachable: "),
        (
            proxy(server.port("port"), ""),
            url(tls),
            "refused: the proxy answered 404 to CONNECT",
        ),
        (
            proxy(port, "pr0xy"),
            url(closed.number()),
            "unreachable: the proxy hung up",
        ),
    ] {
        let sent = send(&[through(proxy, url, &certificates.ca_pem)], &sms()).await;
        assert!(last(&sent).starts_with(wanted), "{wanted}: {sent:?}");
        assert!(!sent.may_have_arrived());
    }
    let refused = send(
        &[through(
            proxy(port, "wr0ng"),
            format!("http://localhost:{}/ok", server.port("port")),
            "",
        )],
        &sms(),
    )
    .await;
    assert!(last(&refused).starts_with("refused: HTTP 407"), "{refused:?}");
    assert!(server.recorded().iter().all(|entry| entry["path"] != "/ok"));
}
