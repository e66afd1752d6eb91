//! What was taken along. Each of these changes nothing: it stands in the log so that it is permitted and audited there before anybody is
//! given what it names.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::Effect,
    ids::{TokenId, UserId},
    outcome::Refusal,
    state::State,
};

/// A user is taken along, with the addresses that codes are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ExportUser {
    /// Which user.
    #[n(0)]
    pub user: UserId,
}

/// The verifier of a user's local password is taken along.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ExportPassword {
    /// Which user.
    #[n(0)]
    pub user: UserId,
}

/// The secret of a token is taken along.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ExportToken {
    /// Which token.
    #[n(0)]
    pub token: TokenId,
}

impl ExportUser {
    pub(super) fn decide(&self, state: &State) -> Result<Effect, Refusal> {
        of_user(state, self.user)
    }
}

impl ExportPassword {
    pub(super) fn decide(&self, state: &State) -> Result<Effect, Refusal> {
        of_user(state, self.user)
    }
}

impl ExportToken {
    pub(super) fn decide(&self, state: &State) -> Result<Effect, Refusal> {
        let token = state.token(self.token).ok_or(Refusal::NotFound)?;
        Ok(nothing(Object::Token(token.id), token.name.clone()))
    }
}

fn of_user(state: &State, id: UserId) -> Result<Effect, Refusal> {
    let user = state.user(id).ok_or(Refusal::NotFound)?;
    Ok(nothing(Object::User(user.id), user.name.to_string().into()))
}

fn nothing(object: Object, name: Box<str>) -> Effect {
    Effect {
        events: Vec::new(),
        object,
        name,
    }
}
