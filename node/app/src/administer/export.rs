//! Taking users and tokens along, to another product or another cluster.
//!
//! Who takes what is permitted and audited in the log first, one record for each user, password and token; only then is anything opened.
//! If the log does not answer, nothing is given.

use std::sync::Arc;

use quorate_core::change::{ExportPassword, ExportToken, ExportUser};
use quorate_core::{Actor, Change, Channel, State, Token, TokenId, TokenKind, User, UserId, UserName};
use quorate_seal::{Field, PasswordVerifier};
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::limits;

/// A user, taken along.
pub struct TakenUser {
    pub user: Arc<User>,
    /// Where mail reaches them: a directory says it, or codes are sent there.
    pub mail: Option<Zeroizing<String>>,
    /// The same of messages and calls.
    pub mobile: Option<Zeroizing<String>>,
    /// What the local password is checked against, if that was asked for and there is one that another product could use: none that
    /// wraps what a former product made.
    pub verifier: Option<PasswordVerifier>,
}

/// A token, taken along.
pub struct TakenToken {
    pub token: Arc<Token>,
    pub owner: Option<Arc<User>>,
    /// The seed; of a YubiKey the AES key, and the private identity behind it.
    pub secret: Zeroizing<Vec<u8>>,
}

/// Some tokens of many.
pub struct TakenTokens {
    pub tokens: Vec<TakenToken>,
    /// Tokens that were passed over because they have no secret that another product could use: addresses and verifiers of codes.
    pub left_out: usize,
    /// The last one that was looked at, if there are more.
    pub next: Option<TokenId>,
}

impl Administrator {
    /// Users in the order of their names, [`limits::EXPORTED_PER_COMMAND`] at most.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn export_users(
        &self,
        actor: Actor,
        after: Option<&UserName>,
        with_passwords: bool,
    ) -> Result<Vec<TakenUser>, AdminError> {
        let state = self.state();
        let users: Vec<Arc<User>> = state
            .users_after(after)
            .take(limits::EXPORTED_PER_COMMAND)
            .cloned()
            .collect();
        let mut changes = Vec::with_capacity(users.len());
        for user in &users {
            changes.push(Change::ExportUser(ExportUser { user: user.id }));
            if with_passwords && has_own_verifier(user) {
                changes.push(Change::ExportPassword(ExportPassword { user: user.id }));
            }
        }
        self.record_export(actor, changes).await?;
        let taken = users
            .into_iter()
            .map(|user| self.taken_user(&state, user, with_passwords));
        taken.collect()
    }

    /// Tokens whose secret another product can use, of one user or of all and of nobody, in the order of their ids.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn export_tokens(
        &self,
        actor: Actor,
        of: Option<UserId>,
        after: Option<TokenId>,
    ) -> Result<TakenTokens, AdminError> {
        let state = self.state();
        let mut all = state
            .tokens_after(after)
            .filter(|token| of.is_none_or(|user| token.user == user));
        let seen: Vec<Arc<Token>> = all.by_ref().take(limits::EXPORTED_PER_COMMAND).cloned().collect();
        let more = all.next().is_some();
        let next = seen.last().map(|token| token.id).filter(|_| more);
        let looked_at = seen.len();
        let found: Vec<Arc<Token>> = seen.into_iter().filter(|token| token.kind.is_device()).collect();
        let changes = found
            .iter()
            .map(|token| Change::ExportToken(ExportToken { token: token.id }));
        self.record_export(actor, changes.collect()).await?;
        let left_out = looked_at - found.len();
        let taken = found.into_iter().map(|token| {
            Ok(TakenToken {
                secret: self.open(Field::TokenSecret, token.id.0, &token.secret)?,
                owner: state.user(token.user).cloned(),
                token,
            })
        });
        Ok(TakenTokens {
            tokens: taken.collect::<Result<_, AdminError>>()?,
            left_out,
            next,
        })
    }

    async fn record_export(&self, actor: Actor, changes: Vec<Change>) -> Result<(), AdminError> {
        match changes.is_empty() {
            true => Ok(()),
            false => self.administer(actor, changes).await.map(drop),
        }
    }

    fn taken_user(&self, state: &State, user: Arc<User>, with_passwords: bool) -> Result<TakenUser, AdminError> {
        let said = |text: &str| (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()));
        let origin = user.origin.as_deref();
        let mail = match origin.and_then(|origin| said(&origin.mail)) {
            Some(mail) => Some(mail),
            None => self.address_of(state, user.id, |channel| channel == Channel::Email)?,
        };
        let mobile = match origin.and_then(|origin| said(&origin.mobile)) {
            Some(mobile) => Some(mobile),
            None => self.address_of(state, user.id, |channel| channel != Channel::Email)?,
        };
        let verifier = match user
            .password
            .as_ref()
            .filter(|_| with_passwords && has_own_verifier(&user))
        {
            Some(sealed) => Some(self.open(Field::UserPassword, user.id.0, sealed)?),
            None => None,
        };
        let verifier = verifier.map(|bytes| PasswordVerifier::decode(&bytes));
        Ok(TakenUser {
            verifier: verifier
                .transpose()
                .map_err(|_| quorate_seal::SealError::NotAuthentic)?,
            user,
            mail,
            mobile,
        })
    }

    /// The address of the user's first token on such a channel.
    fn address_of(
        &self,
        state: &State,
        user: UserId,
        is_it: impl Fn(Channel) -> bool,
    ) -> Result<Option<Zeroizing<String>>, AdminError> {
        let sent = |token: &&Arc<Token>| matches!(token.kind, TokenKind::Sent { channel } if is_it(channel));
        let Some(token) = state.tokens_of(user).find(sent) else {
            return Ok(None);
        };
        let address = self.open(Field::TokenSecret, token.id.0, &token.secret)?;
        Ok(Some(Zeroizing::new(String::from_utf8_lossy(&address).into_owned())))
    }
}

/// One that wraps what a former product made is of no use to anybody else.
fn has_own_verifier(user: &User) -> bool {
    user.password.is_some() && !user.foreign_password
}
