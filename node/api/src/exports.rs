//! Taking users and tokens along. Each user, password and token that is in an answer stands in the audit by then.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Algorithm, Argon2idHash, Confidential, TokenKind};

/// Which users to take along.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportUsers {
    /// The `next` of the answer before. Absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// With the hashes of their local passwords; needs the permission to take secrets along.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub password_hashes: bool,
}

/// Some users.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportedUsers {
    pub users: Vec<ExportedUser>,
    /// Ask for the users after this one; absent after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A user, taken along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportedUser {
    /// The canonical name, without its domain.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    pub display_name: String,
    /// A directory says it, or codes are sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Confidential>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Confidential>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Those that are kept here, and those of a directory.
    pub groups: Vec<String>,
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<Argon2idHash>,
    /// The local password is checked by what a former product made of it, which is not given: nobody else could check it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign_password: bool,
}

/// Which tokens to take along.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportTokens {
    /// Of this user alone; else of all users and of nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The `next` of the answer before. Absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Some tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportedTokens {
    pub tokens: Vec<ExportedToken>,
    /// Tokens that were passed over because they have no secret that another product could use.
    pub left_out: u64,
    /// Ask for the tokens after this one; absent after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A token with its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportedToken {
    pub id: String,
    /// The name of its owner; absent while it is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub name: String,
    pub kind: TokenKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    /// The first counter (TOTP: timestep; YubiKey: plug-ins times 256 and codes since) that was not used; 0 for none.
    pub counter: u64,
    /// YubiKey: what its codes begin with, in modhex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_id: Option<String>,
    /// The seed in base32; of a YubiKey the AES key and the private identity behind it.
    pub secret_base32: Confidential,
    /// Whether it is in use: verified, and neither disabled nor lost.
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}
