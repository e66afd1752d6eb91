//! What a local password has to be like.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The rules for local passwords. What breaks one is refused with a field error for each rule that it breaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PasswordRules {
    /// The fewest characters. A password has 120 bytes of UTF-8 at most in any case.
    pub min_chars: u8,
    /// An upper-case letter has to be in it.
    pub upper: bool,
    /// A lower-case letter has to be in it.
    pub lower: bool,
    /// A digit has to be in it.
    pub digit: bool,
    /// Something that is neither letter nor digit has to be in it.
    pub special: bool,
    /// The user's name may not be in it, in any spelling.
    pub not_the_name: bool,
    /// It may not be one of 30,000 common passwords, or nearly so.
    pub not_common: bool,
    /// How many passwords of a user, the one in use among them, are not taken again; 0 for none.
    pub history: u8,
    /// Days after which it has to be changed; 0 for never.
    pub max_age_days: u16,
}

/// What to change of the rules. Absent fields stay as they are. Passwords that are set already are not judged again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordRules {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_chars: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digit: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_the_name: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_common: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u16>,
}
