//! Users: who logs in.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Confidential, MfaRule, Role, TrustRule};

/// A user as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// `u-` and 16 hexadecimal digits; never reused.
    #[schema(example = "u-00c0ffee00c0ffee")]
    pub id: String,
    /// The canonical name, `name@domain` if it has a domain: what a login is compared with.
    #[schema(example = "alice")]
    pub name: String,
    pub display_name: String,
    pub enabled: bool,
    /// Whether a local password is set.
    pub has_password: bool,
    /// The local password is still checked by what a former product made of it; it is replaced when it is right for the first time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign_password: bool,
    /// When the local password was set, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_changed_ms: Option<u64>,
    /// When the local password is due by its age, if that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_expires_ms: Option<u64>,
    /// The local password has to be changed at the next login.
    pub must_change_password: bool,
    /// A PIN is typed in front of every code, where the policy asks for it.
    pub has_pin: bool,
    /// Tokens of this user, see `/users/{user}/tokens`.
    pub tokens: u32,
    /// Wrong codes since the last accepted one.
    pub code_failures: u32,
    /// Until when the second factor is locked, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_until_ms: Option<u64>,
    pub role: Role,
    pub mfa: MfaRule,
    /// Whether the user gets in by more than one factor only, by `mfa` and the policy.
    pub mfa_needed: bool,
    pub trust: TrustRule,
    /// Whether the user may have a device remembered, by `trust` and the policy.
    pub may_trust: bool,
    /// Groups that are kept here; those of a directory count beside them and are not shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Until when the user may do without a token where an application lets such users in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrol_by_ms: Option<u64>,
    /// In which language messages are written to the user: as the directory says, else as it is kept here. Absent if neither does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    pub revision: u64,
}

/// Which users to send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Items at most: 1 to 1,000, 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before. Absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Only users who have, or have not, ever had a token in use. A page may then hold less than `limit` and yet have a `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_token: Option<bool>,
}

/// A user to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// `alice`, `alice@example.org` or `EXAMPLE\alice`.
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Without it the user has no local password, and cannot log in where one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Confidential>,
    /// `user` if absent; up to the role of whoever asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The password has to be changed at the first login, and lets nobody in through a client that cannot ask for another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
}

/// What to change of a user. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeUser {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether the local password has to be changed at the next login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub must_change_password: Option<bool>,
    /// Replaces all groups that are kept here; empty removes them. A directory's users may have them too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// Until when the user may do without a token where an application lets such users in; 0 for as long as the application does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrol_by_ms: Option<u64>,
    /// In which language messages are written to the user, such as `de` or `pt-BR`, where no directory says one; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Where text messages reach somebody whom a directory keeps: written there, if its settings allow it; empty takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// The same of mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
}

/// A new password. `null` or absent removes the local password. That of somebody whom a directory keeps is set there, if its settings
/// allow it, by the rules that it has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Confidential>,
    /// It has to be changed at the next login.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
}

/// A new PIN: 4 to 12 digits. `null` or absent removes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPin {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Confidential>,
}

/// A user's own new password. The former one has to be right; wrong ones make whoever sends them wait, as in a login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOwnPassword {
    pub old_password: Confidential,
    pub new_password: Confidential,
}
