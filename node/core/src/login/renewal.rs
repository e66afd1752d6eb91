//! A password that has to be changed before it lets anybody in: typed twice, in challenges of the same login, before the other
//! factors are asked for.
//!
//! What was typed first is not kept: the next challenge carries its keyed digest, sealed. The same answer to the same challenge is the
//! same request at every node, so that the change is made once and a copy of the packet goes on like the packet itself.

use minicbor::{Decode, Encode};

use crate::{
    command::{Command, Failure, RenewPassword},
    digest::digest_16,
    ids::{ConversationId, Fingerprint, ProofDigest, Sealed},
    limits,
    login::{Conversation, Proof, Request, SealState, Step, attempt::Attempt, factor, machine, step},
    outcome::Outcome,
    records::{Factor, PasswordRules, User},
    state::State,
};

const EXPIRED: &str = "Your password has expired.";
const REQUIRED: &str = "Your password has to be changed.";
const DIFFERENT: &str = "The two are not the same.";
const ENTER_NEW: &str = "Enter a new password.";
const ENTER_AGAIN: &str = "Enter it again.";

/// How far a change is; a challenge carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct Renewal {
    /// The new password as it was typed first, if it was and is good.
    #[n(0)]
    first: Option<ProofDigest>,
    /// How often it was asked for.
    #[n(1)]
    asked: u8,
}

/// Asks for another password, unless that is not allowed or could only end in a reject.
pub(super) fn begin(attempt: Attempt, proofs: &[Proof], next: Option<Factor>) -> Step {
    let Some(account) = &attempt.account else {
        return attempt.fail(Failure::UnknownUser);
    };
    let lacking = || next.and_then(|next| factor::missing(next, account));
    if let Some(failure) = attempt.barred(&account.user).or_else(lacking) {
        return attempt.fail(failure);
    }
    if !attempt.client.modes.two_step {
        return attempt.fail(Failure::PasswordExpired);
    }
    let why = match account.user.must_change_password {
        true => REQUIRED,
        false => EXPIRED,
    };
    ask(&attempt, &account.user, proofs, 0, why)
}

/// Takes an answer to one of the challenges.
pub(super) fn resume(mut attempt: Attempt, renewal: Renewal, state: &State) -> Step {
    if is_done(state, &attempt) {
        let answer_by_ms = attempt.request.received_ms.saturating_add(attempt.policy.challenge_ms);
        if let Some(conversation) = &mut attempt.conversation {
            conversation.expires_ms = answer_by_ms;
        }
        let next = attempt.due().first().copied();
        return machine::go_on(attempt, &[], next);
    }
    match renewal.first {
        None => Step::JudgeNewPassword(JudgeNewPassword { attempt, renewal }),
        Some(first) if first == attempt.request.proof => Step::RenewPassword(SetNewPassword { attempt }),
        Some(_) => ask_again(attempt, renewal, DIFFERENT),
    }
}

/// Whether this very answer has changed the password already.
fn is_done(state: &State, attempt: &Attempt) -> bool {
    let (Some(conversation), Some(account)) = (&attempt.conversation, &attempt.account) else {
        return false;
    };
    has_changed(state, conversation, &attempt.request, &account.user)
}

/// Whether an answer to a challenge is what the user's password was changed by.
pub(super) fn has_changed(state: &State, conversation: &Conversation, request: &Request, user: &User) -> bool {
    let first = conversation.renewal.and_then(|renewal| renewal.first);
    let answered = state.memory().answers.find(&request_of(conversation.id, request.proof));
    first == Some(request.proof) && answered == Some(&user.password_revision)
}

fn request_of(conversation: ConversationId, proof: ProofDigest) -> Fingerprint {
    Fingerprint(digest_16(b"new password", &[&conversation.0, &proof.0]))
}

fn ask(attempt: &Attempt, user: &User, proofs: &[Proof], asked: u8, why: &str) -> Step {
    let renewal = Renewal {
        first: None,
        asked: asked.saturating_add(1),
    };
    let conversation = attempt.conversation_renewing(user, proofs, renewal);
    let room = limits::PROMPT_BYTES - ENTER_NEW.len() - 1;
    let why = &why[..why.floor_char_boundary(room)];
    Step::SealState(SealState::new(conversation, format!("{why} {ENTER_NEW}").into()))
}

/// So often, and no more: each try costs an Argon2id for every password that is remembered.
fn ask_again(attempt: Attempt, renewal: Renewal, why: &str) -> Step {
    let account = attempt.account.as_ref();
    match account.filter(|_| renewal.asked < limits::NEW_PASSWORDS_PER_LOGIN) {
        Some(account) => ask(&attempt, &account.user, &[], renewal.asked, why),
        None => attempt.fail(Failure::PasswordExpired),
    }
}

/// Say whether a new password is good: by the rules, and by those that were there before.
pub struct JudgeNewPassword {
    attempt: Attempt,
    renewal: Renewal,
}

impl JudgeNewPassword {
    /// Whose it is to be. There is always somebody.
    pub fn user(&self) -> Option<&User> {
        self.attempt.account.as_ref().map(|account| &*account.user)
    }

    /// What it has to be like.
    pub fn rules(&self) -> &PasswordRules {
        &self.attempt.policy.passwords
    }

    /// What was typed.
    pub fn candidate(&self) -> &[u8] {
        &self.attempt.request.field
    }

    /// Takes the answer: nothing, or sentences about what is wrong with it.
    pub fn answer(self, wrong: Option<&str>) -> Step {
        let JudgeNewPassword { attempt, renewal } = self;
        if let Some(wrong) = wrong {
            return ask_again(attempt, renewal, wrong);
        }
        let Some(account) = &attempt.account else {
            return attempt.fail(Failure::UnknownUser);
        };
        let renewal = Renewal {
            first: Some(attempt.request.proof),
            ..renewal
        };
        let conversation = attempt.conversation_renewing(&account.user, &[], renewal);
        Step::SealState(SealState::new(conversation, ENTER_AGAIN.into()))
    }
}

/// Make the verifier of a password that was typed twice, and have it set.
pub struct SetNewPassword {
    attempt: Attempt,
}

impl SetNewPassword {
    /// Whose it is to be. There is always somebody.
    pub fn user(&self) -> Option<&User> {
        self.attempt.account.as_ref().map(|account| &*account.user)
    }

    /// What was typed.
    pub fn candidate(&self) -> &[u8] {
        &self.attempt.request.field
    }

    /// What to propose. While the outcome is unknown, propose the same again: it is set once.
    pub fn command(&self, password: Sealed) -> Command {
        let conversation = self.attempt.conversation_id();
        Command::RenewPassword(RenewPassword {
            request: request_of(conversation, self.attempt.request.proof),
            judged: self.attempt.judged(),
            password,
        })
    }

    /// Takes the outcome. Once it is set and this node has it, the login is judged again, and goes on to what is due.
    pub fn answer(self, outcome: &Outcome) -> Step {
        match outcome {
            Outcome::Done { .. } => Step::JudgeAgain,
            outcome => step::after_outcome(outcome),
        }
    }
}
