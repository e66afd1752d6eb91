//! Tokens: what a user holds to make one-time codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Confidential;

/// A TOTP token (RFC 6238) as it is. Its seed is never shown again after it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// `t-` and 16 hexadecimal digits.
    #[schema(example = "t-00c0ffee00c0ffee")]
    pub id: String,
    /// The id of the user it belongs to.
    pub user: String,
    /// What the user calls it.
    pub name: String,
    pub algorithm: Algorithm,
    /// Digits of a code: 6 to 8.
    pub digits: u8,
    /// Seconds that one code stands for.
    pub period_s: u32,
    pub enabled: bool,
    pub revision: u64,
}

/// The hash of HMAC (RFC 6238 section 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// What every authenticator app understands.
    #[default]
    Sha1,
    Sha256,
    Sha512,
}

/// A token to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What the user calls it; `authenticator` if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Digits of a code, 6 to 8; 6 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 6, maximum = 8)]
    pub digits: Option<u8>,
    /// Seconds that one code stands for, 15 to 300; 30 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    /// A seed that exists already, in base32 (RFC 4648), 16 to 64 bytes. Made here if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base32: Option<Confidential>,
}

/// A token that was made, with what its owner needs, **this once**.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    pub token: Token,
    /// `otpauth://totp/…`: draw it as a QR code for any authenticator app.
    pub otpauth_uri: Confidential,
    /// The same seed for typing.
    pub secret_base32: Confidential,
}

/// What to change of a token. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeToken {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
