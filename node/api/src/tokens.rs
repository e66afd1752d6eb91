//! Tokens: what a user holds to make codes, or has written down.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Confidential;

/// A token as it is. Its secret is not shown again after it was made; an export takes it along, and is audited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// `t-` and 16 hexadecimal digits.
    #[schema(example = "t-00c0ffee00c0ffee")]
    pub id: String,
    /// The id of the user it belongs to; absent while it is nobody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What the user calls it.
    pub name: String,
    pub kind: TokenKind,
    /// TOTP and HOTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// TOTP and HOTP: digits of a code, 6 to 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<u8>,
    /// TOTP: seconds that one code stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    /// TOTP: timesteps that the device's clock is ahead, as far as it was learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<i8>,
    /// HOTP: the next counter that was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
    /// YubiKey: what its codes begin with, in modhex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_id: Option<String>,
    /// Recovery: codes of the sheet that were not used. Temporary: how often the code may still be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<u32>,
    /// Temporary: while it lasts, the user's other tokens match nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspends_others: Option<bool>,
    /// Codes that are sent: where to, with most of the address left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub state: TokenState,
    /// From when on it matches nothing, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    pub revision: u64,
}

/// How a token makes its codes, or which codes it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// Codes from the time (RFC 6238).
    #[default]
    Totp,
    /// Codes from a counter (RFC 4226).
    Hotp,
    /// Yubico OTP, judged here and by no cloud.
    Yubikey,
    /// A sheet of codes, each good once.
    Recovery,
    /// The same six digits each time.
    Static,
    /// A code for a few days.
    Temporary,
    /// A code, good once, that a user who has no token yet is given a first one for in a login.
    Registration,
    /// Codes sent as text messages.
    Sms,
    /// Codes sent by mail.
    Email,
    /// Codes read out in calls.
    Voice,
}

/// Whether a token is good for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// Made, and nobody has shown a code of it yet.
    Unverified,
    Enabled,
    Disabled,
    Lost,
    /// Its time has passed.
    Expired,
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

/// A token to make. What is absent is drawn, or as usual for the kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    #[serde(default)]
    pub kind: TokenKind,
    /// What the user calls it; named after its kind if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// TOTP and HOTP; SHA-1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// TOTP and HOTP: digits of a code, 6 to 8; 6 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 6, maximum = 8)]
    pub digits: Option<u8>,
    /// TOTP: seconds that one code stands for, 15 to 300; 30 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    /// TOTP and HOTP: a seed that exists already, in base32 (RFC 4648), 16 to 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base32: Option<Confidential>,
    /// The first counter that was not used elsewhere (TOTP: timestep; YubiKey: plug-ins times 256 and codes since); 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<u64>,
    /// YubiKey: what its codes begin with, twelve letters of modhex. Needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_id: Option<String>,
    /// YubiKey: the private identity in it, 12 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_id: Option<Confidential>,
    /// YubiKey: the AES key in it, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aes_key: Option<Confidential>,
    /// Recovery: how many codes, 1 to 32; 10 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u8>,
    /// Static (6 digits) and temporary (8 digits): the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Confidential>,
    /// Temporary: how often it may be used; 20 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Temporary: while it lasts, the user's other tokens match nothing, recovery codes excepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspends_others: Option<bool>,
    /// SMS and voice: a number in international form (`+49 171 2345667`). E-mail: a mail address. Needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Confidential>,
    /// When it ends, in milliseconds since 1970. A temporary code ends after a day if nothing is said, a
    /// registration code after a week, and both after fourteen days at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Whether it is in use at once. If absent: not before its first code was shown, where a seed was drawn here or codes are sent; else at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// A token that was made, with what its owner needs, **this once**.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    pub token: Token,
    /// `otpauth://…`: draw it as a QR code for any authenticator app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otpauth_uri: Option<Confidential>,
    /// The same seed for typing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base32: Option<Confidential>,
    /// A YubiKey's AES key, in hexadecimal, to be written into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aes_key: Option<Confidential>,
    /// A YubiKey's private identity, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_id: Option<Confidential>,
    /// Codes to be written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Confidential>,
}

/// What to change of a token. Absent fields stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeToken {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it ends, in milliseconds since 1970; 0 for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// The first code of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyToken {
    /// What the device shows now.
    pub code: Confidential,
}

/// Two codes in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResyncToken {
    /// The older one first; none of them used before.
    pub codes: [Confidential; 2],
}

/// Whose a token is from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignToken {
    /// The name or the id of a user; absent to take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}
