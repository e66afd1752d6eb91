//! OAuth 2.0 client credentials: fetched, kept, renewed, and never quoted.

use std::collections::BTreeMap;

use quorate_delivery::{
    ClientCredentials, CredentialsIn, Gateway, HttpAuthentication, OAuth2, Secret, SmtpAuthentication, SmtpTls, Token,
    Trust,
};
use quorate_gateways::{ClosedPort, Server, http_server, mail_server};
use tokio::time::Instant;

use crate::fixtures::{AMPLE, gateway, http_at, last, mail, mail_gateway, outcomes, routes, sms};

fn oauth2(port: u16, path: &str, secret: &str, sent_in: CredentialsIn) -> Box<OAuth2> {
    Box::new(OAuth2 {
        token_url: format!("http://127.0.0.1:{port}{path}"),
        client: ClientCredentials {
            id: "client".to_owned(),
            secret: Secret::new(secret),
            sent_in,
        },
        scope: "sms".to_owned(),
        parameters: BTreeMap::from([("audience".to_owned(), "a&b".to_owned())]),
        proxy: None,
        trust: Trust::default(),
    })
}

fn guarded(server: &Server, oauth2: Box<OAuth2>) -> Gateway {
    let mut http = http_at(server.port("port"), "/guarded");
    http.authentication = HttpAuthentication::OAuth2(oauth2);
    gateway("sms", http)
}

fn tokens_fetched(server: &Server) -> usize {
    server
        .recorded()
        .iter()
        .filter(|request| request["path"].as_str().unwrap().ends_with("token"))
        .count()
}

const SECRET: &str = "s3cret & more";

#[tokio::test]
async fn a_token_is_fetched_once_and_kept() {
    for sent_in in [CredentialsIn::Header, CredentialsIn::Body] {
        let server = http_server(&[], None);
        let routes = routes(&[guarded(&server, oauth2(server.port("port"), "/token", SECRET, sent_in))]);
        for _ in 0..3 {
            let sent = routes.send(&sms(), Instant::now() + AMPLE).await;
            assert_eq!(outcomes(&sent), [("sms", "accepted")], "{sent:?}");
        }
        assert_eq!(tokens_fetched(&server), 1);
        let asked = &server.recorded()[0]["body"];
        assert_eq!(asked[0], serde_json::json!(["grant_type", "client_credentials"]));
        assert_eq!(asked[1], serde_json::json!(["scope", "sms"]));
        assert_eq!(
            asked.as_array().unwrap().last().unwrap(),
            &serde_json::json!(["audience", "a&b"])
        );
    }
}

#[tokio::test]
async fn a_token_that_expires_is_renewed() {
    let server = http_server(&[], None);
    // Good for 31 seconds, less a margin of 30: it is renewed after one.
    let token = oauth2(server.port("port"), "/short-token", SECRET, CredentialsIn::Header);
    let routes = routes(&[guarded(&server, token)]);
    let deadline = Instant::now() + AMPLE;
    while tokens_fetched(&server) < 2 {
        assert!(Instant::now() < deadline, "it is never renewed");
        let sent = routes.send(&sms(), deadline).await;
        assert_eq!(outcomes(&sent), [("sms", "accepted")], "{sent:?}");
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced_within_the_attempt() {
    let server = http_server(&[], None);
    let port = server.port("port");
    let routes = routes(&[guarded(&server, oauth2(port, "/token", SECRET, CredentialsIn::Header))]);
    let message = sms();
    let send = || routes.send(&message, Instant::now() + AMPLE);
    assert_eq!(outcomes(&send().await), [("sms", "accepted")]);
    let revoke = crate::fixtures::routes(&[gateway("revoke", http_at(port, "/revoke"))]);
    revoke.send(&sms(), Instant::now() + AMPLE).await;
    let sent = send().await;
    assert_eq!(outcomes(&sent), [("sms", "accepted")], "{sent:?}");
    assert_eq!(tokens_fetched(&server), 2);
    let accepted = server
        .recorded()
        .iter()
        .filter(|request| request["path"] == "/guarded")
        .count();
    assert_eq!(accepted, 3, "one, then one refused with 401 and one more");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = http_server(&[], None);
    let closed = ClosedPort::new();
    let port = server.port("port");
    for (token, wanted) in [
        (
            oauth2(port, "/token", "wr0ng-secret", CredentialsIn::Header),
            "refused: the token server answered HTTP 401",
        ),
        (
            oauth2(port, "/token", "wr0ng-secret", CredentialsIn::Body),
            "refused: the token server answered HTTP 401",
        ),
        (
            oauth2(port, "/ok", SECRET, CredentialsIn::Body),
            "unreachable: the token server's answer has no token",
        ),
        (
            oauth2(port, "/close", SECRET, CredentialsIn::Body),
            "unreachable: no answer",
        ),
        (
            oauth2(closed.number(), "/token", SECRET, CredentialsIn::Body),
            "unreachable: 127.0.0.1:",
        ),
    ] {
        let sent = routes(&[guarded(&server, token)])
            .send(&sms(), Instant::now() + AMPLE)
            .await;
        assert!(last(&sent).starts_with(wanted), "{sent:?}");
        assert!(!sent.may_have_arrived());
        assert!(!format!("{sent:?}").contains("wr0ng"), "{sent:?}");
    }
    assert!(server.recorded().iter().all(|request| request["path"] != "/guarded"));
}

#[tokio::test]
async fn mail_servers_are_shown_fetched_tokens_too() {
    let tokens = http_server(&[], None);
    // The first token that the server gives out.
    let mails = mail_server(&["--user", "mfa@example.com", "--password", "token-0"], None);
    let authentication = SmtpAuthentication::Xoauth2 {
        user: "mfa@example.com".to_owned(),
        token: Token::OAuth2(oauth2(tokens.port("port"), "/token", SECRET, CredentialsIn::Body)),
    };
    let routes = routes(&[mail_gateway(&[(mails.port("port"), SmtpTls::None)], authentication, "")]);
    for _ in 0..2 {
        let sent = routes.send(&mail(), Instant::now() + AMPLE).await;
        assert_eq!(outcomes(&sent), [("mail", "accepted")], "{sent:?}");
    }
    assert_eq!((tokens_fetched(&tokens), mails.wait_for(2).len()), (1, 2));
}
