//! Applications: which factors a login needs, in order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An application as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Application {
    /// `a-` and 16 hexadecimal digits.
    #[schema(example = "a-00c0ffee00c0ffee")]
    pub id: String,
    pub name: String,
    /// In the order in which they are asked for.
    pub factors: Vec<Factor>,
    /// Until when users who never had a token in use are let in by the password alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthru_until_ms: Option<u64>,
    pub enrolment: Enrolment,
    pub enabled: bool,
    pub revision: u64,
}

/// How users who never had a token in use come to one in a login itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enrolment {
    /// They do not.
    #[default]
    Off,
    /// Whoever has proven the password is shown a key. Only the password keeps a stranger from it.
    Password,
    /// Whoever has proven a registration code is shown one.
    RegistrationCode,
}

/// One thing that a user proves, in any of these ways. A password is a factor of its own, and the first or the last.
pub type Factor = Vec<Way>;

/// A way to prove a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The user's password.
    Password,
    /// Whatever the user carries: all that follow but the static code.
    Code,
    /// A time-based one-time code (RFC 6238).
    Totp,
    /// A counter-based one-time code (RFC 4226).
    Hotp,
    /// A Yubico OTP.
    Yubikey,
    /// A code of a sheet of recovery codes.
    Recovery,
    /// A temporary code of the helpdesk.
    Temporary,
    /// A code sent as a text message.
    Sms,
    /// A code sent by mail.
    Email,
    /// A code read out in a call.
    Voice,
    /// A static code: hardly a second factor.
    Static,
    /// A registration code. It leads to a first token; no application asks for it beside.
    Registration,
}

/// An application to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApplication {
    pub name: String,
    /// One to three: codes, and a password before or behind them if any.
    pub factors: Vec<Factor>,
    /// Until when users who never had a token in use are let in by the password alone; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthru_until_ms: Option<u64>,
    /// Off if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<Enrolment>,
}

/// What to change of an application. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeApplication {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<Vec<Factor>>,
    /// 0 for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passthru_until_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<Enrolment>,
}
