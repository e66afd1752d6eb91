//! Changes to what people may do, and to what the policy asks of them for it.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{
        Effect, expect, require,
        user::{expected_user, saved},
    },
    event::Event,
    ids::{Revision, UserId},
    limits,
    outcome::{Field, Refusal},
    records::{Mfa, Policy, Role, RoleRule, Trust, User},
    state::State,
};

/// Another role of a user, or other exceptions from what the policy says of it. What is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetUserAccess {
    /// Which user.
    #[n(0)]
    pub user: UserId,
    /// The revision it is expected to have.
    #[n(1)]
    pub expected: Option<Revision>,
    /// What the user may do.
    #[n(2)]
    pub role: Option<Role>,
    /// Whether the user needs more than one factor. Whoever rises to a role and is not spoken of gets [`Role::default_mfa`].
    #[n(3)]
    pub mfa: Option<Mfa>,
    /// Whether the user may have a device remembered.
    #[n(4)]
    pub trust: Option<Trust>,
}

/// Another rule of the policy for a role; see [`RoleRule`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetRoleRule {
    /// The revision that the policy is expected to have.
    #[n(0)]
    pub expected: Option<Revision>,
    /// Which role.
    #[n(1)]
    pub role: Role,
    /// What holds for it.
    #[n(2)]
    pub rule: RoleRule,
}

impl SetUserAccess {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        let user = expected_user(state, self.user, self.expected)?;
        let role = self.role.unwrap_or(user.role);
        let unspoken = match role > user.role {
            true => role.default_mfa(),
            false => user.mfa,
        };
        Ok(saved(User {
            role,
            mfa: self.mfa.unwrap_or(unspoken),
            trust: self.trust.unwrap_or(user.trust),
            revision,
            ..user.clone()
        }))
    }
}

impl SetRoleRule {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        expect(state.policy().revision, self.expected)?;
        require(limits::TRUST_MS.contains(&self.rule.trust_ms), Field::Trust)?;
        let mut policy = Policy {
            revision,
            ..*state.policy()
        };
        policy.roles[self.role as usize] = self.rule;
        Ok(Effect {
            events: vec![Event::PolicySet(policy)],
            object: Object::Policy,
            name: self.role.label().into(),
        })
    }
}
