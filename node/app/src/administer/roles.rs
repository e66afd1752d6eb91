//! Roles: what users may do, and what the policy asks of them for it. Who may give which role is decided in the log.

use std::sync::Arc;

use quorate_core::change::{SetRoleRule, SetUserAccess};
use quorate_core::{
    Actor, Change, Mfa, Permission, Policy, Revision, Role, RoleRule, Token, Trust, User, UserId, limits as core_limits,
};

use super::{AdminError, Administrator};
use crate::fields::FieldErrors;

/// What to change of a user's access; `None` leaves it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessChange {
    pub role: Option<Role>,
    pub mfa: Option<Mfa>,
    pub trust: Option<Trust>,
}

impl Administrator {
    /// Whether the actor has a permission now. The log asks again; here it saves work, and guards what is not in the log.
    ///
    /// # Errors
    /// [`AdminError::Missing`], or [`AdminError::NotAllowed`] of somebody who is no administrator any more.
    pub fn permit(&self, actor: Actor, permission: Permission) -> Result<(), AdminError> {
        Ok(actor.permit(&self.state(), permission)?)
    }

    /// Whether the actor may touch a token of this owner: asked before a code is compared, for the answer tells who may not have it
    /// what the codes are.
    pub(super) fn reach_owner(&self, actor: Actor, token: &Token) -> Result<(), AdminError> {
        let state = self.state();
        let owner = state.user(token.user).map(|user| user.role);
        Ok(actor.reach(&state, owner)?)
    }

    /// Gives a user another role, or other exceptions from what the policy says of it.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn change_access(
        &self,
        actor: Actor,
        user: UserId,
        expected: Option<Revision>,
        change: AccessChange,
    ) -> Result<Arc<User>, AdminError> {
        self.read_user(user)?;
        self.administer(actor, vec![change.of(user, expected)]).await?;
        self.read_user(user)
    }

    /// Sets what the policy says of a role.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_role_rule(
        &self,
        actor: Actor,
        role: Role,
        expected: Option<Revision>,
        rule: RoleRule,
    ) -> Result<Policy, AdminError> {
        let mut errors = FieldErrors::default();
        let bounds = core_limits::TRUST_MS;
        errors.require(
            bounds.contains(&rule.trust_ms),
            "trust_ms",
            "is out of its bounds",
            &format!("{} (an hour) to {} (366 days)", bounds.start(), bounds.end()),
        );
        errors.finish()?;
        let change = Change::SetRoleRule(SetRoleRule { expected, role, rule });
        self.administer(actor, vec![change]).await?;
        Ok(*self.state().policy())
    }
}

impl AccessChange {
    pub(super) fn of(self, user: UserId, expected: Option<Revision>) -> Change {
        Change::SetUserAccess(SetUserAccess {
            user,
            expected,
            role: self.role,
            mfa: self.mfa,
            trust: self.trust,
        })
    }
}
