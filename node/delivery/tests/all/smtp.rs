//! Mail through aiosmtpd: in clear, under TLS, with authentication, and with everything that goes wrong.

use quorate_delivery::{Secret, Sent, SmtpAuthentication, SmtpTls, Token};
use quorate_gateways::{Certificates, ClosedPort, mail_server};

use crate::fixtures::{CODE, last, mail, mail_gateway, mail_to, outcomes, send};

fn plain(password: &str) -> SmtpAuthentication {
    SmtpAuthentication::Plain {
        user: "mfa".to_owned(),
        password: Secret::new(password),
    }
}

fn login(password: &str) -> SmtpAuthentication {
    SmtpAuthentication::Login {
        user: "mfa".to_owned(),
        password: Secret::new(password),
    }
}

fn xoauth2(token: &str) -> SmtpAuthentication {
    SmtpAuthentication::Xoauth2 {
        user: "mfa".to_owned(),
        token: Token::Fixed(Secret::new(token)),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let server = mail_server(&[], None);
    let gateway = mail_gateway(&[(server.port("port"), SmtpTls::None)], SmtpAuthentication::None, "");
    let sent = send(&[gateway], &mail()).await;
    let Sent::Delivered { reference, .. } = &sent else {
        panic!("{sent:?}")
    };
    assert_eq!(reference.as_deref(), Some("4F2A1C"));
    let mails = server.wait_for(1);
    assert_eq!(mails[0]["from"], "mfa@example.com");
    assert_eq!(mails[0]["to"], serde_json::json!(["alice@example.com"]));
    assert_eq!(mails[0]["helo"], "node-1.example.com");
    assert_eq!(mails[0]["tls"], false);
    let content = mails[0]["content"].as_str().unwrap();
    for line in [
        "From: Quorate <mfa@example.com>",
        "Reply-To: help@example.com",
        "To: alice@example.com",
        "Subject: Your code",
        "Message-ID: <ref-2@example.com>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(content.contains(&format!("{line}\r\n")), "{line} is not in {content}");
    }
    assert!(
        content.ends_with("\r\n\r\nYour code is 492039\r\n.\r\nIt is good for 5 minutes.\r\n"),
        "{content}"
    );
}

#[tokio::test]
async fn addresses_of_any_script_go_to_servers_that_take_them() {
    let server = mail_server(&[], None);
    let gateway = mail_gateway(&[(server.port("port"), SmtpTls::None)], SmtpAuthentication::None, "");
    let sent = send(&[gateway], &mail_to("şükrü@örnek.example")).await;
    assert_eq!(outcomes(&sent), [("mail", "accepted")], "{sent:?}");
    assert_eq!(server.wait_for(1)[0]["to"], serde_json::json!(["şükrü@örnek.example"]));
}

#[tokio::test]
async fn every_way_to_log_in_works_with_and_without_tls() {
    let certificates = Certificates::new();
    for (mode, tls) in [
        ("none", SmtpTls::None),
        ("starttls", SmtpTls::Starttls),
        ("implicit", SmtpTls::Implicit),
    ] {
        let options = ["--tls", mode, "--user", "mfa", "--password", "s3cret & more"];
        let server = mail_server(&options, Some(&certificates));
        let port = server.port("port");
        let right = [plain("s3cret & more"), login("s3cret & more"), xoauth2("s3cret & more")];
        for authentication in right {
            let sent = send(
                &[mail_gateway(&[(port, tls)], authentication, &certificates.ca_pem)],
                &mail(),
            )
            .await;
            assert_eq!(outcomes(&sent), [("mail", "accepted")], "{mode}: {sent:?}");
        }
        for mail in server.wait_for(3) {
            assert_eq!(mail["user"], "mfa", "{mode}");
            assert_eq!(mail["tls"], mode != "none", "{mode}");
        }
        for authentication in [plain("wr0ng"), login("wr0ng"), xoauth2("wr0ng")] {
            let sent = send(
                &[mail_gateway(&[(port, tls)], authentication, &certificates.ca_pem)],
                &mail(),
            )
            .await;
            assert_eq!(outcomes(&sent), [("mail", "refused")], "{mode}: {sent:?}");
            assert!(
                last(&sent).contains("535") && !last(&sent).contains("wr0ng"),
                "{sent:?}"
            );
        }
        assert_eq!(server.recorded().len(), 3);
    }
}

#[tokio::test]
async fn without_the_tls_that_was_asked_for_nothing_is_said() {
    let certificates = Certificates::new();
    let clear = mail_server(&["--user", "mfa", "--password", "x"], None);
    let authentication = || plain("x");
    let gateway = mail_gateway(
        &[(clear.port("port"), SmtpTls::Starttls)],
        authentication(),
        &certificates.ca_pem,
    );
    let sent = send(&[gateway], &mail()).await;
    assert_eq!(
        last(&sent),
        "refused: localhost offers no STARTTLS; nothing is sent in clear"
    );

    let strangers = Certificates::new();
    let secured = mail_server(
        &["--tls", "starttls", "--user", "mfa", "--password", "x"],
        Some(&certificates),
    );
    let gateway = mail_gateway(
        &[(secured.port("port"), SmtpTls::Starttls)],
        authentication(),
        &strangers.ca_pem,
    );
    let sent = send(&[gateway], &mail()).await;
    assert!(
        last(&sent).starts_with("unreachable: TLS with localhost: invalid peer certificate"),
        "{sent:?}"
    );

    let elsewhere = Certificates::for_names(&["mail.example.com"]);
    let other = mail_server(&["--tls", "implicit"], Some(&elsewhere));
    let gateway = mail_gateway(
        &[(other.port("port"), SmtpTls::Implicit)],
        SmtpAuthentication::None,
        &elsewhere.ca_pem,
    );
    let sent = send(&[gateway], &mail()).await;
    assert!(last(&sent).contains("not valid for name"), "{sent:?}");
    assert!(other.recorded().is_empty());
    assert!(secured.recorded().is_empty() && clear.recorded().is_empty());
}

#[tokio::test]
async fn the_second_server_takes_over_when_the_first_certainly_did_not() {
    let well = mail_server(&[], None);
    let mut taken = 0;
    for mode in ["refuse-recipient", "refuse-mail", "busy"] {
        let first = mail_server(&["--mode", mode], None);
        let servers = [(first.port("port"), SmtpTls::None), (well.port("port"), SmtpTls::None)];
        let sent = send(&[mail_gateway(&servers, SmtpAuthentication::None, "")], &mail()).await;
        assert_eq!(
            outcomes(&sent),
            [("mail", "refused"), ("mail", "accepted")],
            "{mode}: {sent:?}"
        );
        assert!(!format!("{sent:?}").contains("alice"), "{sent:?}");
        taken += 1;
        assert_eq!(well.wait_for(taken).len(), taken);
    }
    let closed = ClosedPort::new();
    let servers = [(closed.number(), SmtpTls::None), (well.port("port"), SmtpTls::None)];
    let sent = send(&[mail_gateway(&servers, SmtpAuthentication::None, "")], &mail()).await;
    assert_eq!(
        outcomes(&sent),
        [("mail", "unreachable"), ("mail", "accepted")],
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_server_that_never_greets_is_unreachable() {
    let (silent, well) = (mail_server(&["--mode", "silent"], None), mail_server(&[], None));
    let servers = [(silent.port("port"), SmtpTls::None), (well.port("port"), SmtpTls::None)];
    let mut gateway = mail_gateway(&servers, SmtpAuthentication::None, "");
    gateway.timeout_ms = 500;
    let first_only = mail_gateway(&servers[..1], SmtpAuthentication::None, "");
    let sent = send(
        &[quorate_delivery::Gateway {
            timeout_ms: 500,
            ..first_only
        }],
        &mail(),
    )
    .await;
    assert_eq!(
        last(&sent),
        "unreachable: time was up while waiting for the greeting of localhost"
    );
    // The well one has to answer within the short time as well, which a busy machine may not manage; then nothing was sent twice either.
    let sent = send(&[gateway], &mail()).await;
    assert_eq!(outcomes(&sent)[0], ("mail", "unreachable"), "{sent:?}");
}

#[tokio::test]
async fn after_the_final_dot_nobody_else_is_asked() {
    let well = mail_server(&[], None);
    for mode in ["close-after-mail", "silent-after-mail"] {
        let first = mail_server(&["--mode", mode], None);
        let servers = [(first.port("port"), SmtpTls::None), (well.port("port"), SmtpTls::None)];
        let mut gateway = mail_gateway(&servers, SmtpAuthentication::None, "");
        gateway.timeout_ms = 3_000;
        gateway.retries = 3;
        let sent = send(&[gateway], &mail()).await;
        assert_eq!(outcomes(&sent), [("mail", "unknown")], "{mode}: {sent:?}");
        assert!(sent.may_have_arrived());
        assert_eq!(first.wait_for(1).len(), 1, "{mode}: it had the mail");
    }
    assert!(well.recorded().is_empty());
}

#[tokio::test]
async fn the_operator_may_prefer_two_mails_to_none() {
    let well = mail_server(&[], None);
    let first = mail_server(&["--mode", "close-after-mail"], None);
    let servers = [(first.port("port"), SmtpTls::None), (well.port("port"), SmtpTls::None)];
    let mut gateway = mail_gateway(&servers, SmtpAuthentication::None, "");
    gateway.retry_unknown = true;
    let sent = send(&[gateway], &mail()).await;
    assert_eq!(outcomes(&sent), [("mail", "unknown"), ("mail", "accepted")], "{sent:?}");
    assert_eq!((first.wait_for(1).len(), well.wait_for(1).len()), (1, 1));
}

#[tokio::test]
async fn a_mail_to_a_server_that_quotes_it_leaves_no_trace() {
    let server = mail_server(&["--mode", "refuse-recipient"], None);
    let gateway = mail_gateway(&[(server.port("port"), SmtpTls::None)], SmtpAuthentication::None, "");
    let sent = send(&[gateway], &mail()).await;
    assert_eq!(last(&sent), "refused: 550 5.1.1 no such mailbox: ***");
    assert!(!format!("{sent:?}").contains(CODE));
}
