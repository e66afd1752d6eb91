//! Many users at once. A request is at most [`crate::limits::IMPORT_MAX`] users; send more in chunks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Algorithm, Confidential};

/// Users to make, each with a token. All are checked before the first is made. Users that exist are
/// counted and left as they are, so a chunk whose outcome is unknown may simply be sent again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportUsers {
    /// One password for all of them, hashed once: quick, and only for trials, because who sees one
    /// verifier knows that the others are the same password. Absent: no local password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_password: Option<Confidential>,
    pub users: Vec<ImportUser>,
}

/// One user to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportUser {
    /// `alice`, `alice@example.org` or `EXAMPLE\alice`.
    pub name: String,
    pub token: ImportToken,
}

/// The token of an imported user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportToken {
    #[serde(default)]
    pub algorithm: Algorithm,
    /// Digits of a code, 6 to 8; 6 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<u8>,
    /// Seconds that one code stands for, 15 to 300; 30 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    /// The seed in base32, 16 to 64 bytes.
    pub secret_base32: Confidential,
}

/// How many users there are of those in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedUsers {
    /// Made now.
    pub created: u64,
    /// There before, and left as they are.
    pub existing: u64,
}
