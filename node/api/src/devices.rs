//! Trusted devices: browsers that stand for the codes of a user.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A device that a user trusts. What its browser keeps is shown to nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// `b-` and 16 hexadecimal digits.
    #[schema(example = "b-00c0ffee00c0ffee")]
    pub id: String,
    /// What it is known by; may be empty.
    pub name: String,
    /// Since when it is trusted, in milliseconds since 1970.
    pub trusted_ms: u64,
    /// Trusted no more from this time on, in milliseconds since 1970.
    pub expires_ms: u64,
    /// When it last stood for a code, in milliseconds since 1970; absent if it never has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_ms: Option<u64>,
    /// The user may not trust devices as things are: this one counts for nothing as long as that is so.
    pub suspended: bool,
}
