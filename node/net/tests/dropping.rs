//! What is not answered, and that it is counted by its reason. A datagram is shown to have been
//! dropped by what comes next on the same socket: the answer to a later request, and nothing before it.

#![allow(clippy::unwrap_used)] // a panic here is a failing test

mod house;

use std::sync::atomic::Ordering;

use house::{House, Nas, SECRET, client, vpn};
use quorate_app::{Decision, Silence};
use quorate_core::Reason;
use quorate_net::Config;
use quorate_radius::client::Request;
use quorate_radius::{AttributeType, ReplyCode};

fn ada() -> Request {
    Request::access(b"ada").password(b"correct horse")
}

#[tokio::test]
async fn what_proves_nothing_is_dropped_counted_and_leads_to_no_login() {
    let house = House::open(vpn(), |_| Decision::Accept).await;
    let nas = Nas::new(house.address()).await;
    let stranger = Nas::with_secret(house.address(), b"guessed").await;
    nas.send_raw(b"GET / HTTP/1.1").await;
    nas.send_raw(&[]).await;
    nas.send_raw(&[1, 1, 0, 20]).await;
    nas.send(&ada().unsigned()).await;
    nas.send(&Request::status_server().unsigned()).await;
    nas.send(&ada().state(b"one").state(b"two")).await;
    nas.send_raw(&[4, 1, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .await;
    stranger.send(&ada()).await;
    assert_eq!(nas.ask(&Request::status_server()).await.code, ReplyCode::Accept);
    house
        .until(|house| house.drops("wrong_message_authenticator") == 1)
        .await;
    assert_eq!(house.drops("malformed"), 3);
    assert_eq!(house.drops("missing_message_authenticator"), 2);
    assert_eq!(house.drops("invalid_request"), 1);
    assert_eq!(house.drops("unsupported_code"), 1);
    assert_eq!(house.asked(), 0);
    assert!(
        stranger.socket.try_recv(&mut [0; 64]).is_err(),
        "the stranger hears nothing"
    );
}

#[tokio::test]
async fn an_address_without_a_client_hears_nothing() {
    let clients = vec![
        (client("elsewhere", "192.0.2.0/24"), vec![SECRET]),
        (client("here, by another name", "127.0.0.1"), vec![SECRET]),
    ];
    let mut clients = clients;
    clients[1].0.nas_identifier = Some("vpn-1".into());
    let house = House::open(clients, |_| Decision::Accept).await;
    let nas = Nas::new(house.address()).await;
    nas.send(&ada()).await;
    nas.send(&ada().nas_identifier("vpn-2")).await;
    assert_eq!(nas.ask(&ada().nas_identifier("vpn-1")).await.code, ReplyCode::Accept);
    assert_eq!(house.drops("unknown_client"), 2);
    assert_eq!(house.asked(), 1);
}

#[tokio::test]
async fn more_logins_than_may_be_judged_are_dropped_and_counted() {
    let config = Config {
        in_flight_max: 2,
        ..Config::listening_on(vec!["127.0.0.1:0".parse().unwrap()])
    };
    let house = House::open_with(config, vpn(), |_| Decision::Accept).await;
    let nas = Nas::new(house.address()).await;
    let hold = house.rooms.gate.acquire().await.unwrap();
    nas.send(&ada()).await;
    nas.send(&ada()).await;
    house.until(|house| house.asked() == 2).await;
    assert_eq!(house.metric("quorate_radius_logins_in_flight", ""), 2);
    let third = nas.send(&ada()).await;
    house.until(|house| house.drops("queue_full") == 1).await;
    assert_eq!(
        nas.ask(&Request::status_server()).await.code,
        ReplyCode::Accept,
        "probes pass"
    );
    drop(hold);
    nas.receive().await;
    nas.receive().await;
    house
        .until(|house| house.metric("quorate_radius_logins_in_flight", "") == 0)
        .await;
    nas.send_raw(third.datagram()).await;
    nas.receive().await;
    assert_eq!(house.asked(), 3, "what was dropped is taken when it comes again");
}

#[tokio::test]
async fn without_a_verdict_nothing_is_sent_and_the_next_copy_is_judged_anew() {
    let house = House::open(vpn(), |_| Decision::Silent(Silence::NoQuorum)).await;
    let nas = Nas::new(house.address()).await;
    let sent = nas.send(&ada()).await;
    house.until(|house| house.drops("no_verdict") == 1).await;
    nas.send_raw(sent.datagram()).await;
    house.until(|house| house.drops("no_verdict") == 2).await;
    house.rooms.serving.store(false, Ordering::SeqCst);
    nas.send(&Request::status_server()).await;
    house.until(|house| house.drops("not_serving") == 1).await;
    assert!(nas.socket.try_recv(&mut [0; 64]).is_err());
    assert_eq!(house.metric("quorate_logins_total", "silent"), 2);
    assert_eq!(house.metric("quorate_login_silences_total", "no_quorum"), 2);
}

/// The clock is tokio's and stands still but for this: when nobody has anything to do, it jumps.
#[tokio::test(start_paused = true)]
async fn nothing_leaves_ten_seconds_after_the_request_came() {
    let house = House::open(vpn(), |_| Decision::Accept).await;
    let nas = Nas::new(house.address()).await;
    let hold = house.rooms.gate.acquire().await.unwrap();
    let sent = nas.send(&ada()).await;
    house.until(|house| house.asked() == 1).await;
    tokio::time::sleep(quorate_net::limits::REPLY_WITHIN).await;
    house.until(|house| house.drops("late") == 1).await;
    drop(hold);
    nas.send_raw(sent.datagram()).await;
    house.until(|house| house.asked() == 2).await;
    nas.receive().await;
    assert!(
        nas.socket.try_recv(&mut [0; 64]).is_err(),
        "the late one was not sent after all"
    );
}

#[tokio::test]
async fn a_reply_that_does_not_fit_is_counted() {
    let house = House::open(vpn(), |_| Decision::Challenge {
        state: vec![0; 254],
        prompt: "".into(),
    });
    let house = house.await;
    let nas = Nas::new(house.address()).await;
    nas.send(&ada()).await;
    house.until(|house| house.drops("reply_too_long") == 1).await;
}

#[tokio::test]
async fn requests_that_no_login_can_come_of_are_rejected_so_that_the_nas_stops() {
    let house = House::open(vpn(), |_| Decision::Accept).await;
    let nas = Nas::new(house.address()).await;
    let chap = Request::access(b"ada").attribute(AttributeType::CHAP_PASSWORD, &[1; 17]);
    let eap = Request::access(b"ada").attribute(AttributeType::EAP_MESSAGE, &[2, 1, 0, 5, 1]);
    for request in [chap, eap, Request::access(b"ada"), Request::access(b"").password(b"x")] {
        assert_eq!(nas.ask(&request).await.code, ReplyCode::Reject);
    }
    assert_eq!(house.asked(), 0);
}

#[tokio::test]
async fn a_flood_of_damaged_packets_leaves_the_server_serving() {
    let house = House::open(vpn(), |_| Decision::Reject(Reason::WrongPassword)).await;
    let nas = Nas::new(house.address()).await;
    let secret = quorate_radius::SharedSecret::new(SECRET);
    let valid = ada().encode(1, [1; 16], &secret).unwrap();
    let mut sent = 0_u64;
    for octet in 0..valid.datagram().len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut damaged = valid.datagram().to_vec();
            if damaged[octet] != value {
                damaged[octet] = value;
                nas.send_raw(&damaged).await;
                nas.send_raw(&damaged[..octet]).await;
                sent += 2;
            }
        }
        // In step with the server, so that no receive buffer overflows.
        assert_eq!(nas.ask(&Request::status_server()).await.code, ReplyCode::Accept);
    }
    assert_eq!(house.drops(""), sent, "every one was dropped for some reason");
    assert_eq!(house.asked(), 0);
    assert_eq!(nas.ask(&ada()).await.code, ReplyCode::Reject);
}
