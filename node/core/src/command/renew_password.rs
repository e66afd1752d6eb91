//! Changes a password that is due, in a login that has proven it. Issued by the node that judged the login.
//!
//! Judged by the password's revision: of several answers, at whichever nodes, the first one changes it, and the same answer again
//! gets the same outcome.

use minicbor::{Decode, Encode};

use crate::{
    command::{
        Judged,
        change_own_password::set_own,
        verdict::{Subject, decide_verdict, reject},
    },
    decide::Decided,
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
    /// The sealed verifier.
    #[n(2)]
    pub password: Sealed,
}

impl RenewPassword {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        if let Some(revision) = state.memory().answers.find(&self.request) {
            return Ok(Decided::done(*revision, Vec::new()));
        }
        if !(1..=limits::SEALED_BYTES).contains(&self.password.0.len()) {
            return Err(Refusal::Invalid(Field::Password));
        }
        decide_verdict(state, &self.judged, now_ms, |subject| self.judge(subject))
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Decided, Refusal> {
        let user = subject.user.ok_or(Refusal::Invalid(Field::Judgement))?;
        let is_theirs = user.origin.is_none() && user.password.is_some();
        if !is_theirs || !subject.asks_for_password() || !subject.password_settled() {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        if let Some(reason) = subject.barred(user) {
            return Ok(reject(&self.judged, reason, Vec::new()));
        }
        let node = self.judged.facts.node;
        set_own(
            subject.state,
            user,
            (self.request, node),
            self.password.clone(),
            subject.now_ms,
        )
    }
}
