//! Users: create, change, password, disable, enable, unlock, delete.

use std::sync::Arc;

use quorate_core::change::{
    ChangeUser, CreateUser, DeleteUser, DisableUser, EnableUser, SetLocal, SetPassword, UnlockUser,
};
use quorate_core::{Actor, Change, Local, Revision, Sealed, TokenId, User, UserId, UserName, limits as core_limits};
use quorate_seal::Field;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::token_spec::PlannedToken;
use super::{AdminError, Administrator, Enrolment, TokenSpec};
use crate::fields::FieldErrors;
use crate::hash_queue::HashLane;
use crate::limits;

/// A user to be created, with a first token if there is one, as one atomic change.
#[derive(Default)]
pub struct NewUser {
    /// As typed: `name`, `DOMAIN\name` or `name@domain`.
    pub name: String,
    pub display_name: String,
    /// No password means that no local password is ever right.
    pub password: Option<Zeroizing<String>>,
    pub token: Option<TokenSpec>,
}

/// What to change of a user; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// As typed.
    pub name: Option<String>,
    pub display_name: Option<String>,
    /// All groups that are kept here.
    pub groups: Option<Vec<String>>,
    /// Until when the user may do without a token, in ms since 1970; `Some(None)` for as long as an application says.
    pub enrol_by_ms: Option<Option<u64>>,
}

impl Administrator {
    /// Creates a user. The second value enrols the token, if one was asked for; it cannot be had again.
    ///
    /// # Errors
    /// [`AdminError`]; a name that is taken is [`AdminError::NameTaken`].
    pub async fn create_user(&self, actor: Actor, new: NewUser) -> Result<(Arc<User>, Option<Enrolment>), AdminError> {
        let mut errors = FieldErrors::default();
        let name = self.check_user_name(&mut errors, "name", &new.name);
        errors.check_label("display_name", &new.display_name, true);
        check_password(&mut errors, "password", new.password.as_ref());
        if let Some(token) = &new.token {
            token.check(&mut errors, "token.");
        }
        let name = errors.finish_with(name)?;

        let id = UserId(self.random_id());
        let password = self.seal_password(id, new.password.as_ref()).await?;
        let token = new.token.map(|spec| self.plan_token(id, Some(&name), spec));
        let mut changes = vec![Change::CreateUser(CreateUser {
            id,
            name,
            display_name: new.display_name.into(),
            password,
        })];
        let enrolment = token.map(|PlannedToken { change, enrolment, .. }| {
            changes.push(change);
            enrolment
        });
        self.administer(actor, changes).await?;
        Ok((self.read_user(id)?, enrolment))
    }

    /// Gives a user another name or display name, other groups that are kept here, or another date to enrol by.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_user(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
        change: UserChange,
    ) -> Result<Arc<User>, AdminError> {
        let former = self.read_user(user)?;
        let mut errors = FieldErrors::default();
        let name = match &change.name {
            Some(typed) => self.check_user_name(&mut errors, "name", typed),
            None => Some(former.name.clone()),
        };
        let display_name = change
            .display_name
            .map_or_else(|| former.display_name.clone(), Into::into);
        errors.check_label("display_name", &display_name, true);
        let is_renamed = change.name.is_some() || *display_name != *former.display_name;
        let local = changed_local(&mut errors, &former, change.groups, change.enrol_by_ms);
        let name = errors.finish_with(name)?;
        // What is left as it is was read here: without a revision of the caller's, that one is expected.
        let mut expected = expected.or(Some(former.revision));
        let mut changes = Vec::new();
        if is_renamed || local.is_none() {
            changes.push(Change::ChangeUser(ChangeUser {
                user,
                expected: expected.take(),
                name,
                display_name,
            }));
        }
        // The first change expects the revision; the second follows in the same command and finds the new one.
        changes.extend(local.map(|local| Change::SetLocal(SetLocal { user, expected, local })));
        self.administer(actor, changes).await?;
        self.read_user(user)
    }

    /// Sets or, with `None`, removes a user's local password. Challenges begun with the former one are void.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_password(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
        password: Option<Zeroizing<String>>,
    ) -> Result<Arc<User>, AdminError> {
        self.read_user(user)?;
        let mut errors = FieldErrors::default();
        check_password(&mut errors, "password", password.as_ref());
        errors.finish()?;
        let password = self.seal_password(user, password.as_ref()).await?;
        let change = Change::SetPassword(SetPassword {
            user,
            expected,
            password,
        });
        self.change_one_user(actor, user, change).await
    }

    /// Disables a user: once this returns, every node refuses it.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_user(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
    ) -> Result<Arc<User>, AdminError> {
        let change = Change::DisableUser(DisableUser { user, expected });
        self.change_one_user(actor, user, change).await
    }

    /// Takes a disable back.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_user(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
    ) -> Result<Arc<User>, AdminError> {
        let change = Change::EnableUser(EnableUser { user, expected });
        self.change_one_user(actor, user, change).await
    }

    /// Ends the lock of a user's second factor and its delays after wrong passwords.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn unlock_user(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
    ) -> Result<Arc<User>, AdminError> {
        let change = Change::UnlockUser(UnlockUser { user, expected });
        self.change_one_user(actor, user, change).await
    }

    /// Deletes a user and its tokens.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_user(&self, actor: Actor, user: UserId, expected: Option<Revision>) -> Result<(), AdminError> {
        self.read_user(user)?;
        let change = Change::DeleteUser(DeleteUser { user, expected });
        self.administer(actor, vec![change]).await.map(drop)
    }

    /// A user by id (`u-…`) or by name as typed.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub fn find_user(&self, text: &str) -> Result<Arc<User>, AdminError> {
        let state = self.state();
        let by_id = text.parse().ok().and_then(|id| state.user(id));
        by_id
            .or_else(|| state.user_by_name(&self.names.fold(text).ok()?))
            .cloned()
            .ok_or(AdminError::NotFound { what: "user" })
    }

    pub(super) fn read_user(&self, id: UserId) -> Result<Arc<User>, AdminError> {
        let state = self.state();
        state.user(id).cloned().ok_or(AdminError::NotFound { what: "user" })
    }

    async fn change_one_user(&self, actor: Actor, user: UserId, change: Change) -> Result<Arc<User>, AdminError> {
        self.read_user(user)?;
        self.administer(actor, vec![change]).await?;
        self.read_user(user)
    }

    pub(super) fn check_user_name(&self, errors: &mut FieldErrors, field: &str, typed: &str) -> Option<UserName> {
        match self.names.fold(typed) {
            // What folds to an id's spelling could never be told from that id.
            Ok(name) if name.to_string().parse::<UserId>().is_ok() || name.to_string().parse::<TokenId>().is_ok() => {
                errors.add(field, "looks like an id", "choose a name that is no id");
                None
            }
            Ok(name) => Some(name),
            Err(problem) => {
                errors.add(field, problem.to_string(), "name, DOMAIN\\name or name@domain");
                None
            }
        }
    }

    async fn seal_password(
        &self,
        user: UserId,
        password: Option<&Zeroizing<String>>,
    ) -> Result<Option<Sealed>, AdminError> {
        let Some(password) = password else { return Ok(None) };
        let verifier = self.hash_password(password.as_bytes()).await?;
        Ok(Some(self.seal(Field::UserPassword, user.0, &verifier)))
    }

    /// The encoded verifier of a new password, to be sealed for each user that gets it.
    pub(super) async fn hash_password(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, AdminError> {
        let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
        let password = Zeroizing::new(password.to_vec());
        let verifier = self
            .hashes
            .compute(HashLane::ADMINISTRATION, password, self.random(), deadline)
            .await?;
        Ok(verifier.encode())
    }
}

/// What is kept here of a user from now on; none if the change does not speak of it.
fn changed_local(
    errors: &mut FieldErrors,
    former: &User,
    groups: Option<Vec<String>>,
    enrol_by_ms: Option<Option<u64>>,
) -> Option<Local> {
    if groups.is_none() && enrol_by_ms.is_none() {
        return None;
    }
    let kept = former.local.as_deref().cloned().unwrap_or_default();
    let groups = match groups {
        None => kept.groups,
        Some(typed) => check_own_groups(errors, typed),
    };
    Some(Local {
        groups,
        enrol_by_ms: enrol_by_ms.unwrap_or(kept.enrol_by_ms),
    })
}

fn check_own_groups(errors: &mut FieldErrors, typed: Vec<String>) -> Box<[Box<str>]> {
    let max = core_limits::GROUPS_PER_USER;
    errors.require(
        typed.len() <= max,
        "groups",
        "has too many entries",
        &format!("at most {max}"),
    );
    for (place, group) in typed.iter().enumerate() {
        errors.check_label(&format!("groups[{place}]"), group, false);
    }
    let sorted: std::collections::BTreeSet<Box<str>> = typed.into_iter().map(Into::into).collect();
    sorted.into_iter().collect()
}

pub(super) fn check_password(errors: &mut FieldErrors, field: &str, password: Option<&Zeroizing<String>>) {
    let Some(password) = password else { return };
    let bounds = limits::PASSWORD_BYTES;
    errors.require(
        bounds.contains(&password.len()),
        field,
        "has the wrong length",
        &format!("{} to {} bytes of UTF-8", bounds.start(), bounds.end()),
    );
    errors.require(
        !password.contains('\0'),
        field,
        "has a NUL character",
        "RADIUS pads passwords with them",
    );
}
