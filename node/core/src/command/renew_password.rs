//! Changes a password that is due, in a login that has proven it. Issued by the node that judged the login.
//!
//! One that is kept here is judged by its revision: of several answers, at whichever nodes, the first one changes it, and the same answer again
//! gets the same outcome. One that a directory keeps is changed there by the node whose order is the first for an answer, and nobody else asks; what
//! the directory said is written down after it. An order without that is one whose node did not live to write it: what became of the password, the
//! directory knows.

use minicbor::{Decode, Encode};

use crate::{
    audit::ChangeKind,
    change::AskStage,
    command::{
        Judged,
        change_own_password::{changed_there, note, set_own},
        verdict::{Subject, decide_verdict, reject},
    },
    decide::Decided,
    event::Event,
    ids::{Fingerprint, Sealed},
    limits,
    outcome::{Field, Refusal},
    state::State,
};

/// The user has proven the former password and typed this one twice.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RenewPassword {
    /// What asks for it: the conversation, and what was typed.
    #[n(0)]
    pub request: Fingerprint,
    /// By what it was judged; `user` and `password_revision` are there.
    #[n(1)]
    pub judged: Judged,
    /// What becomes of it.
    #[n(2)]
    pub what: Renewed,
}

/// What becomes of a password that is due.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Renewed {
    /// It is kept here: the sealed verifier of the new one.
    #[n(0)]
    Here(#[n(0)] Sealed),
    /// The user's directory is asked next, unless it was ordered for this answer before. `request` is random.
    #[n(1)]
    Ordered(#[n(0)] Fingerprint),
    /// What the directory said to that.
    #[n(2)]
    Concluded(#[n(0)] AskStage),
}

impl RenewPassword {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        if let Some(revision) = state.memory().answers.find(&self.request) {
            return Ok(Decided::done(*revision, Vec::new()));
        }
        match &self.what {
            Renewed::Here(password) if !(1..=limits::SEALED_BYTES).contains(&password.0.len()) => {
                Err(Refusal::Invalid(Field::Password))
            }
            Renewed::Ordered(order) if state.memory().answers.find(order).is_some() => Err(Refusal::Stale),
            Renewed::Here(_) | Renewed::Ordered(_) => {
                decide_verdict(state, &self.judged, now_ms, |subject| self.judge(subject))
            }
            // It has happened there, whatever anybody thinks of it here.
            Renewed::Concluded(stage) => self.conclude(state, *stage),
        }
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Decided, Refusal> {
        let user = subject.user.ok_or(Refusal::Invalid(Field::Judgement))?;
        let is_theirs = match (&self.what, &user.origin) {
            (Renewed::Here(_), None) => user.password.is_some(),
            (Renewed::Ordered(_), Some(origin)) => subject
                .state
                .directory(origin.directory)
                .is_some_and(|directory| directory.enabled),
            (Renewed::Here(_) | Renewed::Ordered(_) | Renewed::Concluded(_), _) => false,
        };
        if !is_theirs || !subject.asks_for_password() || !subject.password_settled() {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        if let Some(reason) = subject.barred(user) {
            return Ok(reject(&self.judged, reason, Vec::new()));
        }
        let by = (self.request, self.judged.facts.node);
        match &self.what {
            Renewed::Here(password) => set_own(subject.state, user, by, password.clone(), subject.now_ms),
            Renewed::Ordered(order) => {
                let also = Event::AnswerKept {
                    request: *order,
                    revision: subject.state.revision(),
                };
                note(subject.state, user, by, ChangeKind::OrderDirectoryPassword, Some(also))
            }
            Renewed::Concluded(_) => Err(Refusal::Invalid(Field::Judgement)),
        }
    }

    fn conclude(&self, state: &State, stage: AskStage) -> Result<Decided, Refusal> {
        let (id, _) = self.judged.user.ok_or(Refusal::Invalid(Field::Judgement))?;
        let user = state.user(id).ok_or(Refusal::NotFound)?;
        let by = (self.request, self.judged.facts.node);
        match stage {
            _ if user.origin.is_none() => Err(Refusal::Invalid(Field::Judgement)),
            AskStage::Ordered => Err(Refusal::Invalid(Field::Judgement)),
            AskStage::Done => changed_there(state, user, by, ChangeKind::ChangeOwnPassword),
            AskStage::Refused => note(state, user, by, ChangeKind::DirectoryPasswordRefused, None),
            AskStage::Unknown => changed_there(state, user, by, ChangeKind::DirectoryPasswordUnknown),
        }
    }
}
