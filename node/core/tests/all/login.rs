//! What holds in every login dialogue, whatever is typed.

use crate::script;
use proptest::{collection::vec, prelude::*};
use quorate_core::{
    ClientId, NodeId, Outcome, ProofDigest, Reason, State, UserName, Verdict,
    login::{self, Decision, OpenedState, Request, Step},
};
use script::{START_MS, World, words};
use zeroize::Zeroizing;

const CLIENTS: [&str; 4] = ["one", "two", "both", "passcode"];

const ORDERS: [&str; 2] = ["password,code", "code,password"];

/// A client of every mode; alice has a password and a token, nobody is called mallory.
fn state(order: &str) -> State {
    let mut world = World::new();
    world.run_line("genesis");
    world.run_line(&format!("admin create-application app factors={order}"));
    for (place, client) in CLIENTS.iter().enumerate() {
        let modes = if *client == "both" { "one,two" } else { client };
        world.run_line(&format!(
            "admin create-client {client} modes={modes} networks=10.{place}.0.0/16"
        ));
    }
    world.run_line("admin create-user alice password=pw ; create-token phone user=alice");
    world.state
}

fn request(client: &str, user: &str, field: &[u8]) -> Request {
    Request {
        client: ClientId(words::id(client)),
        user: Some(UserName::new("", user)),
        user_name: user.as_bytes().into(),
        field: Zeroizing::new(field.to_vec()),
        fingerprint: words::fingerprint("request"),
        proof: ProofDigest([0; 16]),
        received_ms: START_MS,
        node: NodeId(1),
        source: "10.0.0.1".parse().unwrap(),
        calling_station_id: None,
        nas_identifier: None,
        attributes: Box::default(),
        browser: None,
    }
}

/// What the shell is asked to do, and the decision, if everything typed is wrong. Two packets, if there is a challenge.
fn all_wrong(state: &State, first: Request, second: Request) -> (Vec<String>, Decision) {
    let mut calls = Vec::new();
    let mut step = login::start(state, first);
    let mut second = Some(second);
    let mut opened = None;
    loop {
        step = match step {
            Step::CheckPassword(check) => {
                calls.push(format!("check {:?}", check.candidate()));
                check.answer(false)
            }
            Step::SendCode(_) => panic!("nobody here has an address"),
            Step::JudgeNewPassword(_) | Step::RenewPassword(_) | Step::MakeKey(_) | Step::EnrolToken(_) => {
                panic!("no password was right")
            }
            Step::MatchCode(code) => {
                calls.push(format!("match {:?}", code.code()));
                code.answer(None)
            }
            Step::Propose(propose) => {
                calls.push("propose".into());
                let verdict = Verdict::Reject(Reason::WrongPassword);
                propose.answer(&Outcome::Verdict {
                    verdict,
                    replayed: false,
                })
            }
            Step::SealState(seal) => {
                calls.push("seal".into());
                opened = Some(seal.conversation().clone());
                seal.answer(Vec::new())
            }
            Step::JudgeAgain => panic!("nothing was stale"),
            Step::Finish(decision @ Decision::Challenge { .. }) => {
                calls.push(format!("{decision:?}"));
                let conversation = opened.take().expect("a challenge carries one");
                let Some(request) = second.take() else {
                    return (calls, decision);
                };
                login::resume(state, OpenedState::Conversation(conversation.into()), request)
            }
            Step::Finish(decision) => return (calls, decision),
        }
    }
}

/// Digits often, for they are what fields are cut by.
fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..130),
        "[a-z]{0,4}[0-9]{0,12}".prop_map(String::into_bytes)
    ]
}

proptest! {
    #[test]
    fn an_unknown_user_and_a_wrong_password_make_the_same_calls(
        order in 0..ORDERS.len(), which in 0..CLIENTS.len(), fields in (field(), field()),
    ) {
        let state = state(ORDERS[order]);
        let calls = |user: &str| {
            let packet = |field: &[u8], name| Request {
                fingerprint: words::fingerprint(name),
                ..request(CLIENTS[which], user, field)
            };
            all_wrong(&state, packet(&fields.0, "first"), packet(&fields.1, "second"))
        };
        let (known, unknown) = (calls("alice"), calls("mallory"));
        prop_assert_eq!(&known, &unknown);
        prop_assert!(!known.0.is_empty() && known.0.len() <= 5, "{:?}", known.0);
    }

    /// However often the shell says yes, nobody is accepted without a proposal, and a stand-in is never right.
    #[test]
    fn a_shell_that_says_yes_to_everything_lets_no_unknown_user_in(
        order in 0..ORDERS.len(), which in 0..CLIENTS.len(), field in field(),
    ) {
        let state = state(ORDERS[order]);
        let mut step = login::start(&state, request(CLIENTS[which], "mallory", &field));
        loop {
            step = match step {
                Step::CheckPassword(check) => check.answer(true),
                Step::MatchCode(code) => {
                    let phone = quorate_core::TokenId(words::id("phone"));
                    code.answer(Some((phone, quorate_core::method::Use::Counter(1))))
                },
                Step::Propose(propose) => {
                    prop_assert!(matches!(propose.command(), quorate_core::Command::RecordFailure(_)));
                    break;
                }
                // Whoever types a code before the password gets no further than this.
                Step::SealState(seal) if ORDERS[order].starts_with("code") => {
                    let opened = OpenedState::Conversation(seal.conversation().clone().into());
                    login::resume(&state, opened, request(CLIENTS[which], "mallory", &field))
                }
                Step::SendCode(_)
                | Step::SealState(_)
                | Step::JudgeNewPassword(_)
                | Step::RenewPassword(_)
                | Step::MakeKey(_)
                | Step::EnrolToken(_)
                | Step::JudgeAgain
                | Step::Finish(_) => panic!("an unknown user got further"),
            }
        }
    }

    /// A State attribute may hold anything that was sealed by a newer node or guessed.
    #[test]
    fn opened_bytes_never_panic(bytes in vec(any::<u8>(), 0..200), field in field()) {
        let state = state(ORDERS[0]);
        let opened = match login::Conversation::from_bytes(&bytes) {
            Ok(conversation) => OpenedState::Conversation(conversation.into()),
            Err(_) => OpenedState::Unreadable,
        };
        let step = login::resume(&state, opened, request("two", "alice", &field));
        prop_assert!(matches!(step, Step::Propose(_)), "nothing may be asked on the strength of a bad State");
    }
}

#[test]
fn a_client_that_is_gone_is_answered_by_silence() {
    let step = login::start(&state(ORDERS[0]), request("nowhere", "alice", b"pw"));
    assert!(matches!(step, Step::Finish(Decision::Silent)));
}
