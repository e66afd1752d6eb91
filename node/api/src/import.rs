//! Many users at once. A request is at most [`crate::limits::IMPORT_MAX`] users; send more in chunks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Algorithm, Confidential};

/// Users to make. If one of them is not valid, none is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportUsers {
    /// One password for all of them, hashed once: quick, and only for trials. Absent: no local
    /// password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_password: Option<Confidential>,
    pub users: Vec<ImportUser>,
}

/// One user to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportUser {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Its token, if it gets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ImportToken>,
}

/// The token of an imported user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportToken {
    #[serde(default)]
    pub algorithm: Algorithm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    /// The seed in base32. Made here, and shown once, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base32: Option<Confidential>,
}

/// The users that were made, in the order of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedUsers {
    pub users: Vec<ImportedUser>,
}

/// One user that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedUser {
    pub id: String,
    pub name: String,
    /// The id of its token, if it got one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The seed, **this once**, if it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base32: Option<Confidential>,
}
