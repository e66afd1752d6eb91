//! Accepts a login of whose user no code is asked. Issued by the node that judged the login.

use minicbor::{Decode, Encode};

use crate::{
    command::{
        Judged,
        verdict::{Subject, accept, decide_verdict, reject},
    },
    decide::Decided,
    outcome::{Field, Refusal},
    state::State,
};

/// Every factor of the login's plan was proven, and none of them is used up by it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AcceptSingleFactor {
    /// By what it was judged; `user` and `password_revision` are there.
    #[n(0)]
    pub judged: Judged,
}

impl AcceptSingleFactor {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        decide_verdict(state, &self.judged, now_ms, |subject| self.judge(subject))
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Decided, Refusal> {
        let user = subject.user.ok_or(Refusal::Invalid(Field::Judgement))?;
        if subject.plan.enrols || subject.asks_for_code() || !subject.asks_for_password() || !subject.password_settled()
        {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        Ok(match subject.barred(user).or_else(|| subject.password_due(user)) {
            Some(reason) => reject(&self.judged, reason, Vec::new()),
            None => accept(&self.judged, subject.noted_on_accept(user)),
        })
    }
}
