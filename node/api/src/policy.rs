//! The policy that every login is judged by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ChangePasswordRules, PasswordRules};

/// The policy as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// Wrong one-time codes after which a user's second factor locks.
    pub max_code_failures: u32,
    /// Milliseconds that it stays locked.
    pub lock_ms: u64,
    /// Timesteps before and after now whose codes are accepted.
    pub totp_window: u8,
    /// Milliseconds in which a challenge must be answered.
    pub challenge_ms: u64,
    /// HOTP: counters ahead of the next one whose codes are accepted.
    pub hotp_look_ahead: u8,
    /// Milliseconds that a code that was sent is good.
    pub sent_code_ms: u64,
    /// Messages to one user in a day (UTC).
    pub sends_per_user: u32,
    /// Messages in a day to telephones whose numbers begin with the same four digits.
    pub sends_per_prefix: u32,
    /// Whether a PIN stands in front of every code.
    pub pins: Pins,
    pub passwords: PasswordRules,
    pub revision: u64,
}

/// Whether a PIN stands in front of every code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pins {
    /// Nobody's does.
    Off,
    /// That of everybody who has one.
    IfSet,
    /// Everybody's: whoever has none gets in by no code.
    Required,
}

/// What to change of the policy. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_code_failures: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_window: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotp_look_ahead: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_code_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends_per_user: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends_per_prefix: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<Pins>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passwords: Option<ChangePasswordRules>,
}
