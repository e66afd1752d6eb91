//! A password that is due, changed in the middle of a login: with real verifiers, at several nodes.

use std::sync::Arc;

use quorate_core::{Factor, Fingerprint, Modes, PasswordRules, Reason, User};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{AccessRequest, Authenticator, Decision};
use crate::administer::{ClientSpec, NewUser, PolicySpec, UserChange};
use crate::ports::{Clock, Entropy};
use crate::testing::{ROOT, World, secret};

const OLD: &str = "Old horse, 1";
const NEW: &str = "New horse, 2";

struct Gate {
    world: World,
    nodes: [Authenticator; 3],
    client: Arc<quorate_core::Client>,
}

impl Gate {
    /// Alice, who has to change her password, behind a client that asks for it alone.
    async fn new(two_step: bool) -> Self {
        let world = World::founded();
        let application = world.application("vpn", &[Factor::Password]).await;
        let spec = ClientSpec {
            modes: Modes {
                one_step: !two_step,
                two_step,
                passcode_only: false,
            },
            ..ClientSpec::new("gateway", vec!["192.0.2.0/24".to_owned()], application)
        };
        let (client, _) = world.admin.create_client(ROOT, spec, None).await.unwrap();
        let new = NewUser {
            name: "alice".to_owned(),
            password: Some(secret(OLD)),
            must_change_password: true,
            ..NewUser::default()
        };
        world.admin.create_user(ROOT, new).await.unwrap();
        Self {
            nodes: [world.authenticator(), world.authenticator(), world.authenticator()],
            world,
            client,
        }
    }

    fn packet(&self, typed: &str, state: Option<&[u8]>) -> AccessRequest {
        let mut packet = [0; 16];
        Entropy::fill(&*self.world.entropy, &mut packet);
        AccessRequest {
            client: self.client.clone(),
            user_name: b"alice".to_vec(),
            password: Zeroizing::new(typed.as_bytes().to_vec()),
            state: state.map(<[u8]>::to_vec),
            fingerprint: Fingerprint(packet),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: None,
            nas_identifier: None,
            attributes: Vec::new(),
            received: Instant::now(),
            received_ms: self.world.clock.now_ms(),
            browser: None,
        }
    }

    async fn ask(&self, node: usize, typed: &str, state: Option<&[u8]>) -> Decision {
        self.nodes[node].authenticate(self.packet(typed, state)).await.decision
    }

    async fn challenge(&self, typed: &str, state: Option<&[u8]>) -> (Vec<u8>, String) {
        match self.ask(0, typed, state).await {
            Decision::Challenge { state, prompt } => (state, prompt.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    fn alice(&self) -> Arc<User> {
        let name = self.world.admin.names().fold("alice").unwrap();
        self.world.replica.leader().user_by_name(&name).unwrap().clone()
    }
}

#[tokio::test]
async fn a_due_password_is_changed_by_typing_a_new_one_twice() {
    let gate = Gate::new(true).await;
    let (state, prompt) = gate.challenge(OLD, None).await;
    assert_eq!(prompt, "Your password has to be changed. Enter a new password.");
    let (state, prompt) = gate.challenge("alice", Some(&state)).await;
    assert!(
        prompt.starts_with("At least 8 characters.") && prompt.ends_with(" Enter a new password."),
        "{prompt}"
    );
    let (state, prompt) = gate.challenge(OLD, Some(&state)).await;
    assert_eq!(prompt, "None of your last 5. Enter a new password.");
    let (state, prompt) = gate.challenge(NEW, Some(&state)).await;
    assert_eq!(prompt, "Enter it again.");
    let (state, prompt) = gate.challenge("New horse, 3", Some(&state)).await;
    assert_eq!(prompt, "The two are not the same. Enter a new password.");
    let (state, _) = gate.challenge(NEW, Some(&state)).await;
    assert!(
        gate.alice().must_change_password,
        "nothing is changed by typing it once"
    );
    assert_eq!(gate.ask(0, NEW, Some(&state)).await, Decision::Accept);
    assert_eq!(gate.alice().former_passwords.len(), 1);
    assert_eq!(gate.ask(0, NEW, None).await, Decision::Accept);
    assert_eq!(gate.ask(0, OLD, None).await, Decision::Reject(Reason::WrongPassword));
}

#[tokio::test]
async fn one_answer_at_three_nodes_changes_it_once_and_gets_one_verdict() {
    let gate = Gate::new(true).await;
    let (state, _) = gate.challenge(OLD, None).await;
    let (state, _) = gate.challenge(NEW, Some(&state)).await;
    let answers = tokio::join!(
        gate.ask(0, NEW, Some(&state)),
        gate.ask(1, NEW, Some(&state)),
        gate.ask(2, NEW, Some(&state)),
    );
    assert_eq!(answers, (Decision::Accept, Decision::Accept, Decision::Accept));
    assert_eq!(gate.alice().former_passwords.len(), 1, "changed once");
}

#[tokio::test]
async fn of_two_new_passwords_for_one_challenge_one_is_set() {
    let gate = Gate::new(true).await;
    let (state, _) = gate.challenge(OLD, None).await;
    let (first, _) = gate.challenge(NEW, Some(&state)).await;
    let (second, _) = gate.challenge("Old goat, 3", Some(&state)).await;
    let (one, other) = tokio::join!(
        gate.ask(0, NEW, Some(&first)),
        gate.ask(1, "Old goat, 3", Some(&second))
    );
    // The one that came too late may spend the conversation before the other one's accept; then both begin again.
    assert!(
        one != Decision::Accept || other != Decision::Accept,
        "{one:?} {other:?}"
    );
    assert_eq!(gate.alice().former_passwords.len(), 1, "changed once");
}

#[tokio::test]
async fn a_client_that_cannot_ask_rejects_and_an_age_is_such_a_reason() {
    let gate = Gate::new(false).await;
    let expired = Decision::Reject(Reason::PasswordExpired);
    assert_eq!(gate.ask(0, OLD, None).await, expired);
    let admin = &gate.world.admin;
    let unmark = UserChange {
        must_change_password: Some(false),
        ..UserChange::default()
    };
    admin.change_user(ROOT, gate.alice().id, None, unmark).await.unwrap();
    assert_eq!(gate.ask(0, OLD, None).await, Decision::Accept);
    let spec = PolicySpec {
        passwords: PasswordRules {
            max_age_days: Some(90),
            ..PasswordRules::default()
        },
        ..PolicySpec::from(admin.state().policy())
    };
    admin.set_policy(ROOT, None, spec).await.unwrap();
    gate.world.clock.advance_ms(90 * 86_400_000);
    assert_eq!(gate.ask(0, OLD, None).await, expired);
}
