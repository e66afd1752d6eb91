//! Accepts a login in which a user came to a first token, and writes the token down. Issued by the node that judged the login.
//!
//! One entry does both: there is no token without a code of it, and no accept without the token. The same answer to the same challenge
//! is remembered like any other verdict, so that it makes one token, whichever nodes it comes to.

use minicbor::{Decode, Encode};

use crate::{
    audit::{ChangeEntry, ChangeKind, Object},
    command::{
        Actor, ConsumeCode,
        verdict::{Subject, conclude, decide_verdict},
    },
    decide::Decided,
    event::Event,
    ids::{Revision, Sealed, TokenId},
    limits,
    method::{self, Moment, Use},
    outcome::{Field, Refusal, Verdict},
    records::{Token, User},
    state::State,
};

/// Everything that is asked for was proven, and a code of the token that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnrolToken {
    /// What was proven before: a registration code, or no code. Its `judged.conversation` is there.
    #[n(0)]
    pub proven: ConsumeCode,
    /// Random.
    #[n(1)]
    pub token: TokenId,
    /// The sealed key.
    #[n(2)]
    pub secret: Sealed,
    /// What the first code uses.
    #[n(3)]
    pub used: Use,
}

impl EnrolToken {
    pub(crate) fn decide(&self, state: &State, now_ms: u64) -> Result<Decided, Refusal> {
        if !(1..=limits::SEALED_BYTES).contains(&self.secret.0.len()) {
            return Err(Refusal::Invalid(Field::Seed));
        }
        decide_verdict(state, &self.proven.judged, now_ms, |subject| self.judge(subject))
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Decided, Refusal> {
        let (judged, codes) = (&self.proven.judged, &self.proven.codes);
        let user = subject.user.ok_or(Refusal::Invalid(Field::Judgement))?;
        let proven = self.proven.tokens(subject, user)?;
        // What is only remembered of a password lets nobody come to something that lasts.
        let was_shown = subject.plan.enrols && judged.conversation.is_some() && judged.recalled_ms.is_none();
        if !was_shown || !self.proven.proves_all(subject, &proven) {
            return Err(Refusal::Invalid(Field::Judgement));
        }
        if self.token == TokenId(0) || subject.state.token(self.token).is_some() {
            return Err(Refusal::IdTaken);
        }
        let token = Token::first(self.token, user.id, self.secret.clone());
        let at = Moment::new(subject.now_ms, subject.policy);
        let method = method::of_token(&token);
        if let Some(reason) = subject
            .barred(user)
            .or_else(|| subject.password_due(user))
            .or_else(|| self.proven.refuse_codes(subject, user, &proven))
            .or_else(|| method.refuse(&token, self.used, at))
        {
            return Ok(conclude(judged, codes, Verdict::Reject(reason), Vec::new()));
        }
        let revision = subject.state.next_revision();
        let token = Token {
            used: method.after(&token, self.used, at),
            revision,
            ..token
        };
        let owner = owner(user, &proven, token.id, revision)?;
        let mut events = vec![Event::UserSaved(owner.into())];
        events.extend(proven.iter().map(|spent| Event::TokenDeleted(spent.id)));
        events.push(Event::ChangeRecorded(ChangeEntry {
            actor: Actor::Owner { user: user.id },
            node: judged.facts.node,
            kind: ChangeKind::EnrolToken,
            object: Object::Token(token.id),
            name: user.name.to_string().into(),
        }));
        events.push(Event::TokenSaved(token.into()));
        events.push(Event::RevisionSpent(revision));
        events.extend(subject.noted_on_accept(user));
        Ok(conclude(judged, codes, Verdict::Accept, events))
    }
}

/// The user with the token, and without the registration code that led to it.
fn owner(user: &User, spent: &[&std::sync::Arc<Token>], token: TokenId, revision: Revision) -> Result<User, Refusal> {
    let is_kept = |id: &TokenId| spent.iter().all(|spent| spent.id != *id);
    let tokens: Box<[TokenId]> = user.tokens.iter().copied().filter(is_kept).chain([token]).collect();
    if tokens.len() > limits::TOKENS_PER_USER {
        return Err(Refusal::LimitReached);
    }
    Ok(User {
        tokens,
        revision,
        ..user.clone()
    })
}
