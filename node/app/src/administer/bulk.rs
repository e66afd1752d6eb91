//! Many users at once, for demonstrations and measurements: each with one token, all with one password.
//!
//! One Argon2 hash costs 30 to 40 ms, so a hundred thousand of them cost an hour: here the hash is computed once and
//! sealed for each user. Whoever opens one of these verifiers knows that the others are the same password; the caller
//! has to say so where people can read it.
//!
//! Users go in atomic commands of [`limits::BULK_USERS_PER_COMMAND`], a few of them under way at once. What stops it
//! half-way leaves whole users behind, and running it again goes on where it stopped: users that exist are counted
//! and left as they are.

use quorate_core::change::{CreateToken, CreateUser};
use quorate_core::{Actor, Change, State, TokenId, TokenKind, UserId, UserName};
use quorate_seal::Field;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;
use crate::limits;
use crate::passwords::{BrokenRule, broken_rules};

/// One of many users.
pub struct BulkUser {
    /// As typed.
    pub name: String,
    pub token: TokenKind,
    pub seed: Zeroizing<Vec<u8>>,
}

/// How far a bulk creation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BulkProgress {
    /// Created and acknowledged.
    pub created: u64,
    /// Existed before and left as they are.
    pub existing: u64,
}

impl Administrator {
    /// Creates users with one token each and the same password. `progress` is called after every acknowledged command.
    ///
    /// # Errors
    /// The first [`AdminError`]; commands that were acknowledged until then stay.
    pub async fn create_users_in_bulk(
        &self,
        actor: Actor,
        password: Option<Zeroizing<String>>,
        users: impl IntoIterator<Item = BulkUser, IntoIter: Send> + Send,
        progress: impl Fn(BulkProgress) + Send + Sync,
    ) -> Result<BulkProgress, AdminError> {
        let verifier = match &password {
            Some(password) => Some(self.hash_password(password.as_bytes()).await?),
            None => None,
        };
        let mut users = users.into_iter();
        let mut under_way: JoinSet<Result<BulkProgress, AdminError>> = JoinSet::new();
        let mut done = BulkProgress::default();
        loop {
            let chunk: Vec<BulkUser> = users.by_ref().take(limits::BULK_USERS_PER_COMMAND).collect();
            let last = chunk.is_empty();
            if !last {
                let (step, changes) = {
                    let shared = password.as_ref().zip(verifier.as_ref());
                    self.plan_chunk(
                        chunk,
                        shared.map(|(password, verifier)| (password.as_str(), verifier.as_slice())),
                    )?
                };
                let administrator = self.clone();
                under_way.spawn(async move { administrator.create_chunk(actor, step, changes).await });
            }
            while under_way.len() >= limits::BULK_COMMANDS_IN_FLIGHT || (last && !under_way.is_empty()) {
                let Some(finished) = under_way.join_next().await else {
                    break;
                };
                let step = finished.expect("invariant: creating a chunk neither panics nor is aborted")?;
                done.created += step.created;
                done.existing += step.existing;
                progress(done);
            }
            if last {
                return Ok(done);
            }
        }
    }

    /// What is wrong with a password that somebody of this name shares with others.
    #[must_use]
    pub fn broken_rules(&self, name: &UserName, password: &str) -> Vec<BrokenRule> {
        broken_rules(&self.state().policy().passwords, name, password)
    }

    async fn create_chunk(
        &self,
        actor: Actor,
        step: BulkProgress,
        changes: Vec<Change>,
    ) -> Result<BulkProgress, AdminError> {
        if !changes.is_empty() {
            self.administer_within(actor, changes, limits::BULK_DEADLINE).await?;
        }
        Ok(step)
    }

    fn plan_chunk(
        &self,
        chunk: Vec<BulkUser>,
        shared: Option<(&str, &[u8])>,
    ) -> Result<(BulkProgress, Vec<Change>), AdminError> {
        let state = self.state();
        let mut step = BulkProgress::default();
        let mut changes = Vec::with_capacity(2 * chunk.len());
        for user in chunk {
            match self.plan_user(&state, user, shared)? {
                Some(planned) => {
                    changes.extend(planned);
                    step.created += 1;
                }
                None => step.existing += 1,
            }
        }
        Ok((step, changes))
    }

    /// Nothing when the user exists.
    fn plan_user(
        &self,
        state: &State,
        user: BulkUser,
        shared: Option<(&str, &[u8])>,
    ) -> Result<Option<[Change; 2]>, AdminError> {
        let name = self.check_bulk_user(&user, shared.map(|(password, _)| password))?;
        if state.user_by_name(&name).is_some() {
            return Ok(None);
        }
        let (id, token) = (UserId(self.random_id()), TokenId(self.random_id()));
        let create_user = CreateUser {
            id,
            name,
            display_name: "".into(),
            password: shared.map(|(_, verifier)| self.seal(Field::UserPassword, id.0, verifier)),
            must_change_password: false,
            foreign_password: false,
        };
        let create_token = CreateToken {
            id: token,
            user: id,
            name: "".into(),
            kind: user.token,
            secret: self.seal(Field::TokenSecret, token.0, &user.seed),
            verified: true,
            counter: 0,
            expires_ms: None,
            hint: "".into(),
        };
        Ok(Some([
            Change::CreateUser(create_user),
            Change::CreateToken(create_token),
        ]))
    }

    fn check_bulk_user(&self, user: &BulkUser, password: Option<&str>) -> Result<UserName, AdminError> {
        let mut errors = FieldErrors::default();
        let name = self.check_user_name(&mut errors, &format!("users[{}].name", user.name), &user.name);
        if let (Some(name), Some(password)) = (&name, password) {
            self.check_password(&mut errors, &format!("users[{}].password", user.name), name, password);
        }
        let bounds = limits::SEED_BYTES;
        errors.require(
            bounds.contains(&user.seed.len()),
            &format!("users[{}].seed", user.name),
            "has the wrong length",
            &format!("{} to {} bytes", bounds.start(), bounds.end()),
        );
        Ok(errors.finish_with(name)?)
    }
}
