//! Accepts a login with one or more codes, and uses them up. Issued by the node that judged the login.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    command::{
        Judged,
        verdict::{Subject, conclude, decide_verdict},
    },
    decide::Decided,
    event::Event,
    ids::{Revision, TokenId},
    limits,
    method::{self, Moment, Use},
    outcome::{Field, Reason, Refusal, Verdict},
    records::{CodeKind, Token, User},
    state::State,
};

/// These codes were right, and every other factor of the login's plan was proven.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ConsumeCode {
    /// By what it was judged; `user` is there.
    #[n(0)]
    pub judged: Judged,
    /// One for each code that has to be proven, in the order of the plan, each of another token.
    #[n(1)]
    pub codes: Box<[CodeProof]>,
}

/// A code that was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct CodeProof {
    /// Whose code.
    #[n(0)]
    pub token: TokenId,
    /// The revision of the token that it was judged by.
    #[n(1)]
    pub revision: Revision,
    /// What it uses up.
    #[n(2)]
    pub used: Use,
}

impl ConsumeCode {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        decide_verdict(state, &self.judged, now_ms, |subject| self.judge(subject))
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Decided, Refusal> {
        let user = subject.user.ok_or(Refusal::Invalid(Field::Judgement))?;
        let tokens = self.tokens(subject, user)?;
        let asks = subject.asks_for_code() && !subject.plan.enrols;
        if !asks || !self.proves_all(subject, &tokens) {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        if let Some(reason) = subject
            .barred(user)
            .or_else(|| subject.password_due(user))
            .or_else(|| self.refuse_codes(subject, user, &tokens))
        {
            let rejected = Verdict::Reject(reason);
            return Ok(conclude(&self.judged, &self.codes, rejected, Vec::new()));
        }
        let mut events: Vec<Event> = tokens
            .iter()
            .zip(&self.codes)
            .map(|(token, code)| Event::CodeConsumed {
                token: token.id,
                used: method::of_token(token).after(token, code.used, moment(subject, token)),
            })
            .collect();
        events.extend(subject.noted_on_accept(user));
        events.extend(self.preference(user, &tokens));
        events.extend(self.offer(subject, user, &tokens));
        Ok(conclude(&self.judged, &self.codes, Verdict::Accept, events))
    }

    /// The tokens, if each is the user's, as it was when it was judged, and there once.
    pub(super) fn tokens<'a>(&self, subject: &Subject<'a>, user: &User) -> Result<Vec<&'a Arc<Token>>, Refusal> {
        let distinct = |at: usize, code: &CodeProof| self.codes[..at].iter().all(|other| other.token != code.token);
        if self.codes.len() > limits::FACTORS_PER_APPLICATION
            || !self.codes.iter().enumerate().all(|(at, code)| distinct(at, code))
        {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        self.codes
            .iter()
            .map(|code| {
                let token = subject.state.token(code.token).ok_or(Refusal::Stale)?;
                match (token.revision == code.revision, token.user == user.id) {
                    (true, true) => Ok(token),
                    (true, false) => Err(Refusal::Invalid(Field::Judgement)),
                    (false, _) => Err(Refusal::Stale),
                }
            })
            .collect()
    }

    /// Whether the password was proven, and there is a code for each that is asked for, and no other.
    pub(super) fn proves_all(&self, subject: &Subject<'_>, tokens: &[&Arc<Token>]) -> bool {
        let factors = &subject.plan.factors;
        let asked: Vec<_> = factors.iter().filter_map(|factor| factor.code_kinds()).collect();
        let proves = |(kinds, token): (&crate::CodeKinds, &&Arc<Token>)| kinds.contains(token.kind.code_kind());
        subject.password_settled() && asked.len() == tokens.len() && asked.iter().zip(tokens).all(proves)
    }

    /// A code that is used, expired or of a token that sleeps was right, so that it does not count towards a lock.
    pub(super) fn refuse_codes(&self, subject: &Subject<'_>, user: &User, tokens: &[&Arc<Token>]) -> Option<Reason> {
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::UsedCodesLocally) {
            return None;
        }
        let usable = method::usable(subject.state.tokens_of(user.id), subject.now_ms);
        tokens.iter().zip(&self.codes).find_map(|(token, code)| {
            if token.expired_at(subject.now_ms) {
                return Some(Reason::CodeExpired);
            }
            match usable.iter().any(|other| other.id == token.id) {
                true => method::of_token(token).refuse(token, code.used, moment(subject, token)),
                false => Some(Reason::NoToken),
            }
        })
    }

    /// A browser may be remembered after this: a code was proven, and nothing here rests on what was only remembered. What is meant for a day
    /// without the device, or is hardly a factor, does not open a month without one. Where there is no room for the offer, there is none.
    fn offer(&self, subject: &Subject<'_>, user: &User, tokens: &[&Arc<Token>]) -> Option<Event> {
        let Judged {
            fingerprint,
            client,
            recalled_ms,
            browser,
            ..
        } = &self.judged;
        let lasts = |token: &&Arc<Token>| {
            !matches!(
                token.kind.code_kind(),
                CodeKind::Temporary | CodeKind::Static | CodeKind::Recovery
            )
        };
        let may =
            browser.is_some() && recalled_ms.is_none() && user.may_trust(subject.policy) && tokens.iter().all(lasts);
        let has_room = subject.state.memory().offers.len() < limits::TRUST_OFFERS;
        (may && has_room).then_some(Event::TrustOffered {
            login: *fingerprint,
            user: user.id,
            client: *client,
        })
    }

    /// Whoever has a code sent by choice and then uses another has chosen anew.
    fn preference(&self, user: &User, tokens: &[&Arc<Token>]) -> Option<Event> {
        let other = tokens
            .iter()
            .any(|token| token.kind.channel().is_none() && token.kind.code_kind() != CodeKind::Recovery);
        (other && user.preferred.is_some()).then_some(Event::PreferenceNoted {
            user: user.id,
            preferred: None,
        })
    }
}

fn moment(subject: &Subject<'_>, token: &Token) -> Moment {
    let sent = subject.state.sent_code(token.id).map(|sent| &**sent);
    Moment::new(subject.now_ms, subject.policy).after(sent)
}
