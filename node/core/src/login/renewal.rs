//! A password that has to be changed before it lets anybody in: typed twice, in challenges of the same login, before the other
//! factors are asked for.
//!
//! What was typed first is not kept: the next challenge carries its keyed digest, sealed. The same answer to the same challenge is the
//! same request at every node, so that the change is made once and a copy of the packet goes on like the packet itself.
//!
//! A directory changes a password for whoever gives it the former one, so the challenge carries that, sealed. Only one node asks the directory
//! for an answer: the one whose order was the first. A copy of the packet at another node waits, unanswered, for what comes of it.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    change::AskStage,
    command::{Command, Failure, RenewPassword, Renewed},
    digest::digest_16,
    ids::{ConversationId, Fingerprint, ProofDigest, Sealed},
    limits,
    login::{
        Conversation, Decision, Proof, Request, SealState, Step, attempt::Attempt, conversation::Kept, factor, machine,
        step,
    },
    outcome::Outcome,
    records::{Directory, Factor, PasswordRules, User},
    state::State,
};

const EXPIRED: &str = "Your password has expired.";
const REQUIRED: &str = "Your password has to be changed.";
const DIFFERENT: &str = "The two are not the same.";
const REFUSED: &str = "The directory does not take it.";
const ENTER_NEW: &str = "Enter a new password.";
const ENTER_AGAIN: &str = "Enter it again.";

/// How far a change is; a challenge carries it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Renewal {
    /// The new password as it was typed first, if it was and is good.
    #[n(0)]
    first: Option<ProofDigest>,
    /// How often it was asked for.
    #[n(1)]
    asked: u8,
    /// The former password, if a directory has to be given it.
    #[n(2)]
    former: Option<Kept>,
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
    let renewal = Renewal {
        first: None,
        asked: 0,
        former: attempt.due_there.clone(),
    };
    ask(attempt, proofs, renewal, why)
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
    let account = attempt.account.as_ref();
    if let Some(failure) = account.and_then(|account| attempt.barred(&account.user)) {
        return attempt.fail(failure);
    }
    let answers = &state.memory().answers;
    match renewal.first {
        None => Step::JudgeNewPassword(JudgeNewPassword { attempt, renewal }),
        Some(first) if first != attempt.request.proof => ask_again(attempt, renewal, DIFFERENT),
        Some(_) if answers.find(&renewal.refusal(&attempt)).is_some() => ask_again(attempt, renewal, REFUSED),
        Some(_) if answers.find(&renewal.order(&attempt)).is_some() => {
            match state.is_spent(attempt.conversation_id()) {
                // The verdict of whoever asked the directory is this one's too.
                true => attempt.fail(Failure::PasswordExpired),
                false => Step::Finish(Decision::Silent),
            }
        }
        Some(_) => Step::RenewPassword(SetNewPassword { attempt, renewal }),
    }
}

impl Renewal {
    /// That the directory is asked for this answer.
    fn order(&self, attempt: &Attempt) -> Fingerprint {
        self.about(b"new password ordered", attempt)
    }

    /// That the directory does not take it.
    fn refusal(&self, attempt: &Attempt) -> Fingerprint {
        self.about(b"new password refused", attempt)
    }

    /// The same password may be typed in answer to the next challenge.
    fn about(&self, what: &[u8], attempt: &Attempt) -> Fingerprint {
        let (conversation, proof) = (attempt.conversation_id(), attempt.request.proof);
        Fingerprint(digest_16(what, &[&conversation.0, &proof.0, &[self.asked]]))
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
    let first = conversation.renewal.as_ref().and_then(|renewal| renewal.first);
    let answered = state.memory().answers.find(&request_of(conversation.id, request.proof));
    first == Some(request.proof) && answered == Some(&user.password_revision)
}

fn request_of(conversation: ConversationId, proof: ProofDigest) -> Fingerprint {
    Fingerprint(digest_16(b"new password", &[&conversation.0, &proof.0]))
}

fn ask(attempt: Attempt, proofs: &[Proof], renewal: Renewal, why: &str) -> Step {
    let renewal = Renewal {
        first: None,
        asked: renewal.asked.saturating_add(1),
        ..renewal
    };
    let room = limits::PROMPT_BYTES - ENTER_NEW.len() - 1;
    let why = &why[..why.floor_char_boundary(room)];
    challenge(attempt, proofs, renewal, &format!("{why} {ENTER_NEW}"))
}

/// So often, and no more: each try costs an Argon2id for every password that is remembered, or a change that a directory refuses.
fn ask_again(attempt: Attempt, renewal: Renewal, why: &str) -> Step {
    match renewal.asked < limits::NEW_PASSWORDS_PER_LOGIN {
        true => ask(attempt, &[], renewal, why),
        false => attempt.fail(Failure::PasswordExpired),
    }
}

/// Unless the former password is too long to be carried.
fn challenge(attempt: Attempt, proofs: &[Proof], renewal: Renewal, prompt: &str) -> Step {
    let Some(account) = &attempt.account else {
        return attempt.fail(Failure::UnknownUser);
    };
    let conversation = attempt.conversation_renewing(&account.user, proofs, renewal);
    match conversation.to_bytes().len() <= limits::CONVERSATION_BYTES {
        true => Step::SealState(SealState::new(conversation, prompt.into())),
        false => attempt.fail(Failure::PasswordExpired),
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

    /// What it has to be like; nothing where a directory has rules of its own.
    pub fn rules(&self) -> Option<&PasswordRules> {
        let is_kept_here = self.renewal.former.is_none();
        is_kept_here.then_some(&self.attempt.policy.passwords)
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
        let renewal = Renewal {
            first: Some(attempt.request.proof),
            ..renewal
        };
        challenge(attempt, &[], renewal, ENTER_AGAIN)
    }
}

/// Have a password set that was typed twice: make its verifier, or ask the directory that keeps it.
pub struct SetNewPassword {
    attempt: Attempt,
    renewal: Renewal,
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

    /// The directory that is to be asked, and the former password; none if it is kept here.
    pub fn directory(&self) -> Option<(&Arc<Directory>, &[u8])> {
        let former = self.renewal.former.as_ref()?;
        Some((self.attempt.directory.as_ref()?, former.typed()))
    }

    /// What to propose of one that is kept here. While the outcome is unknown, propose the same again: it is set once.
    pub fn command(&self, password: Sealed) -> Command {
        self.propose(self.done(), Renewed::Here(password))
    }

    /// What to propose before the directory is asked, under a random request. Only if that comes to [`Outcome::Done`] it may be.
    pub fn order(&self, request: Fingerprint) -> Command {
        self.propose(request, Renewed::Ordered(self.renewal.order(&self.attempt)))
    }

    /// What to propose after it, whatever became of the order's node or deadline meanwhile.
    pub fn conclusion(&self, stage: AskStage) -> Command {
        let request = match stage {
            AskStage::Done => self.done(),
            AskStage::Refused => self.renewal.refusal(&self.attempt),
            AskStage::Ordered | AskStage::Unknown => self.renewal.about(b"new password unknown", &self.attempt),
        };
        self.propose(request, Renewed::Concluded(stage))
    }

    fn done(&self) -> Fingerprint {
        request_of(self.attempt.conversation_id(), self.attempt.request.proof)
    }

    fn propose(&self, request: Fingerprint, what: Renewed) -> Command {
        Command::RenewPassword(RenewPassword {
            request,
            judged: self.attempt.judged(),
            what,
        })
    }

    /// Takes the outcome. Once it is set and this node has it, the login is judged again, and goes on to what is due.
    pub fn answer(self, outcome: &Outcome) -> Step {
        match outcome {
            Outcome::Done { .. } => Step::JudgeAgain,
            outcome => step::after_outcome(outcome),
        }
    }

    /// The directory does not take it, and says why; another may do.
    pub fn refused(self, why: &str) -> Step {
        ask_again(self.attempt, self.renewal, why)
    }

    /// The directory did nothing, or does not say what it did: the login ends.
    pub fn failed(self) -> Step {
        self.attempt.fail(Failure::PasswordExpired)
    }
}
