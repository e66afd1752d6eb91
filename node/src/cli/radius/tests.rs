//! A login against servers of our own making: honest, silent, misconfigured, hostile. Real sockets on
//! loopback, real packets; the server side is `quorate-radius`, as in a node.

use std::{net::SocketAddr, time::Duration};

use quorate_radius::{AccessRequest, Packet, Reply, ReplyTo, SharedSecret, client::Request};
use tokio::net::UdpSocket;

use super::exchange::{Cause, Exchange, Server};

const SECRET: &[u8] = b"between us";

/// Answers each datagram with what `answer` makes of it, until the test ends.
async fn server(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut datagram = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
            if let Some(reply) = answer(&datagram[..length]) {
                socket.send_to(&reply, from).await.expect("sends");
            }
        }
    });
    address
}

/// Password `right`, then code `123456`.
fn honest(datagram: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let secret = SharedSecret::new(secret);
    let packet = Packet::decode(datagram).expect("a packet");
    let request = AccessRequest::parse(&packet, &secret).ok()?;
    let reply = match (request.state.as_deref(), request.password.as_slice()) {
        (None, b"right") => Reply::challenge(b"opaque").message("Code?"),
        (Some(b"opaque"), b"123456") => Reply::accept(),
        _ => Reply::reject(),
    };
    Some(reply.encode_signed(&ReplyTo::of(&packet), &secret).expect("encodes"))
}

fn exchange(servers: &[SocketAddr], secret: &[u8]) -> Exchange {
    let server = |address: &SocketAddr| Server {
        name: address.to_string(),
        address: *address,
    };
    Exchange {
        servers: servers.iter().map(server).collect(),
        secret: SharedSecret::new(secret),
        timeout: Duration::from_millis(200),
        tries: 2,
        source: None,
        signed: true,
    }
}

fn login() -> Request {
    Request::access(b"alice").password(b"right")
}

/// A port on which nobody listens.
async fn closed() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    socket.local_addr().expect("bound")
}

async fn cause_of_silence(exchange: &Exchange) -> Cause {
    let silences = exchange.ask(&login()).await.expect("can send").expect_err("no answer");
    silences.last().expect("one for each server").cause
}

#[tokio::test]
async fn a_login_is_carried_through_the_challenge() {
    let exchange = exchange(&[server(|datagram| honest(datagram, SECRET)).await], SECRET);
    let asked = exchange.ask(&login()).await.expect("can send").expect("an answer");
    let state = asked.answer.state.expect("a challenge has a State");
    let code = Request::access(b"alice").password(b"123456").state(&state);
    let done = exchange.ask(&code).await.expect("can send").expect("an answer");
    assert_eq!(done.answer.code, quorate_radius::ReplyCode::Accept);
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_is_silent_or_closed() {
    let servers = [
        server(|_| None).await,
        closed().await,
        server(|datagram| honest(datagram, SECRET)).await,
    ];
    let exchange = exchange(&servers, SECRET);
    let answered = exchange
        .ask(&login())
        .await
        .expect("can send")
        .expect("the third answers");
    assert_eq!(answered.server, servers[2].to_string());
}

#[tokio::test]
async fn a_lost_request_is_sent_again_unchanged() {
    let first = std::sync::Mutex::new(None::<Vec<u8>>);
    let lossy = server(move |datagram| {
        let mut first = first.lock().expect("not poisoned");
        match first.replace(datagram.to_vec()) {
            None => None,
            Some(before) => {
                assert_eq!(before, datagram, "a retransmission is the same datagram");
                honest(datagram, SECRET)
            }
        }
    });
    let answered = exchange(&[lossy.await], SECRET)
        .ask(&login())
        .await
        .expect("can send")
        .expect("an answer");
    assert_eq!(answered.sent, 2);
}

#[tokio::test]
async fn a_closed_port_is_told_from_silence() {
    assert_eq!(
        cause_of_silence(&exchange(&[closed().await], SECRET)).await,
        Cause::Refused
    );
    assert_eq!(
        cause_of_silence(&exchange(&[server(|_| None).await], SECRET)).await,
        Cause::Nothing
    );
}

/// A server that does not check requests, so that it answers although the secrets differ.
#[tokio::test]
async fn an_answer_under_another_secret_is_not_trusted() {
    let other = server(|datagram| {
        let packet = Packet::decode(datagram).expect("a packet");
        Some(
            Reply::accept()
                .encode_signed(&ReplyTo::of(&packet), &SharedSecret::new(b"another"))
                .expect("encodes"),
        )
    });
    let exchange = exchange(&[other.await], SECRET);
    let silences = exchange
        .ask(&login())
        .await
        .expect("can send")
        .expect_err("not trusted");
    assert!(matches!(silences[0].cause, Cause::Untrusted(_)));
    let advice = super::diagnosis::advice(&silences, &exchange, Vec::new()).join("\n");
    assert!(advice.contains("shared secret"), "{advice}");
}

#[tokio::test]
async fn garbage_is_not_an_answer() {
    let garbage = server(|_| Some(b"hello".to_vec())).await;
    assert!(matches!(
        cause_of_silence(&exchange(&[garbage], SECRET)).await,
        Cause::Untrusted(_)
    ));
}

#[tokio::test]
async fn silence_lists_what_it_may_mean() {
    let mut exchange = exchange(&[server(|_| None).await], SECRET);
    exchange.signed = false;
    let silences = exchange.ask(&login()).await.expect("can send").expect_err("silence");
    let advice = super::diagnosis::advice(&silences, &exchange, Vec::new()).join("\n");
    for word in [
        "shared secret",
        "Message-Authenticator",
        "client list",
        "quorum",
        "firewall",
    ] {
        assert!(advice.contains(word), "{word}: {advice}");
    }
    let told = super::diagnosis::advice(&silences, &exchange, vec!["unknown_client".into()]).join("\n");
    assert!(told.contains("unknown client:") && !told.contains("firewall"), "{told}");
}

#[tokio::test]
async fn servers_are_named_in_several_ways() {
    for (name, address) in [
        ("127.0.0.1", "127.0.0.1:1812"),
        ("127.0.0.1:1645", "127.0.0.1:1645"),
        ("::1", "[::1]:1812"),
        ("[::1]", "[::1]:1812"),
        ("[::1]:1645", "[::1]:1645"),
    ] {
        let server = Server::resolve(name).await.expect("valid");
        assert_eq!(server.address.to_string(), address, "{name}");
    }
    assert!(Server::resolve("no.such.host.invalid").await.is_err());
}
