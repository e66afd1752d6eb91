//! Requests as the other side reads them, and answers that must not tell what they quote.

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::TestRunner};
use quorate_delivery::{
    Body, Channel, Field, HttpAuthentication, Message, Method, Phone, Recipient, Secret, Sent, Trust,
};
use quorate_gateways::{Certificates, http_server};
use zeroize::Zeroizing;

use crate::fixtures::{AMPLE, CODE, NUMBER, at, gateway, http_at, last, outcomes, routes, send, sms};

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[tokio::test]
async fn everything_of_a_template_reaches_the_gateway() {
    let server = http_server(&[], None);
    let mut http = http_at(server.port("port"), "/ok/{parameter.account}?to={to}&key={secret.key}");
    http.method = Method::Put;
    http.parameters = BTreeMap::from([("account".to_owned(), "a/b c".to_owned())]);
    http.secrets = BTreeMap::from([("key".to_owned(), Secret::new("k&y=1"))]);
    http.headers = vec![field("X-Code", "code {code}"), field("X-User", "{user}")];
    http.authentication = HttpAuthentication::Basic {
        user: "mfa".to_owned(),
        password: Secret::new("pä55"),
    };
    http.body = Body::Form(vec![
        field("to", "{to_digits}"),
        field("text", "{text}"),
        field("spoken", "{code_spoken}"),
        field("coding", "{coding}/{text_type}"),
        field("app", "{application}/{language}/{reference}"),
    ]);
    "messages.0.id".clone_into(&mut http.reference);
    let sent = send(&[gateway("sms", http)], &sms()).await;
    let Sent::Delivered { reference, gateway, .. } = &sent else {
        panic!("{sent:?}")
    };
    assert_eq!((gateway.as_str(), reference.as_deref()), ("sms", Some("m-1")));
    let request = &server.wait_for(1)[0];
    assert_eq!(request["method"], "PUT");
    assert_eq!(request["path"], "/ok/a%2Fb%20c");
    assert_eq!(request["query"], serde_json::json!([["to", NUMBER], ["key", "k&y=1"]]));
    let wanted = serde_json::json!([
        ["to", "905321234567"],
        ["text", "Your code is 492039"],
        ["spoken", "4, 9, 2, 0, 3, 9"],
        ["coding", "0/text"],
        ["app", "VPN/en/ref-1"],
    ]);
    assert_eq!(request["body"], wanted);
    let headers = &request["headers"];
    assert_eq!(
        (&headers["x-code"], &headers["x-user"]),
        (&"code 492039".into(), &"alice".into())
    );
    assert_eq!(headers["authorization"], "Basic bWZhOnDDpDU1");
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn tls_is_spoken_with_those_who_prove_themselves() {
    let certificates = Certificates::new();
    let server = http_server(&[], Some(&certificates));
    let secured = |trust: Trust| {
        let mut http = http_at(server.port("port"), "/");
        http.url = format!("https://localhost:{}/ok", server.port("tls"));
        http.trust = trust;
        gateway("tls", http)
    };
    let by_pem = Trust {
        ca_pem: certificates.ca_pem.clone(),
        ..Trust::default()
    };
    let by_file = Trust {
        ca_file: certificates.ca_file().display().to_string(),
        ..Trust::default()
    };
    for trust in [by_pem, by_file] {
        assert_eq!(outcomes(&send(&[secured(trust)], &sms()).await), [("tls", "accepted")]);
    }
    assert!(server.wait_for(2).iter().all(|request| request["tls"] == true));
    let stranger = Trust {
        ca_pem: Certificates::new().ca_pem,
        ..Trust::default()
    };
    let sent = send(&[secured(stranger)], &sms()).await;
    assert!(
        last(&sent).starts_with("unreachable: TLS with localhost: invalid peer certificate"),
        "{sent:?}"
    );
    assert_eq!(server.recorded().len(), 2);
}

#[tokio::test]
async fn what_an_answer_quotes_is_not_kept() {
    let server = http_server(&[], None);
    let mut http = http_at(server.port("port"), "/echo?key={secret.key}");
    http.secrets = BTreeMap::from([("key".to_owned(), Secret::new("k3y & more"))]);
    http.headers = vec![field("X-Key", "{secret.key}")];
    http.authentication = HttpAuthentication::Bearer {
        token: Secret::new("b3arer-token"),
    };
    let sent = send(&[gateway("sms", http)], &sms()).await;
    let told = format!("{sent:?}");
    assert!(
        last(&sent).starts_with("refused: HTTP 400 you sent /echo?key=***"),
        "{told}"
    );
    for secret in [CODE, "5321234567", "k3y", "b3arer"] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
    let wrong = http_at(server.port("port"), "/guarded");
    let mut wrong = gateway("sms", wrong);
    if let quorate_delivery::Kind::Http(http) = &mut wrong.kind {
        http.authentication = HttpAuthentication::Bearer {
            token: Secret::new("b3arer-token"),
        };
    }
    let sent = send(&[wrong], &sms()).await;
    assert_eq!(last(&sent), "refused: HTTP 401 wrong token Bearer ***");
}

/// Whatever a user is called and whatever a code looks like, the gateway reads it as the one value it is.
#[test]
fn no_value_breaks_out_of_its_place() {
    let server = http_server(&[], None);
    let port = server.port("port");
    let mut form = http_at(port, "/ok?user={user}&end=1");
    form.body = Body::Form(vec![
        field("user", "{user}"),
        field("text", "{text}"),
        field("end", "1"),
    ]);
    form.headers = vec![field("X-User", "{user}")];
    let mut json = http_at(port, "/ok");
    json.body = Body::Json(r#"{"user":"{user}","text":["a {text} b"],"end":1}"#.to_owned());
    let mut xml = http_at(port, "/ok");
    xml.body = Body::Xml("<sms user=\"{user}\"><text>{text}</text><end>1</end></sms>".to_owned());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let gateways = [form, json, xml].map(|http| routes(&[gateway("sms", http)]));
    let seen = std::cell::Cell::new(0);
    let user = "[a-z<>&\"'%{}=;\\\\ şğ\u{2028}]{1,30}";
    let text = "[a-z<>&\"'%{}=;\\\\\r\n\t /\\]-]{1,40}x";
    let config = ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&(user, text), |(user, text)| {
            let to = Recipient::Phone(Phone::parse(NUMBER, "").unwrap());
            let message = Message::new(Channel::Sms, to, "ref", Zeroizing::new(text.clone())).unwrap();
            let message = message.with_context(&user, "", "").unwrap();
            for routes in &gateways {
                let sent = runtime.block_on(routes.send(&message, tokio::time::Instant::now() + AMPLE));
                prop_assert_eq!(outcomes(&sent), [("sms", "accepted")]);
            }
            let requests = server.wait_for(seen.get() + 3).split_off(seen.get());
            seen.set(seen.get() + 3);
            let [form, json, xml] = &requests[..] else {
                panic!("{requests:?}")
            };
            prop_assert_eq!(&form["query"], &serde_json::json!([["user", user], ["end", "1"]]));
            prop_assert_eq!(
                &form["body"],
                &serde_json::json!([["user", user], ["text", text], ["end", "1"]])
            );
            prop_assert_eq!(
                &json["body"],
                &serde_json::json!({"user": user, "text": [format!("a {text} b")], "end": 1})
            );
            let read = &xml["body"];
            prop_assert_eq!(&read[0][1]["user"], &serde_json::json!(user));
            prop_assert_eq!(&read[1][2], &serde_json::json!(text));
            prop_assert_eq!(read.as_array().unwrap().len(), 3);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn many_at_once_are_all_sent_once() {
    let server = http_server(&[], None);
    let routes = routes(&[at("sms", server.port("port"), "/ok")]);
    let deadline = tokio::time::Instant::now() + AMPLE;
    let mut sends = tokio::task::JoinSet::new();
    let routes = std::sync::Arc::new(routes);
    for _ in 0..50 {
        let routes = routes.clone();
        sends.spawn(async move { routes.send(&sms(), deadline).await });
    }
    let all = sends.join_all().await;
    assert!(all.iter().all(|sent| matches!(sent, Sent::Delivered { .. })), "{all:?}");
    assert_eq!(server.wait_for(50).len(), 50);
    assert_eq!(routes.status()[0].counters.sent, 50);
}
