//! Roles: what users and API tokens may do, and what the policy asks of users for it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do, from the least to the most. Nobody changes an account or API token of a role above their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Logs in, and administers nothing.
    User,
    /// Helps people who cannot log in.
    Helpdesk,
    /// Reads everything, changes nothing.
    Auditor,
    /// Administers what is there to be administered, within the policy.
    Admin,
    /// Sets the policy, and overrides it.
    SuperAdmin,
}

/// Whether a user needs more than one factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MfaRule {
    /// As the policy says of the user's role.
    ByRole,
    /// Whatever the policy says.
    Required,
    /// Never, whatever the policy says; for super admins to give.
    Exempt,
}

/// Whether a user may have a device remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustRule {
    /// As the policy says of the user's role.
    ByRole,
    /// Whatever the policy says; for super admins to give, where the policy says no.
    Allowed,
    /// Never.
    Denied,
}

/// A role: what it may do, and what the policy says of its users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoleRule {
    pub role: Role,
    /// What the role may do; fixed.
    pub permissions: Vec<String>,
    /// Users of the role get in by more than one factor only, unless they are exempt.
    pub mfa_required: bool,
    /// Users of the role may have a device remembered, unless it is said of them otherwise.
    pub may_trust: bool,
    /// Milliseconds that a device is remembered.
    pub trust_ms: u64,
    /// That of the policy.
    pub revision: u64,
}

/// What to change of what the policy says of a role. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_required: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_trust: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_ms: Option<u64>,
}

/// What to change of what a user may do. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAccess {
    /// Up to the role of whoever asks. Whoever rises to more than `user` needs more than one factor, unless `mfa` says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa: Option<MfaRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustRule>,
}
