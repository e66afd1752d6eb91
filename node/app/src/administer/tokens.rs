//! Tokens: create with an enrolment, verify, rename, lose, disable, enable, hand to somebody else, bring into step, delete.

use std::sync::Arc;

use quorate_core::change::{
    AssignToken, ChangeToken, DeleteToken, DisableToken, EnableToken, LoseToken, ResyncToken, VerifyToken,
};
use quorate_core::command::QueueCode;
use quorate_core::method::{self, Moment};
use quorate_core::{Actor, Asker, Change, Command, Refusal, Revision, Standing, Token, TokenId, UserId};
use quorate_seal::Field;
use zeroize::Zeroizing;

use super::token_spec::PlannedToken;
use super::{AdminError, Administrator, Enrolment, TokenSpec};
use crate::fields::FieldErrors;
use crate::limits;

impl Administrator {
    /// Creates a token of a user, or of nobody yet. The enrolment cannot be had again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_token(
        &self,
        actor: Actor,
        user: Option<UserId>,
        spec: TokenSpec,
    ) -> Result<(Arc<Token>, Enrolment), AdminError> {
        let owner = user.map(|user| self.read_user(user)).transpose()?;
        let mut errors = FieldErrors::default();
        spec.check(&mut errors, "");
        errors.finish()?;
        let owner = owner.as_ref().map(|owner| &owner.name);
        let PlannedToken {
            token,
            change,
            enrolment,
        } = self.plan_token(user.unwrap_or(UserId(0)), owner, spec);
        self.administer(actor, vec![change]).await?;
        Ok((self.read_token(token)?, enrolment))
    }

    /// Puts a token into use, now that its first code was shown.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminError::Invalid`] names `code` if it is none of the token's.
    pub async fn verify_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
        code: &str,
    ) -> Result<Arc<Token>, AdminError> {
        let found = self.read_token(token)?;
        self.reach_owner(actor, &found)?;
        // Of a token in use, the answer would tell guessers what no lock counts.
        if found.standing != Standing::Unverified {
            return Err(Refusal::Invalid(quorate_core::Field::Counter).into());
        }
        let state = self.state();
        let sent = state.sent_code(token).map(|sent| &**sent);
        let at = Moment::new(self.clock.now_ms(), state.policy()).after(sent);
        let secret = match (found.kind.channel(), sent) {
            (Some(_), Some(sent)) => self.courier.open_verifier(sent)?,
            (_, _) => self.open_secret(&found)?,
        };
        let used = method::of_token(&found)
            .find(&found, &secret, code.as_bytes(), at)
            .ok_or_else(|| no_code("code", "type the code that the device shows now"))?;
        let change = Change::VerifyToken(VerifyToken { token, expected, used });
        self.change_one_token(actor, token, change).await
    }

    /// Sends a code to the address of a token, to be shown by its user: that verifies it.
    ///
    /// # Errors
    /// [`AdminError`]; [`Refusal::SendLimit`] when so many messages were sent today that no more are.
    pub async fn send_code(&self, actor: Actor, token: TokenId) -> Result<Arc<Token>, AdminError> {
        let found = self.read_token(token)?;
        let Some(channel) = found.kind.channel() else {
            let hint = "tokens of the kinds sms, email and voice are sent codes";
            return Err(AdminError::field("token", "makes its codes by itself", hint));
        };
        let draft = self.courier.draft(&found, channel)?;
        let command = Command::QueueCode(QueueCode {
            request: self.request(),
            asker: Asker::Administrator(actor),
            token,
            token_revision: found.revision,
            code: draft.new.id,
            verifier: draft.new.verifier.clone(),
            prefix: draft.new.prefix,
            chosen: false,
            node: self.node,
        });
        let outcome = self.submit(&command, limits::ADMINISTRATION_DEADLINE).await?;
        self.courier.carry_if_named(draft, &command, &outcome);
        Ok(found)
    }

    /// Brings a TOTP or HOTP token into step by two codes in a row.
    ///
    /// # Errors
    /// [`AdminError`]; [`AdminError::Invalid`] names `codes` if they are not found near to each other.
    pub async fn resync_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
        codes: [&str; 2],
    ) -> Result<Arc<Token>, AdminError> {
        let found = self.read_token(token)?;
        self.reach_owner(actor, &found)?;
        let secret = self.open_secret(&found)?;
        let codes = codes.map(str::as_bytes);
        let used = method::in_step_by(&found, &secret, codes, self.clock.now_ms()).ok_or_else(|| {
            no_code(
                "codes",
                "two codes in a row, the older one first, of a TOTP or HOTP token, neither used before",
            )
        })?;
        let change = Change::ResyncToken(ResyncToken { token, expected, used });
        self.change_one_token(actor, token, change).await
    }

    /// Refuses the codes of a token that somebody else may hold.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn lose_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
    ) -> Result<Arc<Token>, AdminError> {
        let change = Change::LoseToken(LoseToken { token, expected });
        self.change_one_token(actor, token, change).await
    }

    /// Hands a token to a user, or takes it back into the drawer.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn assign_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
        user: Option<UserId>,
    ) -> Result<Arc<Token>, AdminError> {
        let user = user.map(|user| self.read_user(user).map(|user| user.id)).transpose()?;
        let change = Change::AssignToken(AssignToken {
            token,
            expected,
            user: user.unwrap_or(UserId(0)),
        });
        self.change_one_token(actor, token, change).await
    }

    /// Gives a token another name, or another end in ms since 1970.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_token(
        &self,
        actor: Actor,
        token: TokenId,
        expected: Option<Revision>,
        name: String,
        expires_ms: Option<u64>,
    ) -> Result<Arc<Token>, AdminError> {
        let mut errors = FieldErrors::default();
        errors.check_label("name", &name, true);
        errors.finish()?;
        let change = Change::ChangeToken(ChangeToken {
            token,
            expected,
            name: name.into(),
            expires_ms,
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

    /// Takes a disable or a loss back.
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

    fn open_secret(&self, token: &Token) -> Result<Zeroizing<Vec<u8>>, AdminError> {
        self.open(Field::TokenSecret, token.id.0, &token.secret)
    }
}

fn no_code(field: &str, hint: &str) -> AdminError {
    AdminError::field(field, "is not right", hint)
}
