//! Users: create, change, password, disable, enable, unlock, delete.

use std::sync::Arc;

use quorate_core::change::{
    ChangeUser, CreateUser, DeleteUser, DisableUser, EnableUser, RequirePasswordChange, SetLocal, SetPassword,
    UnlockUser,
};
use quorate_core::{Actor, Change, Revision, Sealed, TokenId, User, UserId, UserName};
use quorate_seal::Field;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::kept_here::KeptHere;
use super::token_spec::PlannedToken;
use super::{AccessChange, AdminError, Administrator, Enrolment, TokenSpec};
use crate::fields::FieldErrors;
use crate::hash_queue::HashLane;
use crate::limits;
use crate::passwords::{History, add_broken, broken_rules, in_normal_form};
use crate::ports::Contact;

/// A user to be created, with a first token if there is one, as one atomic change.
#[derive(Default)]
pub struct NewUser {
    /// As typed: `name`, `DOMAIN\name` or `name@domain`.
    pub name: String,
    pub display_name: String,
    /// No password means that no local password is ever right.
    pub password: Option<Zeroizing<String>>,
    /// The password has to be changed at the first login.
    pub must_change_password: bool,
    pub token: Option<TokenSpec>,
    /// A role, and exceptions from what the policy says of it.
    pub access: AccessChange,
}

/// What to change of a user; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// As typed.
    pub name: Option<String>,
    pub display_name: Option<String>,
    /// Whether the local password has to be changed at the next login.
    pub must_change_password: Option<bool>,
    /// All groups that are kept here.
    pub groups: Option<Vec<String>>,
    /// Until when the user may do without a token, in ms since 1970; `Some(None)` for as long as an application says.
    pub enrol_by_ms: Option<Option<u64>>,
    /// The language of messages, where no directory says one; empty for none.
    pub language: Option<String>,
    /// Where a directory says that the person is reached.
    pub contact: Contact,
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
        match &new.password {
            // Nobody is the name of a password that comes with a name which cannot be.
            Some(password) => {
                let nobody = UserName::new("", "");
                self.check_password(&mut errors, "password", name.as_ref().unwrap_or(&nobody), password);
            }
            None => errors.require(
                !new.must_change_password,
                "must_change_password",
                "has nothing to change",
                "give a password",
            ),
        }
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
            must_change_password: new.must_change_password,
            foreign_password: false,
        })];
        if new.access != AccessChange::default() {
            changes.push(new.access.of(id, None));
        }
        let enrolment = token.map(|PlannedToken { change, enrolment, .. }| {
            changes.push(change);
            enrolment
        });
        self.administer(actor, changes).await?;
        Ok((self.read_user(id)?, enrolment))
    }

    /// Gives a user another name or display name, other groups that are kept here, another date to enrol by or another language.
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
        if change.must_change_password == Some(true) {
            let why = "set a local password first";
            errors.require(
                former.password.is_some(),
                "must_change_password",
                "has nothing to change",
                why,
            );
        }
        let is_renamed = change.name.is_some() || *display_name != *former.display_name;
        let local = KeptHere {
            groups: change.groups,
            enrol_by_ms: change.enrol_by_ms,
            language: change.language,
        };
        let local = local.of(&mut errors, &former);
        let contact = (change.contact != Contact::default()).then_some(change.contact);
        check_contact(&mut errors, &former, contact.as_ref());
        let name = errors.finish_with(name)?;
        // What is left as it is was read here: without a revision of the caller's, that one is expected. The first change
        // expects it; what follows in the same command finds the new one.
        let mut expected = expected.or(Some(former.revision));
        let mut changes = Vec::new();
        if let Some(required) = change.must_change_password {
            changes.push(Change::RequirePasswordChange(RequirePasswordChange {
                user,
                expected: expected.take(),
                required,
            }));
        }
        if is_renamed || (local.is_none() && changes.is_empty() && contact.is_none()) {
            changes.push(Change::ChangeUser(ChangeUser {
                user,
                expected: expected.take(),
                name,
                display_name,
            }));
        }
        if let Some(local) = local {
            let expected = expected.take();
            changes.push(Change::SetLocal(SetLocal { user, expected, local }));
        }
        if !changes.is_empty() {
            self.administer(actor, changes).await?;
        }
        if let Some(contact) = contact {
            self.write_contact(actor, &former, expected, contact).await?;
        }
        self.read_user(user)
    }

    /// Sets or, with `None`, removes a user's local password, to be changed at the next login if `must_change`. Challenges begun
    /// with the former one are void.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_password(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
        password: Option<Zeroizing<String>>,
        must_change: bool,
    ) -> Result<Arc<User>, AdminError> {
        let former = self.read_user(user)?;
        if former.origin.is_some() {
            return self
                .reset_in_directory(actor, &former, expected, password, must_change)
                .await;
        }
        if let Some(password) = &password {
            let lane = HashLane::ADMINISTRATION;
            self.check_new_password("password", &former, password, lane).await?;
        }
        let judged_by = password.is_some().then_some(former.revision);
        let password = self.seal_password(user, password.as_ref()).await?;
        let change = Change::SetPassword(SetPassword {
            user,
            // A password is judged by those before it: without a revision of the caller's, theirs is expected.
            expected: expected.or(judged_by),
            password,
            must_change_password: must_change,
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
            .or_else(|| state.user_by_name(&state.meant(&self.names.fold(text).ok()?)))
            .cloned()
            .ok_or(AdminError::NotFound { what: "user" })
    }

    pub(super) fn read_user(&self, id: UserId) -> Result<Arc<User>, AdminError> {
        let state = self.state();
        state.user(id).cloned().ok_or(AdminError::NotFound { what: "user" })
    }

    pub(super) async fn change_one_user(
        &self,
        actor: Actor,
        user: UserId,
        change: Change,
    ) -> Result<Arc<User>, AdminError> {
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
            Ok(name) => Some(self.state().in_own_domain(&name)),
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

    /// Adds what is wrong with a password for somebody of this name, but for former passwords.
    pub(super) fn check_password(&self, errors: &mut FieldErrors, field: &str, name: &UserName, password: &str) {
        let rules = self.state().policy().passwords;
        add_broken(errors, field, &broken_rules(&rules, name, password));
    }

    /// Everything that is wrong with a new password of a user, former passwords among it.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] with every broken rule.
    pub(super) async fn check_new_password(
        &self,
        field: &str,
        user: &User,
        password: &str,
        lane: HashLane,
    ) -> Result<(), AdminError> {
        if user.origin.is_some() {
            return Err(AdminError::OfDirectory);
        }
        let rules = self.state().policy().passwords;
        let mut broken = broken_rules(&rules, &user.name, password);
        // What breaks a rule already is not worth an Argon2id for each password that there was.
        if broken.is_empty() {
            let history = History::open(&self.keys, &rules, user)?;
            let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
            let typed = in_normal_form(password.as_bytes());
            let used = history.judge(&self.hashes, lane, &typed, deadline);
            broken.extend(used.await?);
        }
        let mut errors = FieldErrors::default();
        add_broken(&mut errors, field, &broken);
        Ok(errors.finish()?)
    }

    /// The encoded verifier of a new password, to be sealed for each user that gets it.
    pub(super) async fn hash_password(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, AdminError> {
        let deadline = Instant::now() + limits::ADMINISTRATION_DEADLINE;
        let password = in_normal_form(password);
        let verifier = self
            .hashes
            .compute(HashLane::ADMINISTRATION, password, self.random(), deadline)
            .await?;
        Ok(verifier.encode())
    }
}

/// Of local users nobody says where they are reached but their tokens.
fn check_contact(errors: &mut FieldErrors, user: &User, contact: Option<&Contact>) {
    let Some(Contact { mobile, mail }) = contact else {
        return;
    };
    for (field, text) in [("mobile", mobile), ("mail", mail)] {
        let Some(text) = text else { continue };
        errors.check_label(field, text, true);
        let hint = "give a token with the address instead";
        errors.require(
            user.origin.is_some(),
            field,
            "is kept of a directory's users alone",
            hint,
        );
    }
}
