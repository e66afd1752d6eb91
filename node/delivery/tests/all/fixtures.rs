//! Messages, gateways and the sending of one through the other.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use quorate_delivery::{
    Channel, ConsoleWriter, Gateway, Http, Kind, MailAddress, Message, Outcome, Phone, Problem, Recipient, Routes,
    Secret, Sent, Smpp, SmppServer, Smtp, SmtpAuthentication, SmtpServer, SmtpTls, Trust,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

pub const NUMBER: &str = "+905321234567";
pub const CODE: &str = "492039";

/// Long enough for everything that is to succeed, on a machine that has much to do.
pub const AMPLE: Duration = Duration::from_secs(60);

pub fn console() -> ConsoleWriter {
    Arc::new(Mutex::new(std::io::sink()))
}

pub fn sms() -> Message {
    sms_to(NUMBER)
}

pub fn sms_to(number: &str) -> Message {
    sms_of(number, &format!("Your code is {CODE}"))
}

pub fn sms_of(number: &str, text: &str) -> Message {
    let to = Recipient::Phone(Phone::parse(number, "").unwrap());
    let text = Zeroizing::new(text.to_owned());
    let message = Message::new(Channel::Sms, to, "ref-1", text).unwrap();
    let message = message.with_code(Secret::new(CODE)).unwrap();
    message.with_context("alice", "VPN", "en").unwrap()
}

pub fn mail() -> Message {
    mail_to("alice@example.com")
}

pub fn mail_to(address: &str) -> Message {
    let to = Recipient::Mail(MailAddress::parse(address).unwrap());
    let text = Zeroizing::new(format!("Your code is {CODE}\n.\nIt is good for 5 minutes."));
    let message = Message::new(Channel::Email, to, "ref-2", text).unwrap();
    let message = message.with_subject("Your code").unwrap();
    message.with_code(Secret::new(CODE)).unwrap()
}

/// An HTTP gateway at a path of the test server.
pub fn at(name: &str, port: u16, path: &str) -> Gateway {
    gateway(name, http_at(port, path))
}

pub fn http_at(port: u16, path: &str) -> Http {
    let mut http = Http::new(format!("http://127.0.0.1:{port}{path}"));
    http.body = quorate_delivery::Body::Json(r#"{"to":"{to}","text":"{text}"}"#.to_owned());
    http
}

pub fn gateway(name: &str, http: Http) -> Gateway {
    let mut gateway = Gateway::new(name, [Channel::Sms], Kind::Http(Box::new(http)));
    gateway.timeout_ms = 30_000;
    gateway
}

/// A mail gateway with these servers.
pub fn mail_gateway(servers: &[(u16, SmtpTls)], authentication: SmtpAuthentication, ca_pem: &str) -> Gateway {
    let server = |(port, tls): &(u16, SmtpTls)| SmtpServer {
        host: "localhost".to_owned(),
        port: *port,
        tls: *tls,
    };
    let smtp = Smtp {
        servers: servers.iter().map(server).collect(),
        authentication,
        allow_clear_authentication: true,
        from: "mfa@example.com".to_owned(),
        from_name: "Quorate".to_owned(),
        reply_to: "help@example.com".to_owned(),
        helo_name: "node-1.example.com".to_owned(),
        trust: Trust {
            ca_pem: ca_pem.to_owned(),
            ca_file: String::new(),
        },
    };
    let mut gateway = Gateway::new("mail", [Channel::Email], Kind::Smtp(Box::new(smtp)));
    gateway.timeout_ms = 30_000;
    gateway
}

/// An SMPP gateway with servers at these ports.
pub fn smpp_gateway(name: &str, ports: &[u16]) -> Gateway {
    let server = |port: &u16| SmppServer {
        host: "localhost".to_owned(),
        port: *port,
        tls: false,
    };
    let mut smpp = Smpp::new(
        ports.iter().map(server).collect::<Vec<_>>(),
        "quorate",
        Secret::new("s3cretpw"),
    );
    smpp.allow_clear_authentication = true;
    let mut gateway = Gateway::new(name, [Channel::Sms], Kind::Smpp(Box::new(smpp)));
    gateway.timeout_ms = 30_000;
    gateway
}

pub fn routes(gateways: &[Gateway]) -> Routes {
    let routes = Routes::new(gateways, console()).unwrap();
    for status in routes.status() {
        assert_eq!(status.unusable, "");
    }
    routes
}

pub async fn send(gateways: &[Gateway], message: &Message) -> Sent {
    routes(gateways).send(message, Instant::now() + AMPLE).await
}

/// The outcomes of all attempts, one word each, with their gateways.
pub fn outcomes(sent: &Sent) -> Vec<(&str, &'static str)> {
    sent.attempts()
        .iter()
        .map(|attempt| (attempt.gateway.as_str(), word(&attempt.outcome)))
        .collect()
}

pub fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Refused { .. } => "refused",
        Outcome::Unreachable { .. } => "unreachable",
        Outcome::Unknown { .. } => "unknown",
        Outcome::RateLimited { .. } => "rate limited",
        Outcome::TooLate => "too late",
    }
}

pub fn last(sent: &Sent) -> String {
    sent.attempts()
        .last()
        .map(|attempt| attempt.outcome.to_string())
        .unwrap_or_default()
}

pub fn texts(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
