mod rules;
mod sent;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quorate_core::audit::{AuditRecord, Entry};
use quorate_core::change::{DisableUser, SetPassword};
use quorate_core::command::Administer;
use quorate_core::{
    Change, Client, Command, Factor, Fingerprint, Method, Modes, OtpAlgorithm, Outcome, Policy, Reason, User, UserId,
    otp,
};
use quorate_seal::{Aad, Field, HashMemory, KeyId, PasswordVerifier};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::*;
use crate::administer::{ClientSpec, Material, NewUser, TokenSpec};
use crate::ports::Proposed;
use crate::testing::{Call, Fault, ROOT, World};

const SEED: &[u8] = b"12345678901234567890";
const PASSWORD: &str = "correct horse";
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

const INTERACTIVE: Modes = Modes {
    one_step: true,
    two_step: true,
    passcode_only: false,
};
const PASSCODE_ONLY: Modes = Modes {
    one_step: false,
    two_step: false,
    passcode_only: true,
};

/// A gateway in front of a cluster in which Alice has a password and a token.
struct Gateway {
    world: World,
    node: Arc<Authenticator>,
    client: Arc<Client>,
    alice: UserId,
    packets: AtomicU64,
}

impl Gateway {
    async fn new(modes: Modes) -> Self {
        let world = World::founded();
        let factors = [Factor::Password, Factor::ANY_CODE];
        let application = world.application("vpn", &factors).await;
        let spec = ClientSpec {
            modes,
            ..ClientSpec::new("gateway", vec!["192.0.2.0/24".to_owned()], application)
        };
        let (client, _) = world.admin.create_client(ROOT, spec, None).await.unwrap();
        let new = NewUser {
            name: "alice".to_owned(),
            token: Some(TokenSpec {
                material: Material::Seed(Zeroizing::new(SEED.to_vec())),
                ..TokenSpec::default()
            }),
            ..NewUser::default()
        };
        let (alice, _) = world.admin.create_user(ROOT, new).await.unwrap();
        let gateway = Self {
            node: Arc::new(world.authenticator()),
            alice: alice.id,
            client,
            packets: AtomicU64::new(0),
            world,
        };
        // Hashed here and not by the queue, so that a test with a paused clock waits for no thread.
        done(&gateway.commit(Change::SetPassword(SetPassword {
            user: gateway.alice,
            expected: None,
            password: Some(gateway.sealed_password(PASSWORD)),
            must_change_password: false,
        })));
        gateway.world.replica.take_calls();
        gateway
    }

    fn sealed_password(&self, password: &str) -> quorate_core::Sealed {
        let verifier = PasswordVerifier::compute(password.as_bytes(), [1; 16], &mut HashMemory::new());
        let aad = Aad {
            field: Field::UserPassword,
            record: self.alice.0,
        };
        self.world.keys.seal([9; 24], aad, &verifier.encode()).into()
    }

    /// An administrative change through another node.
    fn commit(&self, change: Change) -> Proposed {
        let number = self.packets.fetch_add(1, Ordering::Relaxed);
        self.world.replica.commit(&Command::Administer(Administer {
            request: Fingerprint(u128::from(u64::MAX - number).to_be_bytes()),
            actor: ROOT,
            node: NodeId(2),
            changes: vec![change],
        }))
    }

    fn disable_alice(&self) {
        done(&self.commit(Change::DisableUser(DisableUser {
            user: self.alice,
            expected: None,
        })));
    }

    /// A new packet: a fingerprint of its own.
    fn packet(&self, user_name: &str, field: &str, state: Option<&[u8]>) -> AccessRequest {
        let number = self.packets.fetch_add(1, Ordering::Relaxed);
        AccessRequest {
            client: self.client.clone(),
            user_name: user_name.as_bytes().to_vec(),
            password: Zeroizing::new(field.as_bytes().to_vec()),
            state: state.map(<[u8]>::to_vec),
            source: [192, 0, 2, 1].into(),
            calling_station_id: None,
            nas_identifier: None,
            attributes: Vec::new(),
            fingerprint: fingerprint(self.client.id, &number.to_be_bytes()),
            received: Instant::now(),
            received_ms: self.world.clock.now_ms(),
            browser: None,
        }
    }

    async fn ask(&self, user_name: &str, field: &str) -> Decision {
        self.node
            .authenticate(self.packet(user_name, field, None))
            .await
            .decision
    }

    async fn answer(&self, user_name: &str, field: &str, state: &[u8]) -> Answer {
        self.node.authenticate(self.packet(user_name, field, Some(state))).await
    }

    async fn challenge(&self) -> Vec<u8> {
        match self.ask("alice", PASSWORD).await {
            Decision::Challenge { state, .. } => state,
            other => panic!("{other:?}"),
        }
    }

    /// The code some timesteps from now.
    fn code(&self, offset: i64) -> String {
        let now = otp::timestep(self.world.clock.now_ms(), 30);
        let step = now.checked_add_signed(offset).unwrap();
        otp::code_text(otp::hotp(OtpAlgorithm::Sha1, SEED, step, 6), 6)
    }

    fn wrong_code(&self) -> String {
        let right: Vec<String> = (-1..=1).map(|offset| self.code(offset)).collect();
        let mut candidates = (0..).map(|number| format!("{number:06}"));
        candidates.find(|code| !right.contains(code)).unwrap()
    }

    fn user(&self) -> Arc<User> {
        self.world.replica.leader().user(self.alice).unwrap().clone()
    }

    fn verdicts(&self) -> Vec<quorate_core::Verdict> {
        let state = self.world.replica.leader();
        let records = state.audit().open_records();
        let entries = records.map(|(_, bytes)| AuditRecord::from_bytes(bytes).unwrap().entry);
        entries
            .filter_map(|entry| match entry {
                Entry::Login(login) => Some(login.verdict),
                _ => None,
            })
            .collect()
    }
}

fn done(proposed: &Proposed) {
    assert!(matches!(proposed.outcome, Outcome::Done { .. }), "{proposed:?}");
}

fn rejected(reason: Reason) -> Decision {
    Decision::Reject(reason)
}

#[tokio::test]
async fn a_code_is_accepted_once_and_its_packet_answered_alike_as_often_as_it_comes() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    let packet = || AccessRequest {
        fingerprint: Fingerprint([5; 16]),
        ..gateway.packet("alice", &gateway.code(0), None)
    };
    let first = gateway.node.authenticate(packet()).await;
    assert_eq!((first.decision, first.replayed), (Decision::Accept, false));
    assert_eq!(first.method, Some(Method::PasscodeOnly));
    let again = gateway.node.authenticate(packet()).await;
    assert_eq!((again.decision, again.replayed), (Decision::Accept, true));
    assert_eq!(gateway.ask("alice", &gateway.code(0)).await, rejected(Reason::CodeUsed));
    assert_eq!(
        gateway.ask("alice", &gateway.code(-1)).await,
        rejected(Reason::CodeUsed)
    );
    assert_eq!(gateway.ask("ALICE@corp", &gateway.code(1)).await, Decision::Accept);
    assert_eq!(gateway.user().code_failures, 0, "a used code is no guess");
}

#[tokio::test]
async fn a_challenge_is_answered_once_and_a_repeated_answer_gets_the_same_verdict() {
    let gateway = Gateway::new(INTERACTIVE).await;
    let state = gateway.challenge().await;
    assert!(state.len() <= 253);
    let first = gateway.answer("alice", &gateway.code(0), &state).await;
    assert_eq!((first.decision, first.replayed), (Decision::Accept, false));
    assert_eq!(first.method, Some(Method::TwoStep));
    let failed_over = gateway.answer("alice", &gateway.code(0), &state).await;
    assert_eq!((failed_over.decision, failed_over.replayed), (Decision::Accept, true));
    let other = gateway.answer("alice", &gateway.code(1), &state).await;
    assert_eq!(other.decision, rejected(Reason::ConversationSpent));
}

#[tokio::test]
async fn the_state_of_a_login_serves_no_other() {
    let gateway = Gateway::new(INTERACTIVE).await;
    let new = NewUser {
        name: "bob".to_owned(),
        ..NewUser::default()
    };
    gateway.world.admin.create_user(ROOT, new).await.unwrap();
    let state = gateway.challenge().await;
    let as_bob = gateway.answer("bob", &gateway.code(0), &state).await;
    assert_eq!(as_bob.decision, rejected(Reason::UnreadableState));

    let spec = ClientSpec::new("second", vec!["198.51.100.0/24".to_owned()], gateway.client.application);
    let (second, _) = gateway.world.admin.create_client(ROOT, spec, None).await.unwrap();
    let through_second = AccessRequest {
        client: second,
        source: OTHER,
        ..gateway.packet("alice", &gateway.code(0), Some(&state))
    };
    let through_second = gateway.node.authenticate(through_second).await;
    assert_eq!(through_second.decision, rejected(Reason::UnreadableState));

    let mut altered = state.clone();
    altered[40] ^= 1;
    let altered = gateway.answer("alice", &gateway.code(0), &altered).await;
    assert_eq!(altered.decision, rejected(Reason::UnreadableState));
    let right = gateway.answer("alice", &gateway.code(0), &state).await;
    assert_eq!(right.decision, Decision::Accept, "none of these has spent it");
}

#[tokio::test]
async fn password_and_code_in_one_field() {
    let gateway = Gateway::new(INTERACTIVE).await;
    let wrong = format!("wrong horse{}", gateway.code(0));
    assert_eq!(gateway.ask("alice", &wrong).await, rejected(Reason::WrongPassword));
    let right = format!("{PASSWORD}{}", gateway.code(0));
    let answer = gateway.node.authenticate(gateway.packet("alice", &right, None)).await;
    assert_eq!(
        (answer.decision, answer.method),
        (Decision::Accept, Some(Method::OneStep))
    );
    let used = format!("{PASSWORD}{}", gateway.code(0));
    assert_eq!(gateway.ask("alice", &used).await, rejected(Reason::CodeUsed));
}

#[tokio::test]
async fn a_verdict_judged_by_an_old_state_is_judged_again() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    gateway.world.replica.fall_behind();
    gateway.disable_alice();
    assert_eq!(
        gateway.ask("alice", &gateway.code(0)).await,
        rejected(Reason::UserDisabled)
    );
    let calls = gateway.world.replica.take_calls();
    assert_eq!(calls[..2], [Call::Propose("consume_code"), Call::WaitApplied]);
    assert_eq!(calls.len(), 3);
    assert!(!gateway.verdicts().contains(&quorate_core::Verdict::Accept));
}

#[tokio::test]
async fn a_node_that_missed_a_new_password_does_not_take_the_old_one() {
    let gateway = Gateway::new(INTERACTIVE).await;
    gateway.world.replica.fall_behind();
    let password = Some(gateway.sealed_password("new password"));
    done(&gateway.commit(Change::SetPassword(SetPassword {
        user: gateway.alice,
        expected: None,
        password,
        must_change_password: false,
    })));
    let old = format!("{PASSWORD}{}", gateway.code(0));
    assert_eq!(gateway.ask("alice", &old).await, rejected(Reason::WrongPassword));
    let new = format!("new password{}", gateway.code(0));
    assert_eq!(gateway.ask("alice", &new).await, Decision::Accept);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_unknown_and_the_same_command_resolves_it() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    gateway.world.replica.take_commands();
    gateway
        .world
        .replica
        .fail_next([Fault::LostBefore, Fault::LostAfter, Fault::NoLeader]);
    assert_eq!(gateway.ask("alice", &gateway.code(0)).await, Decision::Accept);
    let commands = gateway.world.replica.take_commands();
    assert_eq!(commands.len(), 4);
    assert!(commands.iter().all(|command| *command == commands[0]));
    assert_eq!(gateway.verdicts(), [quorate_core::Verdict::Accept]);
}

#[tokio::test(start_paused = true)]
async fn without_a_quorum_there_is_silence_within_ten_seconds() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    gateway.world.replica.fail_next([Fault::NoLeader; 10_000]);
    let begun = Instant::now();
    assert_eq!(
        gateway.ask("alice", &gateway.code(0)).await,
        Decision::Silent(Silence::NoQuorum)
    );
    assert!(begun.elapsed() <= limits::LOGIN_DEADLINE, "of the paused clock");
    assert_eq!(gateway.verdicts(), []);

    let gateway = Gateway::new(PASSCODE_ONLY).await;
    gateway.world.replica.fail_next([Fault::LostBefore; 10_000]);
    assert_eq!(
        gateway.ask("alice", &gateway.code(0)).await,
        Decision::Silent(Silence::Unknown)
    );
}

/// A challenge says that the password was right, and needs no entry: a node that is cut off must not give that away.
#[tokio::test]
async fn without_a_quorum_a_right_password_gets_no_challenge() {
    let gateway = Gateway::new(INTERACTIVE).await;
    gateway.world.replica.fail_next([Fault::NoLeader]);
    assert_eq!(
        gateway.ask("alice", PASSWORD).await,
        Decision::Silent(Silence::NoQuorum)
    );
    gateway.challenge().await;
}

#[tokio::test]
async fn a_node_that_missed_a_disable_challenges_nobody() {
    let gateway = Gateway::new(INTERACTIVE).await;
    gateway.world.replica.fall_behind();
    gateway.disable_alice();
    assert!(matches!(gateway.ask("alice", PASSWORD).await, Decision::Reject(_)));
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_after_receipt_nothing_is_proposed() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    let packet = gateway.packet("alice", &gateway.code(0), None);
    tokio::time::advance(limits::LOGIN_DEADLINE).await;
    let answer = gateway.node.authenticate(packet).await;
    assert_eq!(answer.decision, Decision::Silent(Silence::Late));
    assert_eq!(gateway.world.replica.take_calls(), []);
}

#[tokio::test]
async fn a_clock_that_runs_ahead_judges_nothing() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    let packet = gateway.packet("alice", &gateway.code(0), None);
    let ahead = AccessRequest {
        received_ms: packet.received_ms + 20_000,
        ..packet
    };
    let answer = gateway.node.authenticate(ahead).await;
    assert_eq!(answer.decision, Decision::Silent(Silence::Clock));
    assert_eq!(gateway.ask("alice", &gateway.code(0)).await, Decision::Accept);
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_passes_codes_to_one_that_is_in_time() {
    let gateway = Gateway::new(INTERACTIVE).await;
    gateway.world.replica.get_neighbour(gateway.node.clone());
    gateway.world.replica.lose_time();
    // The password needs no clock; the challenge that it earns is this node's own.
    let state = gateway.challenge().await;
    let packet = || AccessRequest {
        fingerprint: fingerprint(gateway.client.id, b"the same"),
        ..gateway.packet("alice", &gateway.code(0), Some(&state))
    };
    let first = gateway.node.authenticate(packet()).await;
    assert_eq!((first.decision, first.replayed), (Decision::Accept, false));
    let again = gateway.node.authenticate(packet()).await;
    assert_eq!((again.decision, again.replayed), (Decision::Accept, true));
    let other = gateway.answer("alice", &gateway.code(1), &state).await;
    assert_eq!(other.decision, rejected(Reason::ConversationSpent));
    assert_eq!(gateway.node.judge_passed(b"no login at all").await, b"");
}

#[tokio::test]
async fn a_login_is_passed_on_but_once() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    let packed = super::passing::pack(&gateway.packet("alice", &gateway.code(0), None));
    assert!(packed.capacity() == limits::PASSED_LOGIN_BYTES, "it did not grow");
    gateway.world.replica.get_neighbour(gateway.node.clone());
    gateway.world.replica.lose_time();
    assert_eq!(gateway.node.judge_passed(&packed).await, b"");
    assert_eq!(gateway.verdicts(), []);
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_judges_no_codes() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    gateway.world.replica.lose_time();
    assert_eq!(
        gateway.ask("alice", &gateway.code(0)).await,
        Decision::Silent(Silence::Clock)
    );
    assert_eq!(gateway.ask("nobody", "123456").await, Decision::Silent(Silence::Clock));
    assert_eq!(gateway.verdicts(), []);
}

#[tokio::test]
async fn a_node_with_another_key_is_silent() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    let stranger = World {
        keys: Arc::new(KeyRing::new(KeyId(1), Zeroizing::new([43; 32]))),
        ..gateway.world
    };
    let node = stranger.authenticator();
    let packet = AccessRequest {
        client: gateway.client.clone(),
        user_name: b"alice".to_vec(),
        password: Zeroizing::new(b"123456".to_vec()),
        state: None,
        source: OTHER,
        calling_station_id: None,
        nas_identifier: None,
        attributes: Vec::new(),
        fingerprint: Fingerprint([1; 16]),
        received: Instant::now(),
        received_ms: stranger.clock.now_ms(),
        browser: None,
    };
    assert_eq!(
        node.authenticate(packet).await.decision,
        Decision::Silent(Silence::Sealed)
    );
}

#[tokio::test]
async fn parallel_guesses_lock_exactly_and_the_right_code_is_refused_then() {
    let gateway = Arc::new(Gateway::new(PASSCODE_ONLY).await);
    let mut guesses = JoinSet::new();
    for _ in 0..300 {
        let gateway = Arc::clone(&gateway);
        guesses.spawn(async move { gateway.ask("alice", &gateway.wrong_code()).await });
    }
    let decisions = guesses.join_all().await;
    let count = |reason| {
        decisions
            .iter()
            .filter(|decision| **decision == rejected(reason))
            .count()
    };
    let allowed = Policy::default().max_code_failures as usize;
    assert_eq!(count(Reason::WrongCode), allowed);
    assert_eq!(count(Reason::WrongCode) + count(Reason::Locked), 300);
    assert_eq!(gateway.ask("alice", &gateway.code(0)).await, rejected(Reason::Locked));
    gateway.world.clock.advance_ms(Policy::default().lock_ms);
    assert_eq!(
        gateway.ask("alice", &gateway.code(0)).await,
        Decision::Accept,
        "a lock ends by itself"
    );
}

#[tokio::test]
async fn wrong_passwords_lock_no_codes() {
    let gateway = Arc::new(Gateway::new(INTERACTIVE).await);
    let mut guesses = JoinSet::new();
    for number in 0..40 {
        let gateway = Arc::clone(&gateway);
        guesses.spawn(async move { gateway.ask("alice", &format!("guess {number}")).await });
    }
    for decision in guesses.join_all().await {
        let wrong = [Reason::WrongPassword, Reason::PasswordDelayed, Reason::QueueFull];
        assert!(wrong.map(rejected).contains(&decision), "{decision:?}");
    }
    assert_eq!(
        (gateway.user().code_failures, gateway.user().locked_until_ms),
        (0, None)
    );
    // From elsewhere Alice gets in while the guesser still waits.
    let right = format!("{PASSWORD}{}", gateway.code(0));
    let elsewhere = AccessRequest {
        calling_station_id: Some(b"203.0.113.9".to_vec()),
        ..gateway.packet("alice", &right, None)
    };
    assert_eq!(gateway.node.authenticate(elsewhere).await.decision, Decision::Accept);
}

#[tokio::test]
async fn an_unknown_user_takes_the_same_port_calls_as_a_known_one() {
    let observe = async |gateway: &Gateway, name: &str, field: &str, state: Option<&[u8]>| {
        let hashed = gateway.world.hashes.figures().computed_total;
        let answer = gateway.node.authenticate(gateway.packet(name, field, state)).await;
        let Decision::Reject(reason) = answer.decision else {
            panic!("{answer:?}")
        };
        let hashes = gateway.world.hashes.figures().computed_total - hashed;
        (
            gateway.world.replica.take_calls(),
            hashes,
            answer.method,
            reason.reply_text(),
        )
    };
    for modes in [PASSCODE_ONLY, INTERACTIVE] {
        let gateway = Gateway::new(modes).await;
        for field in [&*gateway.wrong_code(), "wrong", "", "wrong horse123456"] {
            let known = observe(&gateway, "alice", field, None).await;
            for stranger in ["nobody", "nobody@example.org", "\u{1}", "a@b@c"] {
                let unknown = observe(&gateway, stranger, field, None).await;
                assert_eq!(unknown, known, "{stranger} with {field:?}");
            }
            let with_state = observe(&gateway, "alice", field, Some(b"forged")).await;
            assert_eq!(observe(&gateway, "nobody", field, Some(b"forged")).await, with_state);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn past_the_budget_rejects_are_summed_up_and_guesses_still_counted() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    let burst = u64::from(limits::REJECT_BURST);
    for _ in 0..burst {
        assert_eq!(gateway.ask("nobody", "123456").await, rejected(Reason::UnknownUser));
    }
    gateway.world.replica.take_calls();
    for _ in 0..7 {
        assert_eq!(gateway.ask("nobody", "123456").await, rejected(Reason::OverBudget));
    }
    assert_eq!(gateway.world.replica.take_calls(), []);
    // A guess that nobody counted would be a free one.
    assert_eq!(
        gateway.ask("alice", &gateway.wrong_code()).await,
        rejected(Reason::WrongCode)
    );
    assert_eq!(gateway.user().code_failures, 1);
    assert_eq!(gateway.ask("alice", &gateway.code(0)).await, Decision::Accept);
    gateway.world.replica.take_calls();

    gateway.node.summarize_rejects_now().await;
    gateway.node.summarize_rejects_now().await;
    assert_eq!(gateway.world.replica.take_calls(), [Call::Propose("summarize_rejects")]);
    let state = gateway.world.replica.leader();
    let (_, last) = state.audit().open_records().next_back().unwrap();
    let Entry::RejectsSummarized(summary) = AuditRecord::from_bytes(last).unwrap().entry else {
        panic!("the last record is no summary")
    };
    assert_eq!((summary.rejects, summary.client), (7, gateway.client.id));
    // The budget fills again.
    gateway.world.clock.advance_ms(1_000);
    assert_eq!(gateway.ask("nobody", "123456").await, rejected(Reason::UnknownUser));
}

#[tokio::test(start_paused = true)]
async fn a_summary_waits_for_a_quorum_and_is_written_once() {
    let gateway = Gateway::new(PASSCODE_ONLY).await;
    for _ in 0..=limits::REJECT_BURST {
        gateway.ask("nobody", "123456").await;
    }
    let before = gateway.world.replica.leader().audit().next_seq();
    gateway.world.replica.fail_next([Fault::LostAfter]);
    gateway.world.replica.fail_next([Fault::NoLeader; 500]);
    let begun = Instant::now();
    gateway.node.summarize_rejects_now().await;
    assert!(begun.elapsed() > Duration::from_secs(20), "of the paused clock");
    assert_eq!(gateway.world.replica.leader().audit().next_seq(), before + 1);
}
