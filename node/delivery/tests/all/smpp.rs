//! Text messages through a message centre that speaks SMPP (Net::SMPP), which is right, wrong, slow, dead, duplicate and endless in turn.

use quorate_delivery::{
    Gateway, Kind, LongMessages, NumberingPlan, Sent, Smpp, SmppCoding, SmppSender, StepName, Trust, TypeOfNumber,
};
use quorate_gateways::{Certificates, ClosedPort, Server, http_server, smpp_server, tls_in_front_of};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::fixtures::{AMPLE, CODE, NUMBER, at, last, outcomes, routes, send, smpp_gateway, sms, sms_of};

fn changed(mut gateway: Gateway, change: impl FnOnce(&mut Smpp)) -> Gateway {
    let Kind::Smpp(smpp) = &mut gateway.kind else { panic!() };
    change(smpp);
    gateway
}

/// A gateway that gives up soon, for servers that say nothing; and not too soon for those that have to answer the bind first.
fn hasty(port: u16) -> Gateway {
    Gateway {
        timeout_ms: 4_000,
        retries: 2,
        ..smpp_gateway("first", &[port])
    }
}

fn of_command(server: &Server, command: &str) -> Vec<Value> {
    let mut recorded = server.recorded();
    recorded.retain(|entry| entry["command"] == command);
    recorded
}

/// The entries of this command, once there are so many. It blocks: leaves are taken by a task of their own, which needs another thread.
fn wait_for(server: &Server, command: &str, count: usize) -> Vec<Value> {
    let mut wanted = count;
    loop {
        let mut recorded = server.wait_for(wanted);
        wanted = recorded.len() + 1;
        recorded.retain(|entry| entry["command"] == command);
        if recorded.len() >= count {
            return recorded;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_as_it_was_written() {
    let server = smpp_server(&["--system-id", "quorate", "--password", "s3cretpw"]);
    let gateway = changed(smpp_gateway("sms", &[server.port("port")]), |smpp| {
        "OTP".clone_into(&mut smpp.system_type);
        smpp.sender = SmppSender {
            address: "Example".to_owned(),
            ton: TypeOfNumber::Alphanumeric,
            npi: NumberingPlan::Unknown,
        };
    });
    let sent = send(&[gateway], &sms()).await;
    let Sent::Delivered { reference, .. } = &sent else {
        panic!("{sent:?}")
    };
    assert_eq!(reference.as_deref(), Some("M-1"));
    assert_eq!(last(&sent), "accepted: ESME_ROK");
    wait_for(&server, "unbind", 1);
    let commands: Vec<_> = server.recorded().iter().map(|entry| entry["command"].clone()).collect();
    assert_eq!(commands, ["bind_transmitter", "submit_sm", "unbind"]);
    let bind = &server.recorded()[0];
    assert_eq!(
        (&bind["system_type"], &bind["interface_version"]),
        (&json!("OTP"), &json!(0x34))
    );
    let submit = &server.recorded()[1];
    for (field, wanted) in [
        ("text", json!(format!("Your code is {CODE}"))),
        ("data_coding", json!(0)),
        ("esm_class", json!(0)),
        ("registered_delivery", json!(0)),
        ("payload", json!(false)),
        ("destination_addr", json!(&NUMBER[1..])),
        ("dest_addr_ton", json!(1)),
        ("dest_addr_npi", json!(1)),
        ("source_addr", json!("Example")),
        ("source_addr_ton", json!(5)),
        ("source_addr_npi", json!(0)),
    ] {
        assert_eq!(submit[field], wanted, "{field}");
    }
}

#[tokio::test]
async fn every_text_is_on_the_telephone_what_it_was_here() {
    let server = smpp_server(&[]);
    let port = server.port("port");
    let plain = "@£$¥èéùìòÇ ØøÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ ¤ ^{}\\[~]|€ ÄÖÑÜ§¿äöñüà 492039";
    let turkish = "Doğrulama kodunuz 492039, kimseyle paylaşmayın 😀";
    for (text, coding, wanted) in [
        (plain, SmppCoding::Automatic, 0),
        (plain, SmppCoding::Ucs2, 8),
        (turkish, SmppCoding::Automatic, 8),
    ] {
        let before = of_command(&server, "submit_sm").len();
        let gateway = changed(smpp_gateway("sms", &[port]), |smpp| smpp.coding = coding);
        let sent = send(&[gateway], &sms_of(NUMBER, text)).await;
        assert_eq!(outcomes(&sent), [("sms", "accepted")], "{sent:?}");
        let submit = &of_command(&server, "submit_sm")[before..];
        assert_eq!(
            (&submit[0]["text"], &submit[0]["data_coding"]),
            (&json!(text), &json!(wanted))
        );
        assert_eq!(submit.len(), 1);
    }
}

#[tokio::test]
async fn a_long_text_goes_in_parts_or_as_a_whole() {
    let server = smpp_server(&[]);
    let port = server.port("port");
    let plain = format!("{}{CODE}", "Your code comes at the end. ".repeat(7));
    let turkish = format!("{}{CODE}", "Kodunuz aşağıda. ".repeat(6));
    for (text, octets) in [(&plain, 153), (&turkish, 134)] {
        let before = of_command(&server, "submit_sm").len();
        let sent = send(&[smpp_gateway("sms", &[port])], &sms_of(NUMBER, text)).await;
        assert_eq!(last(&sent), "accepted: ESME_ROK, in 2 parts");
        let parts = &of_command(&server, "submit_sm")[before..];
        let whole: String = parts.iter().map(|part| part["text"].as_str().unwrap()).collect();
        assert_eq!((&whole, parts.len()), (text, 2));
        assert_eq!(parts[0]["octets"], octets);
        for (part, number) in parts.iter().zip(["01", "02"]) {
            assert_eq!(part["esm_class"], 0x40);
            let udh = part["udh"].as_str().unwrap();
            assert!(
                udh.starts_with("050003") && udh.ends_with(&format!("02{number}")),
                "{udh}"
            );
            assert_eq!(udh, &format!("{}{number}", &parts[0]["udh"].as_str().unwrap()[..10]));
        }

        let gateway = changed(smpp_gateway("sms", &[port]), |smpp| {
            smpp.long_messages = LongMessages::MessagePayload;
        });
        let sent = send(&[gateway], &sms_of(NUMBER, text)).await;
        assert_eq!(last(&sent), "accepted: ESME_ROK");
        let submits = &of_command(&server, "submit_sm")[before + 2..];
        assert_eq!(submits.len(), 1);
        assert_eq!(
            (&submits[0]["text"], &submits[0]["payload"], &submits[0]["esm_class"]),
            (&json!(text), &json!(true), &json!(0))
        );
    }
    let endless = "x".repeat(153 * 10 + 1);
    let sent = send(&[smpp_gateway("sms", &[port])], &sms_of(NUMBER, &endless)).await;
    assert_eq!(
        last(&sent),
        "refused: the text is as long as 11 messages; 10 are sent at the most"
    );
}

/// What a server does, how the attempt ends, and whether the next gateway may have the message.
const FAULTS: [(&[&str], &str, bool); 21] = [
    (
        &["--system-id", "quorate", "--password", "another"],
        "refused: bind_transmitter: ESME_RINVPASWD (0x0000000E), the password is wrong",
        true,
    ),
    (
        &["--system-id", "another"],
        "refused: bind_transmitter: ESME_RINVSYSID (0x0000000F), the system_id is wrong",
        true,
    ),
    (
        &["--bind-status", "0x05"],
        "refused: bind_transmitter: ESME_RALYBND (0x00000005), the account is bound as often as it may be: lower sessions, \
         or ask the provider for more",
        true,
    ),
    (
        &["--submit-status", "0x58"],
        "refused: submit_sm: ESME_RTHROTTLED (0x00000058), more messages than the account may send: give the gateway a \
         lower rate",
        true,
    ),
    (
        &["--submit-status", "0x14"],
        "refused: submit_sm: ESME_RMSGQFUL (0x00000014), its queue is full",
        true,
    ),
    (
        &["--submit-status", "0x45", "--mode", "body"],
        "refused: submit_sm: ESME_RSUBMITFAIL (0x00000045), it could not take the message",
        true,
    ),
    (
        &["--submit-status", "0x44B"],
        "refused: submit_sm: a status of this provider's own (0x0000044B)",
        true,
    ),
    (
        &["--submit-status", "0x0B"],
        "refused: submit_sm: ESME_RINVDSTADR (0x0000000B), the number is not valid",
        false,
    ),
    (
        &["--submit-status", "0x08"],
        "unknown: submit_sm: ESME_RSYSERR (0x00000008), a fault of the server",
        false,
    ),
    (
        &["--mode", "nack"],
        "refused: generic_nack: the server does not understand us (0x00000003)",
        true,
    ),
    (
        &["--mode", "nack-nobody"],
        "unknown: generic_nack: the server does not understand us (0x00000002)",
        false,
    ),
    (
        &["--mode", "silent"],
        "unreachable: time was up while logging in with bind_transmitter",
        true,
    ),
    (
        &["--mode", "dead-bind"],
        "unreachable: the server hung up: early eof",
        true,
    ),
    (
        &["--mode", "unbind-first"],
        "unreachable: the server ended the session (unbind)",
        true,
    ),
    (
        &["--mode", "slow"],
        "unknown: time was up while waiting for the answer to submit_sm",
        false,
    ),
    (&["--mode", "dead"], "unknown: the server hung up: early eof", false),
    (
        &["--mode", "wrong-sequence"],
        "unknown: time was up while waiting for the answer to submit_sm",
        false,
    ),
    (
        &["--mode", "unbind"],
        "unknown: the server ended the session (unbind)",
        false,
    ),
    (
        &["--mode", "huge"],
        "unknown: the server speaks no SMPP, or too much of it: a PDU of 4294967295 octets, and 4096 are read",
        false,
    ),
    (
        &["--mode", "tiny"],
        "unknown: the server speaks no SMPP, or too much of it: a PDU of 4 octets, and 4096 are read",
        false,
    ),
    (
        &["--mode", "chatter"],
        "unknown: the server said 64 other things instead of answering",
        false,
    ),
];

#[tokio::test]
async fn only_what_was_certainly_not_sent_is_sent_by_another() {
    let two = http_server(&[], None);
    let mut by_two = 0;
    for (options, wanted, goes_on) in FAULTS {
        let one = smpp_server(options);
        // Who answers gets the time that it needs; who does not is waited for in vain.
        let in_vain = wanted.contains("time was up");
        let mut first = hasty(one.port("port"));
        if !in_vain {
            first.timeout_ms = 30_000;
        }
        if wanted.starts_with("unreachable") {
            first.retries = 0;
        }
        let sent = send(&[first, at("second", two.port("port"), "/ok")], &sms()).await;
        let attempts = sent.attempts();
        assert_eq!(attempts[0].outcome.to_string(), wanted, "{options:?}");
        let asked: Vec<_> = outcomes(&sent).iter().map(|(gateway, _)| *gateway).collect();
        if goes_on {
            assert_eq!(asked, ["first", "second"], "{options:?}: {sent:?}");
            by_two += 1;
        } else {
            assert_eq!(asked, ["first"], "{options:?}: {sent:?}");
            assert_eq!(sent.may_have_arrived(), wanted.starts_with("unknown"), "{options:?}");
        }
        assert_eq!(two.recorded().len(), by_two, "{options:?}");
        assert!(of_command(&one, "submit_sm").len() <= 1, "{options:?}: asked once");
        assert!(!format!("{sent:?}").contains("s3cretpw"), "{sent:?}");
    }
}

#[tokio::test]
async fn an_answer_that_has_no_end_is_given_up_in_time() {
    let server = smpp_server(&["--mode", "dribble"]);
    let sent = send(&[hasty(server.port("port"))], &sms()).await;
    assert_eq!(
        last(&sent),
        "unknown: time was up while waiting for the answer to submit_sm"
    );
    assert_eq!(of_command(&server, "submit_sm").len(), 1);
}

#[tokio::test]
async fn a_message_of_which_a_part_was_taken_is_in_doubt() {
    let one = smpp_server(&["--mode", "second-refused", "--submit-status", "0x58"]);
    let two = http_server(&[], None);
    let gateways = [
        smpp_gateway("first", &[one.port("port")]),
        at("second", two.port("port"), "/ok"),
    ];
    let sent = send(&gateways, &sms_of(NUMBER, &"Your code. ".repeat(20))).await;
    assert_eq!(outcomes(&sent), [("first", "unknown")], "{sent:?}");
    assert!(
        last(&sent)
            .starts_with("unknown: part 2 of 2 was refused, and the former was taken: submit_sm: ESME_RTHROTTLED"),
        "{sent:?}"
    );
    assert!(two.recorded().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_twice_has_sent_once() {
    let server = smpp_server(&["--mode", "twice"]);
    let gateways = [
        smpp_gateway("first", &[server.port("port")]),
        smpp_gateway("second", &[server.port("port")]),
    ];
    let sent = send(&gateways, &sms_of(NUMBER, &"Your code. ".repeat(20))).await;
    assert_eq!(outcomes(&sent), [("first", "accepted")], "{sent:?}");
    wait_for(&server, "unbind", 1);
    let submitted = of_command(&server, "submit_sm");
    let numbers: Vec<_> = submitted.iter().map(|submit| submit["sequence"].clone()).collect();
    assert_eq!(numbers, [2, 3], "two parts, each once");
}

#[tokio::test]
async fn a_server_that_asks_for_signs_of_life_gets_them() {
    let server = smpp_server(&["--mode", "enquire"]);
    let sent = send(&[smpp_gateway("sms", &[server.port("port")])], &sms()).await;
    assert_eq!(outcomes(&sent), [("sms", "accepted")], "{sent:?}");
    let signs = of_command(&server, "enquire_link_resp");
    assert_eq!(signs.len(), 2);
    assert!(signs.iter().all(|sign| sign["sequence"] == 4711 && sign["status"] == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_leave_is_answered() {
    for mode in ["unbind", "unbind-first"] {
        let server = smpp_server(&["--mode", mode]);
        send(&[smpp_gateway("sms", &[server.port("port")])], &sms()).await;
        assert_eq!(wait_for(&server, "unbind_resp", 1)[0]["sequence"], 7, "{mode}");
    }
}

#[tokio::test]
async fn who_says_that_it_is_too_much_is_asked_last() {
    let one = smpp_server(&["--submit-status", "0x58"]);
    let two = smpp_server(&[]);
    let gateways = [
        smpp_gateway("first", &[one.port("port")]),
        Gateway {
            priority: 1,
            ..smpp_gateway("second", &[two.port("port")])
        },
    ];
    let routes = routes(&gateways);
    for wanted in [&["first", "second"][..], &["second"]] {
        let sent = routes.send(&sms(), Instant::now() + AMPLE).await;
        let asked: Vec<_> = outcomes(&sent).iter().map(|(gateway, _)| *gateway).collect();
        assert_eq!(asked, wanted, "{sent:?}");
    }
    assert!(routes.status()[0].backing_off_for.is_some());
}

#[tokio::test]
async fn tls_is_spoken_with_whom_we_know() {
    let certificates = Certificates::new();
    let server = smpp_server(&[]);
    let front = tls_in_front_of(server.port("port"), &certificates);
    let secured = |ca_pem: &str| {
        changed(smpp_gateway("sms", &[front.port("tls")]), |smpp| {
            smpp.allow_clear_authentication = false;
            smpp.servers[0].tls = true;
            smpp.trust = Trust {
                ca_pem: ca_pem.to_owned(),
                ..Trust::default()
            };
        })
    };
    let sent = send(&[secured(&certificates.ca_pem)], &sms()).await;
    assert_eq!(outcomes(&sent), [("sms", "accepted")], "{sent:?}");
    assert_eq!(of_command(&server, "submit_sm").len(), 1);
    let sent = send(&[secured(&Certificates::new().ca_pem)], &sms()).await;
    assert!(
        last(&sent).starts_with("unreachable: TLS with localhost: invalid peer certificate"),
        "{sent:?}"
    );
    assert_eq!(of_command(&server, "submit_sm").len(), 1);
}

#[tokio::test]
async fn the_second_server_takes_over_when_the_first_certainly_did_not() {
    let (closed, well) = (ClosedPort::new(), smpp_server(&[]));
    let gateway = smpp_gateway("sms", &[closed.number(), well.port("port")]);
    let sent = send(&[gateway], &sms()).await;
    assert_eq!(
        outcomes(&sent),
        [("sms", "unreachable"), ("sms", "accepted")],
        "{sent:?}"
    );
}

/// Sixteen messages at once by an account that may be bound once: the server would see more binds than leaves if two sessions were open.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_sessions_are_open_than_the_account_may_have() {
    let server = smpp_server(&[]);
    let gateway = changed(smpp_gateway("sms", &[server.port("port")]), |smpp| smpp.sessions = 1);
    let routes = std::sync::Arc::new(routes(&[gateway]));
    let sending = (0..16).map(|_| {
        let routes = routes.clone();
        tokio::spawn(async move { routes.send(&sms(), Instant::now() + AMPLE).await })
    });
    for sent in sending.collect::<Vec<_>>() {
        assert_eq!(outcomes(&sent.await.unwrap()), [("sms", "accepted")]);
    }
    wait_for(&server, "unbind", 16);
    let commands: Vec<_> = server.recorded().iter().map(|entry| entry["command"].clone()).collect();
    let one_after_the_other = ["bind_transmitter", "submit_sm", "unbind"].repeat(16);
    assert_eq!(commands, one_after_the_other);
}

#[tokio::test]
async fn a_test_tells_every_step() {
    let server = smpp_server(&["--system-id", "quorate", "--password", "s3cretpw"]);
    let gateway = smpp_gateway("sms", &[server.port("port")]);
    let routes = routes(std::slice::from_ref(&gateway));
    let report = routes.test("sms", &sms(), Instant::now() + AMPLE).await.unwrap();
    let steps: Vec<_> = report.servers[0]
        .steps
        .iter()
        .map(|step| (step.name, step.ok, step.detail.as_str()))
        .collect();
    assert_eq!(steps[0].0, StepName::Connect);
    assert_eq!(
        steps[1..],
        [
            (StepName::Authenticate, true, "bound as quorate"),
            (StepName::Send, true, "ESME_ROK"),
        ]
    );
}
