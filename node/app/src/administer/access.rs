//! Bearer tokens of the HTTP API: issue, recognise, delete. Their text is of [`crate::secret_text`].
//!
//! Stored is the sealed SHA-256 of the random half. A slow hash would add nothing: 256 random bits cannot be guessed.

use std::net::IpAddr;
use std::sync::Arc;

use quorate_core::change::{CreateApiToken, DeleteApiToken};
use quorate_core::{Actor, ApiToken, ApiTokenId, Change, Revision, Role};
use quorate_seal::{Aad, Field, constant_time_eq};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;
use crate::secret_text::{self, SECRET_BYTES};

const PREFIX: &str = "qat1";

/// A new bearer token with its text, which cannot be had again.
pub struct IssuedApiToken {
    pub token: Arc<ApiToken>,
    pub text: Zeroizing<String>,
}

/// The text is no bearer token, or none of this cluster's, or a disabled one. One error for all: a caller without a
/// token learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bearer token is not valid")]
pub struct BearerRefused;

impl Administrator {
    /// Issues a bearer token that may do what the role may.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_api_token(&self, actor: Actor, name: String, role: Role) -> Result<IssuedApiToken, AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_label("name", &name, false);
        errors.finish()?;
        let id = ApiTokenId(self.random_id());
        let secret = Zeroizing::new(self.random::<SECRET_BYTES>());
        let verifier = self.seal(Field::ApiTokenVerifier, id.0, &Sha256::digest(secret.as_slice()));
        let change = Change::CreateApiToken(CreateApiToken {
            id,
            name: name.into(),
            verifier,
            role,
        });
        self.administer(actor, vec![change]).await?;
        let text = secret_text::text(PREFIX, id.0, &secret);
        Ok(IssuedApiToken {
            token: self.read_api_token(id)?,
            text,
        })
    }

    /// Deletes a bearer token: once this returns, it opens nothing on any node.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_api_token(
        &self,
        actor: Actor,
        token: ApiTokenId,
        expected: Option<Revision>,
    ) -> Result<(), AdminError> {
        self.read_api_token(token)?;
        let change = Change::DeleteApiToken(DeleteApiToken { token, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// Who presents this bearer token. `source` is where the request came from, for the audit.
    ///
    /// # Errors
    /// [`BearerRefused`].
    pub fn authenticate_bearer(&self, text: &str, source: IpAddr) -> Result<Actor, BearerRefused> {
        let (id, secret) = secret_text::parse(PREFIX, text).ok_or(BearerRefused)?;
        let id = ApiTokenId(id);
        let state = self.state();
        let token = state.api_token(id).filter(|token| token.enabled).ok_or(BearerRefused)?;
        let aad = Aad {
            field: Field::ApiTokenVerifier,
            record: id.0,
        };
        let verifier = self
            .keys
            .open(aad, token.verifier.as_bytes())
            .map_err(|_| BearerRefused)?;
        if constant_time_eq(&Sha256::digest(&*secret), &verifier) {
            Ok(Actor::ApiToken {
                id,
                revision: token.revision,
                source,
            })
        } else {
            Err(BearerRefused)
        }
    }

    fn read_api_token(&self, id: ApiTokenId) -> Result<Arc<ApiToken>, AdminError> {
        let state = self.state();
        state
            .api_token(id)
            .cloned()
            .ok_or(AdminError::NotFound { what: "API token" })
    }
}
