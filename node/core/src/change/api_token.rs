//! Changes to bearer tokens of the API.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, is_sealed, require, require_free},
    event::Event,
    ids::{ApiTokenId, Revision, Sealed},
    limits, names,
    outcome::{Field, Refusal},
    records::{ApiToken, Role},
    state::State,
};

/// A new bearer token, enabled.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateApiToken {
    /// Random.
    #[n(0)]
    pub id: ApiTokenId,
    /// What it is for; unique among bearer tokens.
    #[n(1)]
    pub name: Box<str>,
    /// Sealed digest of the secret half.
    #[n(2)]
    pub verifier: Sealed,
    /// What its bearer may do.
    #[n(3)]
    pub role: Role,
}

/// Removes a bearer token.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteApiToken {
    /// Which token.
    #[n(0)]
    pub token: ApiTokenId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

impl CreateApiToken {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        require(names::is_name(&self.name), Field::Name)?;
        require(is_sealed(&self.verifier), Field::Verifier)?;
        require_free(state.api_token_by_name(&self.name).map(|token| token.id), self.id)?;
        if state.api_token(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        if state.api_tokens().count() >= limits::HAND_MADE {
            return Err(Refusal::LimitReached);
        }
        let (name, verifier) = (self.name.clone(), self.verifier.clone());
        let token = ApiToken {
            id: self.id,
            name,
            verifier,
            enabled: true,
            revision,
            role: self.role,
        };
        Ok(effect(&token, Event::ApiTokenSaved(token.clone())))
    }
}

impl DeleteApiToken {
    pub(super) fn decide(&self, state: &State, _revision: Revision) -> Result<Effect, Refusal> {
        let token = state.api_token(self.token).ok_or(Refusal::NotFound)?;
        expect(token.revision, self.expected)?;
        Ok(effect(token, Event::ApiTokenDeleted(token.id)))
    }
}

fn effect(token: &ApiToken, event: Event) -> Effect {
    Effect {
        events: vec![event],
        object: Object::ApiToken(token.id),
        name: token.name.clone(),
    }
}
