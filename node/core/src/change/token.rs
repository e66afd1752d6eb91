//! Changes to tokens. Each also moves the revision of the token's user, by which logins are judged.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, is_sealed, require},
    event::Event,
    ids::{Revision, Sealed, TokenId, UserId},
    limits,
    method::{self, Moment, Use},
    names,
    outcome::{Field, Refusal},
    records::{Standing, Token, TokenKind, Used, User},
    state::State,
};

/// A new token.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateToken {
    /// Random.
    #[n(0)]
    pub id: TokenId,
    /// Whose it is; 0 for nobody's yet.
    #[n(1)]
    pub user: UserId,
    /// What the user calls it; may be empty.
    #[n(2)]
    pub name: Box<str>,
    /// How it makes codes.
    #[n(3)]
    pub kind: TokenKind,
    /// The sealed secret.
    #[n(4)]
    pub secret: Sealed,
    /// Whether it is in use at once, instead of when its first code was shown.
    #[n(5)]
    pub verified: bool,
    /// The first counter or timestep that was not used; 0 but for a token that was in use elsewhere.
    #[n(6)]
    pub counter: u64,
    /// From when on it matches nothing, in ms since 1970; a temporary code has to end.
    #[n(7)]
    pub expires_ms: Option<u64>,
    /// The address with most of it left out; empty where codes are not sent.
    #[n(8)]
    pub hint: Box<str>,
}

/// Another name and another end for a token.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What the user calls it; may be empty.
    #[n(2)]
    pub name: Box<str>,
    /// From when on it matches nothing, in ms since 1970.
    #[n(3)]
    pub expires_ms: Option<u64>,
}

/// A token that matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DisableToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Takes a disable or a loss back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnableToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Removes a token.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// The first code of a token was shown: it is in use from now on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct VerifyToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What the code uses.
    #[n(2)]
    pub used: Use,
}

/// Two codes in a row told where a token is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ResyncToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What it has used from now on; never less than before.
    #[n(2)]
    pub used: Used,
}

/// A token that somebody else may hold. It matches nothing until it is enabled again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LoseToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// A token for another user, or back into the drawer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AssignToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// Whose it is from now on; 0 for nobody's.
    #[n(2)]
    pub user: UserId,
}

impl CreateToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        require(names::is_label(&self.name), Field::Name)?;
        require(is_sealed(&self.secret), Field::Seed)?;
        check_kind(self.kind)?;
        self.check_hint()?;
        self.check_end(state.stamp().ms)?;
        // Id 0 stands for no token.
        if self.id == TokenId(0) || state.token(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        let token = Token {
            id: self.id,
            user: UserId(0),
            name: self.name.clone(),
            kind: self.kind,
            secret: self.secret.clone(),
            standing: match self.verified {
                true => Standing::Enabled,
                false => Standing::Unverified,
            },
            used: self.used()?,
            revision,
            expires_ms: self.expires_ms,
            hint: self.hint.clone(),
            of_directory: false,
        };
        given(state, token, self.user, revision)
    }

    fn used(&self) -> Result<Used, Refusal> {
        match Used::nothing(self.kind.code_kind()) {
            Used::Counter { .. } => Ok(Used::Counter {
                last: self.counter.checked_sub(1),
            }),
            Used::Time { drift, lean, .. } => Ok(Used::Time {
                last: self.counter.checked_sub(1),
                drift,
                lean,
            }),
            nothing => require(self.counter == 0, Field::Counter).map(|()| nothing),
        }
    }

    fn check_hint(&self) -> Result<(), Refusal> {
        let bounded = names::is_label(&self.hint) && self.hint.len() <= limits::HINT_BYTES;
        let fits = self.hint.is_empty() || self.kind.channel().is_some();
        require(bounded && fits, Field::Hint)
    }

    fn check_end(&self, now_ms: u64) -> Result<(), Refusal> {
        let end = self.expires_ms.map(|expires_ms| expires_ms.saturating_sub(now_ms));
        match self.kind {
            TokenKind::Temporary { .. } | TokenKind::Registration => require(
                end.is_some_and(|left_ms| (1..=limits::TEMPORARY_MS_MAX).contains(&left_ms)),
                Field::Expiry,
            ),
            _ => require(end != Some(0), Field::Expiry),
        }
    }
}

impl ChangeToken {
    /// A temporary code keeps its end: a longer life is a new code.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        require(names::is_label(&self.name), Field::Name)?;
        let same_end = self.expires_ms == token.expires_ms;
        let temporary = matches!(token.kind, TokenKind::Temporary { .. } | TokenKind::Registration);
        require(same_end || !temporary, Field::Expiry)?;
        let future = self.expires_ms.is_none_or(|expires_ms| expires_ms > state.stamp().ms);
        require(same_end || future, Field::Expiry)?;
        let changed = Token {
            name: self.name.clone(),
            expires_ms: self.expires_ms,
            revision,
            ..token.clone()
        };
        saved(state, changed, Remembered::Kept)
    }
}

impl VerifyToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        let sent = state.sent_code(token.id).map(|sent| &**sent);
        let at = Moment::new(state.stamp().ms, state.policy()).after(sent);
        let method = method::of_token(token);
        let right = token.standing == Standing::Unverified && method.refuse(token, self.used, at).is_none();
        require(right, Field::Counter)?;
        let verified = Token {
            standing: Standing::Enabled,
            used: method.after(token, self.used, at),
            revision,
            ..token.clone()
        };
        saved(state, verified, Remembered::Kept)
    }
}

impl ResyncToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        let bounded = match (self.used, token.used) {
            (Used::Time { drift, .. }, Used::Time { .. }) => drift.unsigned_abs() <= limits::DRIFT_MAX.unsigned_abs(),
            (Used::Counter { .. }, Used::Counter { .. }) => true,
            _ => false,
        };
        require(bounded && self.used.last() > token.used.last(), Field::Counter)?;
        let synced = Token {
            used: self.used,
            revision,
            ..token.clone()
        };
        saved(state, synced, Remembered::Kept)
    }
}

impl DisableToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        stand(state, self.token, self.expected, Standing::Disabled, revision)
    }
}

impl LoseToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        stand(state, self.token, self.expected, Standing::Lost, revision)
    }
}

impl EnableToken {
    /// A token whose code nobody has shown is verified, not enabled.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        require(token.standing != Standing::Unverified, Field::Counter)?;
        let enabled = Token {
            standing: Standing::Enabled,
            revision,
            ..token.clone()
        };
        saved(state, enabled, Remembered::Kept)
    }
}

impl AssignToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        let former = former_owner(state, token, revision);
        let free = Token {
            user: UserId(0),
            revision,
            ..token.clone()
        };
        let mut effect = match former.as_ref().is_some_and(|former| former.id == self.user) {
            true => return Err(Refusal::Invalid(Field::Owner)),
            false => given(state, free, self.user, revision)?,
        };
        effect
            .events
            .splice(0..0, former.map(|former| Event::UserSaved(Arc::new(former))));
        Ok(effect)
    }
}

impl DeleteToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        let mut events: Vec<Event> = former_owner(state, token, revision)
            .map(|former| Event::UserSaved(Arc::new(former)))
            .into_iter()
            .collect();
        events.push(Event::TokenDeleted(token.id));
        Ok(Effect {
            events,
            object: Object::Token(token.id),
            name: token.name.clone(),
        })
    }
}

fn expected_token(state: &State, id: TokenId, expected: Option<Revision>) -> Result<&Token, Refusal> {
    let token = state.token(id).ok_or(Refusal::NotFound)?;
    expect(token.revision, expected)?;
    Ok(token)
}

fn check_kind(kind: TokenKind) -> Result<(), Refusal> {
    let check_digits = |digits| require(limits::CODE_DIGITS.contains(&digits), Field::Digits);
    match kind {
        TokenKind::Totp {
            algorithm: _,
            digits,
            period_s,
        } => {
            check_digits(digits)?;
            require(limits::TOTP_PERIOD_S.contains(&period_s), Field::Period)
        }
        TokenKind::Hotp { algorithm: _, digits } => check_digits(digits),
        TokenKind::Recovery { codes } => require((1..=limits::CODES_PER_SHEET).contains(&codes), Field::Uses),
        TokenKind::Temporary { uses, suspends: _ } => {
            require((1..=limits::TEMPORARY_USES_MAX).contains(&uses), Field::Uses)
        }
        TokenKind::Yubikey { public_id: _ }
        | TokenKind::Static
        | TokenKind::Sent { channel: _ }
        | TokenKind::Registration => Ok(()),
    }
}

/// Whether accepts that are remembered of the token's user stay good.
enum Remembered {
    Kept,
    Void,
}

fn stand(
    state: &State,
    id: TokenId,
    expected: Option<Revision>,
    standing: Standing,
    revision: Revision,
) -> Result<Effect, Refusal> {
    let token = expected_token(state, id, expected)?;
    let changed = Token {
        standing,
        revision,
        ..token.clone()
    };
    saved(state, changed, Remembered::Void)
}

/// The token as it is from now on, and its user, if it has one, with the same revision.
fn saved(state: &State, token: Token, remembered: Remembered) -> Result<Effect, Refusal> {
    let user = state.user(token.user).map(|user| User {
        revision: token.revision,
        epoch: match remembered {
            Remembered::Kept => user.epoch,
            Remembered::Void => user.epoch.wrapping_add(1),
        },
        ..(**user).clone()
    });
    Ok(saved_with(user, token))
}

/// The owner without the token. Accepts that are remembered of its user are void.
fn former_owner(state: &State, token: &Token, revision: Revision) -> Option<User> {
    let user = state.user(token.user)?;
    Some(User {
        tokens: user.tokens.iter().copied().filter(|id| *id != token.id).collect(),
        epoch: user.epoch.wrapping_add(1),
        revision,
        ..(**user).clone()
    })
}

/// The token, in the hands of this user or in the drawer.
fn given(state: &State, token: Token, user: UserId, revision: Revision) -> Result<Effect, Refusal> {
    if user == UserId(0) {
        require(token.kind.is_device(), Field::Owner)?;
        let room = state.stock_count() < limits::STOCK;
        return room.then(|| saved_with(None, token)).ok_or(Refusal::LimitReached);
    }
    let owner = state.user(user).ok_or(Refusal::NotFound)?;
    if owner.tokens.len() >= limits::TOKENS_PER_USER {
        return Err(Refusal::LimitReached);
    }
    let owner = User {
        tokens: owner.tokens.iter().copied().chain([token.id]).collect(),
        revision,
        ..(**owner).clone()
    };
    Ok(saved_with(Some(owner), Token { user, ..token }))
}

fn saved_with(user: Option<User>, token: Token) -> Effect {
    let (object, name) = (Object::Token(token.id), token.name.clone());
    let mut events: Vec<Event> = user.map(|user| Event::UserSaved(Arc::new(user))).into_iter().collect();
    events.push(Event::TokenSaved(Arc::new(token)));
    Effect { events, object, name }
}
