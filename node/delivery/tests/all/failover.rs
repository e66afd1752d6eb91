//! Two HTTP gateways in processes of their own, the first of which is slow, wrong, dead or duplicate in turn: a message that may have been
//! sent is not sent again by the other, and one that certainly was not is.

use quorate_delivery::{AnswerRule, Kind, Sent};
use quorate_gateways::{ClosedPort, Server, http_server};

use crate::fixtures::{at, http_at, outcomes, send, sms};

/// What a first gateway does, and whether the second one may have the message then.
const FAULTS: [(&str, &str); 15] = [
    ("/status/400", "refused"),
    ("/status/401", "refused"),
    ("/status/404", "refused"),
    ("/status/429", "refused"),
    ("/status/302", "refused"),
    ("/status/503", "refused"),
    ("/error-body", "refused"),
    ("/status/500", "unknown"),
    ("/status/502", "unknown"),
    ("/status/504", "unknown"),
    ("/slow", "unknown"),
    ("/close", "unknown"),
    ("/half", "unknown"),
    ("/garbage", "unknown"),
    ("/endless", "unknown"),
];

/// The first gateway's success is told by its body, so that half an answer and an endless one tell nothing.
fn first(port: u16, path: &str) -> quorate_delivery::Gateway {
    let mut http = http_at(port, path);
    http.success.body = AnswerRule::Contains("\"status\":\"0\"".to_owned());
    let mut gateway = crate::fixtures::gateway("first", http);
    if path == "/slow" {
        gateway.timeout_ms = 1_500;
    }
    gateway.retries = 2;
    gateway
}

fn requests(server: &Server, path: &str) -> usize {
    server.recorded().iter().filter(|entry| entry["path"] == path).count()
}

#[tokio::test]
async fn only_what_was_certainly_not_sent_is_sent_by_another() {
    let (one, two) = (http_server(&[], None), http_server(&[], None));
    let mut by_two = 0;
    for (path, wanted) in FAULTS {
        let sent = send(
            &[first(one.port("port"), path), at("second", two.port("port"), "/ok")],
            &sms(),
        )
        .await;
        if wanted == "refused" {
            assert_eq!(
                outcomes(&sent),
                [("first", "refused"), ("second", "accepted")],
                "{path}: {sent:?}"
            );
            by_two += 1;
        } else {
            assert_eq!(outcomes(&sent), [("first", wanted)], "{path}: {sent:?}");
            assert!(matches!(sent, Sent::Failed { .. }) && sent.may_have_arrived(), "{path}");
        }
        assert_eq!(requests(&one, path), 1, "{path}: asked once, with two retries allowed");
        assert_eq!(requests(&two, "/ok"), by_two, "{path}");
    }
}

#[tokio::test]
async fn who_refuses_connections_is_tried_again_and_then_passed_over() {
    let two = http_server(&[], None);
    let closed = ClosedPort::new();
    let sent = send(
        &[first(closed.number(), "/ok"), at("second", two.port("port"), "/ok")],
        &sms(),
    )
    .await;
    let wanted = [
        ("first", "unreachable"),
        ("first", "unreachable"),
        ("first", "unreachable"),
        ("second", "accepted"),
    ];
    assert_eq!(outcomes(&sent), wanted, "{sent:?}");
    assert_eq!(two.wait_for(1).len(), 1);
    let Sent::Delivered { gateway, .. } = sent else {
        panic!()
    };
    assert_eq!(gateway, "second");
}

/// Whoever takes a connection and hangs up may have read the request or not. The answer must be the careful one unless not a byte was written.
#[tokio::test]
async fn who_hangs_up_at_once_is_unknown_or_certainly_without_the_message() {
    let (one, two) = (http_server(&[], None), http_server(&[], None));
    for _ in 0..20 {
        let before = requests(&two, "/ok");
        let mut gateway = first(one.port("dead"), "/ok");
        gateway.retries = 0;
        let sent = send(&[gateway, at("second", two.port("port"), "/ok")], &sms()).await;
        let by_two = requests(&two, "/ok") - before;
        match outcomes(&sent)[..] {
            [("first", "unknown")] => assert_eq!(by_two, 0),
            [("first", "unreachable"), ("second", "accepted")] => assert_eq!(by_two, 1),
            _ => panic!("{sent:?}"),
        }
    }
}

#[tokio::test]
async fn who_answers_twice_has_sent_once() {
    let one = http_server(&[], None);
    let sent = send(
        &[
            at("first", one.port("port"), "/twice"),
            at("second", one.port("port"), "/ok"),
        ],
        &sms(),
    )
    .await;
    assert_eq!(outcomes(&sent), [("first", "accepted")]);
    assert_eq!((requests(&one, "/twice"), requests(&one, "/ok")), (1, 0));
}

#[tokio::test]
async fn who_answers_late_has_not_answered() {
    // The answer comes two seconds after the request, when nobody waits for it any more.
    let (one, two) = (http_server(&["--slow", "2"], None), http_server(&[], None));
    let mut late = at("first", one.port("port"), "/slow");
    late.timeout_ms = 1_000;
    let sent = send(&[late, at("second", two.port("port"), "/ok")], &sms()).await;
    assert_eq!(outcomes(&sent), [("first", "unknown")], "{sent:?}");
    assert_eq!(requests(&one, "/slow"), 1);
    assert!(two.recorded().is_empty());
}

#[tokio::test]
async fn the_operator_may_prefer_two_messages_to_none() {
    let (one, two) = (http_server(&[], None), http_server(&[], None));
    let mut gateway = first(one.port("port"), "/close");
    gateway.retry_unknown = true;
    let sent = send(&[gateway, at("second", two.port("port"), "/ok")], &sms()).await;
    let wanted = [
        ("first", "unknown"),
        ("first", "unknown"),
        ("first", "unknown"),
        ("second", "accepted"),
    ];
    assert_eq!(outcomes(&sent), wanted, "{sent:?}");
    assert_eq!((requests(&one, "/close"), requests(&two, "/ok")), (3, 1));
}

#[tokio::test]
async fn the_operator_may_know_what_a_status_means() {
    let (one, two) = (http_server(&[], None), http_server(&[], None));
    let mut gateway = first(one.port("port"), "/status/500");
    if let Kind::Http(http) = &mut gateway.kind {
        http.refused.push(quorate_delivery::StatusRange::new(500, 500));
    }
    let sent = send(&[gateway, at("second", two.port("port"), "/ok")], &sms()).await;
    assert_eq!(
        outcomes(&sent),
        [("first", "refused"), ("second", "accepted")],
        "{sent:?}"
    );
}
