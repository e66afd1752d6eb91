//! TOTP tokens: create with an enrolment, rename, disable, enable, delete.

use std::sync::Arc;

use quorate_core::change::{ChangeToken, CreateToken, DeleteToken, DisableToken, EnableToken};
use quorate_core::{
    Actor, Change, OtpAlgorithm, Revision, Token, TokenId, TokenKind, UserId, UserName, limits as core_limits, otp,
};
use quorate_seal::Field;
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::base32::base32;
use crate::fields::FieldErrors;
use crate::limits;

/// What an authenticator shows above the codes.
const ISSUER: &str = "Quorate";

/// A token to be created.
pub struct TokenSpec {
    /// What the user calls it; may be empty.
    pub name: String,
    pub kind: TokenKind,
    /// `None` draws one of the length that the algorithm recommends.
    pub seed: Option<Zeroizing<Vec<u8>>>,
}

impl Default for TokenSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: TokenKind::DEFAULT,
            seed: None,
        }
    }
}

/// What puts a token into an authenticator. Shown once: the seed is only kept sealed.
pub struct Enrolment {
    pub token: TokenId,
    /// `otpauth://totp/…`, to be drawn as a QR code.
    pub otpauth_uri: Zeroizing<String>,
    /// For typing it in by hand: base 32 without padding (RFC 4648 section 6).
    pub seed_base32: Zeroizing<String>,
}

/// A token ready to be proposed.
pub(super) struct PlannedToken {
    pub(super) change: Change,
    pub(super) enrolment: Enrolment,
}

impl TokenSpec {
    pub(super) fn check(&self, errors: &mut FieldErrors, prefix: &str) {
        let TokenKind::Totp { digits, period_s, .. } = self.kind;
        errors.check_label(&format!("{prefix}name"), &self.name, true);
        errors.require(
            core_limits::CODE_DIGITS.contains(&digits),
            &format!("{prefix}digits"),
            "is out of its bounds",
            "6, 7 or 8",
        );
        let periods = core_limits::TOTP_PERIOD_S;
        errors.require(
            periods.contains(&period_s),
            &format!("{prefix}period_s"),
            "is out of its bounds",
            &format!("{} to {} seconds", periods.start(), periods.end()),
        );
        if let Some(seed) = &self.seed {
            let bounds = limits::SEED_BYTES;
            errors.require(
                bounds.contains(&seed.len()),
                &format!("{prefix}seed"),
                "has the wrong length",
                &format!("{} to {} bytes", bounds.start(), bounds.end()),
            );
        }
    }
}

impl Administrator {
    /// Creates a token of a user. The enrolment cannot be had again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_token(
        &self,
        actor: Actor,
        user: UserId,
        spec: TokenSpec,
    ) -> Result<(Arc<Token>, Enrolment), AdminError> {
        let owner = self.read_user(user)?;
        let mut errors = FieldErrors::default();
        spec.check(&mut errors, "");
        errors.finish()?;
        let PlannedToken { change, enrolment } = self.plan_token(user, &owner.name, spec);
        self.administer(actor, vec![change]).await?;
        Ok((self.read_token(enrolment.token)?, enrolment))
    }

    /// Gives a token another name.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
        name: String,
    ) -> Result<Arc<Token>, AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_label("name", &name, true);
        errors.finish()?;
        let change = Change::ChangeToken(ChangeToken {
            token,
            expected,
            name: name.into(),
        });
        self.change_one_token(actor, token, change).await
    }

    /// Disables a token: once this returns, no node accepts its codes.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
    ) -> Result<Arc<Token>, AdminError> {
        let change = Change::DisableToken(DisableToken { token, expected });
        self.change_one_token(actor, token, change).await
    }

    /// Takes a disable back.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
    ) -> Result<Arc<Token>, AdminError> {
        let change = Change::EnableToken(EnableToken { token, expected });
        self.change_one_token(actor, token, change).await
    }

    /// Deletes a token.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
    ) -> Result<(), AdminError> {
        self.read_token(token)?;
        let change = Change::DeleteToken(DeleteToken { token, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// A token by id (`t-…`).
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_token(&self, text: &str) -> Result<Arc<Token>, AdminError> {
        let id = text.parse().map_err(|_| AdminError::NotFound { what: "token" })?;
        self.read_token(id)
    }

    fn read_token(&self, id: TokenId) -> Result<Arc<Token>, AdminError> {
        let state = self.state();
        state.token(id).cloned().ok_or(AdminError::NotFound { what: "token" })
    }

    async fn change_one_token(&self, actor: Actor, token: TokenId, change: Change) -> Result<Arc<Token>, AdminError> {
        self.read_token(token)?;
        self.administer(actor, vec![change]).await?;
        self.read_token(token)
    }

    /// Draws what is random about a token and seals its seed.
    pub(super) fn plan_token(&self, user: UserId, owner: &UserName, spec: TokenSpec) -> PlannedToken {
        let TokenKind::Totp { algorithm, .. } = spec.kind;
        let id = TokenId(self.random_id());
        let seed = spec.seed.unwrap_or_else(|| {
            let mut seed = Zeroizing::new(vec![0; recommended_seed_bytes(algorithm)]);
            self.entropy.fill(&mut seed);
            seed
        });
        let enrolment = Enrolment {
            token: id,
            otpauth_uri: Zeroizing::new(otp::otpauth_uri(ISSUER, &owner.to_string(), spec.kind, &seed)),
            seed_base32: base32(&seed),
        };
        let change = Change::CreateToken(CreateToken {
            id,
            user,
            name: spec.name.into(),
            kind: spec.kind,
            seed: self.seal(Field::TokenSeed, id.0, &seed),
        });
        PlannedToken { change, enrolment }
    }
}

/// The length of the hash's output (RFC 6238, reference implementation; RFC 4226 section 4).
const fn recommended_seed_bytes(algorithm: OtpAlgorithm) -> usize {
    match algorithm {
        OtpAlgorithm::Sha1 => 20,
        OtpAlgorithm::Sha256 => 32,
        OtpAlgorithm::Sha512 => 64,
    }
}
