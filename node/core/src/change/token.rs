//! Changes to tokens. Each also moves the revision of the token's user, by which logins are judged.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, is_sealed, require},
    event::Event,
    ids::{Revision, Sealed, TokenId, UserId},
    limits, names,
    outcome::{Field, Refusal},
    records::{Token, TokenKind, User},
    state::State,
};

/// A new token of a user, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateToken {
    /// Random.
    #[n(0)]
    pub id: TokenId,
    /// Whose it is.
    #[n(1)]
    pub user: UserId,
    /// What the user calls it; may be empty.
    #[n(2)]
    pub name: Box<str>,
    /// How it makes codes.
    #[n(3)]
    pub kind: TokenKind,
    /// The sealed seed.
    #[n(4)]
    pub seed: Sealed,
}

/// Another name for a token.
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

/// Takes a disable back.
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

impl CreateToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = state.user(self.user).ok_or(Refusal::NotFound)?;
        require(names::is_label(&self.name), Field::Name)?;
        require(is_sealed(&self.seed), Field::Seed)?;
        check_kind(self.kind)?;
        // Id 0 stands for no token where verdicts are remembered.
        if self.id == TokenId(0) || state.token(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        if user.tokens.len() >= limits::TOKENS_PER_USER {
            return Err(Refusal::LimitReached);
        }
        let token = Token {
            id: self.id,
            user: self.user,
            name: self.name.clone(),
            kind: self.kind,
            seed: self.seed.clone(),
            enabled: true,
            last_timestep: None,
            revision,
            epoch: 0,
        };
        let tokens = user.tokens.iter().copied().chain([self.id]).collect();
        let user = User {
            tokens,
            revision,
            ..(**user).clone()
        };
        Ok(saved_with(user, token))
    }
}

impl ChangeToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        require(names::is_label(&self.name), Field::Name)?;
        saved(
            state,
            Token {
                name: self.name.clone(),
                revision,
                ..token.clone()
            },
        )
    }
}

impl DisableToken {
    /// The new epoch voids every accept that is remembered of the token.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        saved(
            state,
            Token {
                enabled: false,
                epoch: token.epoch.wrapping_add(1),
                revision,
                ..token.clone()
            },
        )
    }
}

impl EnableToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        saved(
            state,
            Token {
                enabled: true,
                revision,
                ..token.clone()
            },
        )
    }
}

impl DeleteToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let token = expected_token(state, self.token, self.expected)?;
        let user = state.user(token.user).ok_or(Refusal::NotFound)?;
        let tokens = user.tokens.iter().copied().filter(|id| *id != token.id).collect();
        let user = User {
            tokens,
            revision,
            ..(**user).clone()
        };
        let events = vec![Event::UserSaved(Arc::new(user)), Event::TokenDeleted(token.id)];
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
    let TokenKind::Totp {
        algorithm: _,
        digits,
        period_s,
    } = kind;
    require(limits::CODE_DIGITS.contains(&digits), Field::Digits)?;
    require(limits::TOTP_PERIOD_S.contains(&period_s), Field::Period)
}

/// The token as it is from now on, and its user with the same revision.
fn saved(state: &State, token: Token) -> Result<Effect, Refusal> {
    let user = state.user(token.user).ok_or(Refusal::NotFound)?;
    let user = User {
        revision: token.revision,
        ..(**user).clone()
    };
    Ok(saved_with(user, token))
}

fn saved_with(user: User, token: Token) -> Effect {
    let (object, name) = (Object::Token(token.id), token.name.clone());
    Effect {
        events: vec![Event::UserSaved(Arc::new(user)), Event::TokenSaved(Arc::new(token))],
        object,
        name,
    }
}
