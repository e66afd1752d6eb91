//! Changes to users.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, is_sealed, require, require_free},
    event::Event,
    ids::{Revision, Sealed, UserId},
    limits, names,
    outcome::{Field, Refusal},
    records::{NewPassword, Pin, User, UserName},
    state::State,
};

/// A new user, enabled, without tokens.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CreateUser {
    /// Random.
    #[n(0)]
    pub id: UserId,
    /// Canonical and unique.
    #[n(1)]
    pub name: UserName,
    /// What people call the user; may be empty.
    #[n(2)]
    pub display_name: Box<str>,
    /// The sealed verifier of the local password; none if there is no local password.
    #[n(3)]
    pub password: Option<Sealed>,
    /// The password has to be changed at the first login.
    #[n(4)]
    pub must_change_password: bool,
    /// The verifier is of what another product made of the password.
    #[n(5)]
    pub foreign_password: bool,
}

/// Another name or display name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeUser {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// Canonical and unique.
    #[n(2)]
    pub name: UserName,
    /// What people call the user; may be empty.
    #[n(3)]
    pub display_name: Box<str>,
}

/// Another local password, or none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetPassword {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// The sealed verifier.
    #[n(2)]
    pub password: Option<Sealed>,
    /// It has to be changed at the next login.
    #[n(3)]
    pub must_change_password: bool,
}

/// Has the user change the local password at the next login, or no more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RequirePasswordChange {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// Whether it has to be changed.
    #[n(2)]
    pub required: bool,
}

/// Refuses the user everywhere, from the moment this is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DisableUser {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Takes a disable back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnableUser {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Ends a lock of the second factor, and all delays after wrong passwords.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UnlockUser {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Removes a user and its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeleteUser {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
}

/// Another PIN, or none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetPin {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What it is from now on.
    #[n(2)]
    pub pin: Option<Pin>,
}

impl SetPin {
    /// The new epoch voids every accept that was remembered, and every login that has proven a code with the former one.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        let is_good = |pin: &Pin| is_sealed(&pin.verifier) && limits::PIN_DIGITS.contains(&pin.digits);
        require(self.pin.as_ref().is_none_or(is_good), Field::Pin)?;
        Ok(saved(User {
            pin: self.pin.clone().map(Box::new),
            epoch: user.epoch.wrapping_add(1),
            revision,
            ..user.clone()
        }))
    }
}

impl CreateUser {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        check_names(state, self.id, &self.name, &self.display_name)?;
        require(self.password.as_ref().is_none_or(is_sealed), Field::Password)?;
        // Id 0 stands for nobody where verdicts are remembered.
        if self.id == UserId(0) || state.user(self.id).is_some() {
            return Err(Refusal::IdTaken);
        }
        let (name, display_name) = (self.name.clone(), self.display_name.clone());
        Ok(saved(User {
            password: self.password.clone(),
            must_change_password: self.must_change_password && self.password.is_some(),
            foreign_password: self.foreign_password && self.password.is_some(),
            ..User::new(self.id, name, display_name, revision, state.stamp().ms)
        }))
    }
}

impl ChangeUser {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        check_names(state, self.user, &self.name, &self.display_name)?;
        kept_here(user)?;
        let (name, display_name) = (self.name.clone(), self.display_name.clone());
        Ok(saved(User {
            name,
            display_name,
            revision,
            ..user.clone()
        }))
    }
}

impl SetPassword {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        kept_here(user)?;
        require(self.password.as_ref().is_none_or(is_sealed), Field::Password)?;
        let new = NewPassword {
            rules: &state.policy().passwords,
            revision,
            now_ms: state.stamp().ms,
            must_change: self.must_change_password && self.password.is_some(),
        };
        let mut effect = saved(user.with_password(self.password.clone(), new));
        // Who had to wait had guessed at the former password.
        effect.events.push(Event::PasswordDelaysForgotten { user: self.user });
        Ok(effect)
    }
}

impl RequirePasswordChange {
    /// Without a local password there is nothing to change.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        kept_here(user)?;
        require(user.password.is_some() || !self.required, Field::Password)?;
        Ok(saved(User {
            must_change_password: self.required,
            revision,
            ..user.clone()
        }))
    }
}

impl DisableUser {
    /// The new epoch voids every accept that is remembered of the user.
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        Ok(saved(User {
            enabled: false,
            remembered: None,
            epoch: user.epoch.wrapping_add(1),
            revision,
            ..user.clone()
        }))
    }
}

impl EnableUser {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        Ok(saved(User {
            enabled: true,
            revision,
            ..user.clone()
        }))
    }
}

impl UnlockUser {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        let mut effect = saved(User {
            code_failures: 0,
            locked_until_ms: None,
            revision,
            ..user.clone()
        });
        effect.events.push(Event::PasswordDelaysForgotten { user: self.user });
        Ok(effect)
    }
}

impl DeleteUser {
    pub(super) fn decide(&self, state: &State, _revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        Ok(Effect {
            events: vec![Event::UserDeleted(user.id)],
            object: Object::User(user.id),
            name: user.name.to_string().into(),
        })
    }
}

pub(super) fn expected_user(state: &State, id: UserId, expected: Option<Revision>) -> Result<&User, Refusal> {
    let user = state.user(id).ok_or(Refusal::NotFound)?;
    expect(user.revision, expected)?;
    Ok(user)
}

/// What a directory owns is changed there.
fn kept_here(user: &User) -> Result<(), Refusal> {
    match user.origin {
        None => Ok(()),
        Some(_) => Err(Refusal::OfDirectory),
    }
}

fn check_names(state: &State, id: UserId, name: &UserName, display_name: &str) -> Result<(), Refusal> {
    // Under a further name of a directory's domain nobody would be found.
    let is_found = *name == state.in_own_domain(name);
    require(names::is_canonical(name) && is_found, Field::Name)?;
    require(names::is_label(display_name), Field::DisplayName)?;
    require_free(state.user_by_name(name).map(|user| user.id), id)
}

pub(super) fn saved(user: User) -> Effect {
    let (object, name) = (Object::User(user.id), user.name.to_string().into());
    Effect {
        events: vec![Event::UserSaved(Arc::new(user))],
        object,
        name,
    }
}
