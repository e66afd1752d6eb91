//! API tokens: the bearer tokens that scripts use over TLS.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Confidential, Role};

/// An API token as it is. The token itself is never shown again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApiToken {
    /// `k-` and 16 hexadecimal digits.
    #[schema(example = "k-00c0ffee00c0ffee")]
    pub id: String,
    /// What it is for.
    pub name: String,
    pub enabled: bool,
    /// What its bearer may do.
    pub role: Role,
    pub revision: u64,
}

/// An API token to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiToken {
    pub name: String,
    /// What its bearer may do; up to the role of whoever asks.
    pub role: Role,
}

/// An API token that was made, with the token **this once**.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiToken {
    pub api_token: ApiToken,
    /// Send it as `Authorization: Bearer …`.
    pub bearer: Confidential,
}
