//! A password that is due in a directory, changed there in the middle of a login.

use quorate_core::{Failure, Reason};

use super::directory_tests::Office;
use super::{Authenticator, Decision, Silence};
use crate::ports::Allowed;

const ALICE: &str = "alice@example.org";
const OLD: &str = "former one";
const NEW: &str = "better one";

struct Gate {
    office: Office,
    nodes: [Authenticator; 3],
}

impl Gate {
    /// Alice is nobody here yet, and has to change her password in the directory.
    async fn new(change_passwords: bool) -> Self {
        let office = Office::new().await;
        let directories = &office.world.directories;
        directories.put("alice", OLD, Some(Failure::PasswordExpired));
        *directories.allowed.lock() = Allowed {
            change_passwords,
            ..Allowed::default()
        };
        let node = || office.world.authenticator();
        Self {
            nodes: [node(), node(), node()],
            office,
        }
    }

    async fn ask(&self, node: usize, typed: &str, state: Option<&[u8]>) -> Decision {
        self.office.ask_at(&self.nodes[node], ALICE, typed, state).await
    }

    async fn challenge(&self, typed: &str, state: Option<&[u8]>) -> (Vec<u8>, String) {
        match self.ask(0, typed, state).await {
            Decision::Challenge { state, prompt } => (state, prompt.into_owned()),
            other => panic!("{other:?}"),
        }
    }

    fn password(&self) -> String {
        self.office.world.directories.password_of("alice")
    }
}

#[tokio::test]
async fn it_is_typed_twice_and_given_to_the_directory_with_the_former_one() {
    let gate = Gate::new(true).await;
    let (state, prompt) = gate.challenge(OLD, None).await;
    assert_eq!(prompt, "Your password has expired. Enter a new password.");
    assert!(gate.office.user(ALICE).is_some(), "she became a user on the way");
    let (state, _) = gate.challenge("abc", Some(&state)).await;
    let (state, prompt) = gate.challenge("abc", Some(&state)).await;
    assert_eq!(prompt, "The new password is too short. Enter a new password.");
    assert_eq!(gate.password(), OLD);
    let (state, prompt) = gate.challenge(NEW, Some(&state)).await;
    assert_eq!(prompt, "Enter it again.");
    assert_eq!(
        gate.ask(1, NEW, Some(&state)).await,
        Decision::Accept,
        "at another node"
    );
    assert_eq!(gate.password(), NEW);
    assert_eq!(
        gate.ask(2, NEW, Some(&state)).await,
        Decision::Accept,
        "the same answer"
    );
    assert_eq!(gate.ask(0, NEW, None).await, Decision::Accept);
    assert_eq!(gate.ask(0, OLD, None).await, Decision::Reject(Reason::WrongPassword));
}

#[tokio::test]
async fn of_one_answer_at_three_nodes_one_asks_and_none_says_no() {
    let gate = Gate::new(true).await;
    let (state, _) = gate.challenge(OLD, None).await;
    let (state, _) = gate.challenge(NEW, Some(&state)).await;
    let answers: [Decision; 3] = tokio::join!(
        gate.ask(0, NEW, Some(&state)),
        gate.ask(1, NEW, Some(&state)),
        gate.ask(2, NEW, Some(&state)),
    )
    .into();
    let silent = Decision::Silent(Silence::Refused);
    assert!(answers.contains(&Decision::Accept), "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|answer| *answer == Decision::Accept || *answer == silent),
        "{answers:?}"
    );
    assert_eq!(gate.password(), NEW);
    for node in 0..3 {
        let again = gate.ask(node, NEW, Some(&state)).await;
        assert_eq!(again, Decision::Accept, "whoever was silent says so when asked again");
    }
}

#[tokio::test]
async fn a_directory_that_does_not_say_what_it_did_ends_the_login() {
    let gate = Gate::new(true).await;
    let (state, _) = gate.challenge(OLD, None).await;
    let (state, _) = gate.challenge("lost", Some(&state)).await;
    let revision = gate.office.user(ALICE).unwrap().password_revision;
    let over = Decision::Reject(Reason::PasswordChanged);
    assert_eq!(gate.ask(0, "lost", Some(&state)).await, over);
    assert_eq!(gate.ask(1, "lost", Some(&state)).await, over, "the same answer");
    let now = gate.office.user(ALICE).unwrap().password_revision;
    assert_ne!(now, revision, "what was proven by the former password is void");
}

#[tokio::test]
async fn where_its_settings_do_not_allow_it_nobody_is_asked_for_another() {
    let gate = Gate::new(false).await;
    assert_eq!(gate.ask(0, OLD, None).await, Decision::Reject(Reason::UnknownUser));
    assert_eq!(gate.password(), OLD);
}
