//! What is answered: over real sockets, with the client side of `quorate-radius` as the NAS.

#![allow(clippy::unwrap_used)] // a panic here is a failing test

mod house;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;

use house::{House, Nas, SECRET, client, vpn};
use prometheus::Registry;
use quorate_app::Decision;
use quorate_core::Reason;
use quorate_net::{BindError, Config, Metrics, RadiusServer};
use quorate_radius::client::Request;
use quorate_radius::{Packet, ReplyCode, SharedSecret};

fn ada() -> Request {
    Request::access(b"ada").password(b"correct horse")
}

#[tokio::test]
async fn a_login_in_two_steps_is_carried_through() {
    let house = House::open(vpn(), |login| match login.state.as_deref() {
        None if &login.password[..] == b"correct horse" => Decision::Challenge {
            state: vec![7; 200],
            prompt: "Code?".into(),
        },
        Some(state) if state == [7; 200] && &login.password[..] == b"123456" => Decision::Accept,
        _ => Decision::Reject(Reason::WrongPassword),
    });
    let house = house.await;
    let nas = Nas::new(house.address()).await;
    let challenge = nas.ask(&ada()).await;
    assert_eq!(challenge.code, ReplyCode::Challenge);
    assert_eq!(challenge.messages, ["Code?"]);
    let code = Request::access(b"ada")
        .password(b"123456")
        .state(&challenge.state.unwrap());
    assert_eq!(nas.ask(&code).await.code, ReplyCode::Accept);
    let reject = nas.ask(&Request::access(b"ada").password(b"wrong")).await;
    assert_eq!(
        (reject.code, &reject.messages[..]),
        (ReplyCode::Reject, &["Login failed.".into()][..])
    );
    for result in ["accept", "challenge", "reject"] {
        assert_eq!(house.metric("quorate_logins_total", result), 1, "{result}");
    }
    assert_eq!(house.metric("quorate_login_rejects_total", "wrong_password"), 1);
    assert_eq!(house.metric("quorate_logins_total", "vpn"), 3, "by client");
}

#[tokio::test]
async fn a_copy_gets_the_same_octets_without_a_second_judgement() {
    let house = House::open(vpn(), |_| Decision::Reject(Reason::WrongCode)).await;
    let nas = Nas::new(house.address()).await;
    let hold = house.rooms.gate.acquire().await.unwrap();
    let sent = nas.send(&ada()).await;
    nas.send_raw(sent.datagram()).await;
    house.until(|house| house.drops("duplicate") == 1).await;
    drop(hold);
    let first = nas.receive().await;
    let mut padded = sent.datagram().to_vec();
    padded.push(0);
    for copy in [sent.datagram(), &padded[..]] {
        nas.send_raw(copy).await;
        assert_eq!(nas.receive().await, first);
    }
    assert_eq!(house.asked(), 1);
    assert_eq!(house.metric("quorate_radius_replies_repeated_total", ""), 2);
    let elsewhere = Nas::new(house.address()).await;
    elsewhere.send_raw(sent.datagram()).await;
    assert_eq!(elsewhere.receive().await, first, "the same reply, to whoever asks");
    assert_eq!(house.asked(), 2, "from another port it is another request");
}

/// After a disable a remembered accept is void, and only the log knows.
#[tokio::test]
async fn an_accept_is_never_repeated_from_memory() {
    let disabled = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&disabled);
    let house = House::open(vpn(), move |_| match seen.load(std::sync::atomic::Ordering::SeqCst) {
        false => Decision::Accept,
        true => Decision::Reject(Reason::Voided),
    });
    let house = house.await;
    let nas = Nas::new(house.address()).await;
    let sent = nas.send(&ada()).await;
    let first = nas.receive().await;
    nas.send_raw(sent.datagram()).await;
    assert_eq!(nas.receive().await, first, "judged again, to the same octets");
    assert_eq!(house.asked(), 2);
    disabled.store(true, std::sync::atomic::Ordering::SeqCst);
    nas.send_raw(sent.datagram()).await;
    let secret = SharedSecret::new(SECRET);
    let answer = sent.verify(&nas.receive().await, &secret).unwrap();
    assert_eq!(answer.code, ReplyCode::Reject);
}

#[tokio::test]
async fn message_authenticator_decides_between_secrets_and_clients_of_one_address() {
    let mut narrow = client("narrow", "127.0.0.1");
    narrow.nas_identifier = Some("vpn-1".into());
    let clients = vec![
        (client("everybody", "0.0.0.0/0"), vec![&b"for everybody"[..]]),
        (
            client("rotating", "127.0.0.0/8"),
            vec![&b"old secret"[..], b"new secret"],
        ),
        (client("neighbour", "127.0.0.0/8"), vec![&b"neighbour"[..]]),
        (narrow, vec![&b"new secret"[..]]),
    ];
    let heard = std::sync::Arc::new(Mutex::new(Vec::new()));
    let notes = std::sync::Arc::clone(&heard);
    let house = House::open(clients, move |login| {
        notes.lock().unwrap().push(login.client.name.to_string());
        Decision::Accept
    });
    let house = house.await;
    for secret in [&b"old secret"[..], b"new secret", b"neighbour", b"for everybody"] {
        // `ask` verifies that the reply was signed with the very secret of the request.
        let nas = Nas::with_secret(house.address(), secret).await;
        assert_eq!(nas.ask(&ada()).await.code, ReplyCode::Accept);
    }
    let nas = Nas::with_secret(house.address(), b"new secret").await;
    assert_eq!(nas.ask(&ada().nas_identifier("vpn-1")).await.code, ReplyCode::Accept);
    let heard = heard.lock().unwrap();
    assert_eq!(heard[..], ["rotating", "rotating", "neighbour", "everybody", "narrow"]);
}

#[tokio::test]
async fn an_unsigned_request_goes_to_the_most_specific_client_if_that_allows_it() {
    let mut lax = client("lax", "127.0.0.1");
    lax.require_message_authenticator = false;
    let clients = vec![
        (client("strict", "127.0.0.0/8"), vec![&b"other"[..]]),
        (lax, vec![SECRET]),
    ];
    let house = House::open(clients, |login| match &*login.client.name {
        "lax" if &login.password[..] == b"correct horse" => Decision::Accept,
        _ => Decision::Reject(Reason::WrongPassword),
    });
    let house = house.await;
    let nas = Nas::new(house.address()).await;
    assert_eq!(nas.ask(&ada().unsigned()).await.code, ReplyCode::Accept);
    let wrong = Nas::with_secret(house.address(), b"wrong").await;
    wrong.send(&ada()).await;
    house
        .until(|house| house.drops("wrong_message_authenticator") == 1)
        .await;
}

#[tokio::test]
async fn one_dual_stack_socket_serves_both_and_answers_from_the_address_that_was_asked() {
    let clients = vec![
        (client("v4", "127.0.0.0/8"), vec![SECRET]),
        (client("v6", "::1"), vec![SECRET]),
    ];
    let config = Config::listening_on(vec!["[::]:0".parse().unwrap()]);
    let house = House::open_with(config, clients, |login| {
        let plain = login.source.to_canonical() == login.source;
        let right = (login.source == IpAddr::V4(Ipv4Addr::LOCALHOST)) == (&*login.client.name == "v4");
        if plain && right {
            Decision::Accept
        } else {
            Decision::Reject(Reason::UnknownUser)
        }
    });
    let house = house.await;
    let port = house.address().port();
    // The sockets are connected: a reply from another address than the one asked never arrives.
    for asked in ["127.0.0.1", "127.0.0.77", "::1"] {
        let nas = Nas::new((asked.parse::<IpAddr>().unwrap(), port).into()).await;
        assert_eq!(nas.ask(&ada()).await.code, ReplyCode::Accept, "{asked}");
    }
}

#[tokio::test]
async fn several_sockets_share_the_port_and_every_source_is_answered() {
    let config = Config {
        sockets: 4,
        ..Config::listening_on(vec!["127.0.0.1:0".parse().unwrap(), "127.0.0.2:0".parse().unwrap()])
    };
    let house = House::open_with(config, vpn(), |_| Decision::Accept).await;
    let addresses = house.server.addresses().to_vec();
    assert_eq!(addresses.len(), 2);
    for number in 0..64 {
        let nas = Nas::new(addresses[number % 2]).await;
        assert_eq!(nas.ask(&ada()).await.code, ReplyCode::Accept);
    }
    assert_eq!(house.asked(), 64);
    assert!(house.metric("quorate_radius_receive_buffer_bytes", "") > 0);
}

#[tokio::test]
async fn a_port_in_use_is_refused_in_a_sentence_even_by_our_own_kind() {
    let house = House::open(vpn(), |_| Decision::Accept).await;
    let address = house.address();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let second = RadiusServer::start(Config::listening_on(vec![address]), house::Port::of(&house), metrics);
    let problem = second.await.err().expect("it is refused");
    assert!(matches!(problem, BindError::InUse { .. }), "{problem:?}");
    assert!(
        problem.to_string().contains("another process has this port"),
        "{problem}"
    );
    let nas = Nas::new(address).await;
    assert_eq!(nas.ask(&ada()).await.code, ReplyCode::Accept, "the first one serves on");
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused_in_a_sentence() {
    let house = House::open(vpn(), |_| Decision::Accept).await;
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let elsewhere = Config::listening_on(vec!["192.0.2.1:0".parse().unwrap()]);
    let problem = RadiusServer::start(elsewhere, house::Port::of(&house), metrics)
        .await
        .err()
        .unwrap();
    assert!(matches!(problem, BindError::NoSuchAddress { .. }), "{problem:?}");
}

#[tokio::test]
async fn stopping_waits_for_the_login_in_hand_and_frees_the_port() {
    let house = House::open(vpn(), |_| Decision::Accept).await;
    let address = house.address();
    let nas = Nas::new(address).await;
    let rooms = std::sync::Arc::clone(&house.rooms);
    let hold = rooms.gate.acquire().await.unwrap();
    let sent = nas.send(&ada()).await;
    house.until(|house| house.asked() == 1).await;
    let stopping = tokio::spawn(house.server.stop());
    drop(hold);
    let reply = nas.receive().await;
    assert!(sent.verify(&reply, &SharedSecret::new(SECRET)).is_ok());
    stopping.await.unwrap();
    assert!(std::net::UdpSocket::bind(address).is_ok(), "the port is free again");
}

#[tokio::test]
async fn every_reply_begins_with_message_authenticator() {
    let house = House::open(vpn(), |_| Decision::Reject(Reason::Locked)).await;
    let nas = Nas::new(house.address()).await;
    for request in [ada(), Request::status_server(), Request::access(b"ada")] {
        nas.send(&request).await;
        let datagram = nas.receive().await;
        let first = Packet::decode(&datagram).unwrap().attributes().next().unwrap();
        assert_eq!(first.kind, quorate_radius::AttributeType::MESSAGE_AUTHENTICATOR);
    }
}
