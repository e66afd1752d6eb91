//! Accepts a login with a one-time code, and uses the code up. Issued by the node that judged the login.

use minicbor::{Decode, Encode};

use crate::{
    command::{
        Judged,
        verdict::{Subject, accept, decide_verdict, reject},
    },
    decide::Decided,
    event::Event,
    otp,
    outcome::{Field, Reason, Refusal},
    records::{Token, TokenKind},
    state::State,
};

/// The code of this timestep matched, and every other factor that the application asks for was proven.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ConsumeCode {
    /// By what it was judged; `user` and `token` are there.
    #[n(0)]
    pub judged: Judged,
    /// The timestep whose code matched (RFC 6238, section 4.2).
    #[n(1)]
    pub timestep: u64,
}

impl ConsumeCode {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        decide_verdict(state, &self.judged, now_ms, |subject| self.judge(subject))
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Decided, Refusal> {
        let (Some(user), Some(token)) = (subject.user, subject.token) else {
            return Err(Refusal::Invalid(Field::Judgement));
        };
        if token.user != user.id || !subject.asks_for_code() || !subject.password_settled() {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        if let Some(reason) = subject.barred(user).or_else(|| self.refuse_code(subject, token)) {
            return Ok(reject(&self.judged, reason, Vec::new()));
        }
        let mut events = vec![Event::CodeConsumed {
            token: token.id,
            timestep: self.timestep,
        }];
        events.extend(subject.forgotten_on_accept(user));
        Ok(accept(&self.judged, events))
    }

    /// A used or expired code was right, so that it does not count towards a lock.
    fn refuse_code(&self, subject: &Subject<'_>, token: &Token) -> Option<Reason> {
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::UsedCodesLocally) {
            return None;
        }
        let TokenKind::Totp { period_s, .. } = token.kind;
        let current = otp::timestep(subject.now_ms, period_s);
        if !token.enabled {
            Some(Reason::NoToken)
        } else if self.timestep.abs_diff(current) > u64::from(subject.policy.totp_window) {
            Some(Reason::CodeExpired)
        } else if token.last_timestep.is_some_and(|last| self.timestep <= last) {
            Some(Reason::CodeUsed)
        } else {
            None
        }
    }
}
