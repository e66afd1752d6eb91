//! Join tokens: how one more node gets in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Confidential;

/// A join token as it is. Its secret is never shown again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JoinToken {
    /// `j-` and 16 hexadecimal digits.
    #[schema(example = "j-00c0ffee00c0ffee")]
    pub id: String,
    pub expires_ms: u64,
    /// The node that came in with it, if one did: it is single-use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_by: Option<u64>,
}

/// A join token to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateJoinToken {
    /// Seconds that it is valid, at most 604,800 (a week); one hour if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<u64>,
    /// The `HOST:PORT` that the new node shall ask; this node's cluster address if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A join token that was made, with its secret **this once**.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedJoinToken {
    pub join_token: JoinToken,
    /// The token alone.
    pub token: Confidential,
    /// The whole line to type on the new machine: `quorate join HOST:PORT --token …`.
    pub command: Confidential,
}
