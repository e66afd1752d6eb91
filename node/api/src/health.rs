//! Whether a node is alive and ready, for load balancers and people.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Whether this node can judge logins now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    pub ready: bool,
    /// Each check; sent only when the request says `verbose`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// `quorum`, `state`, …
    pub name: String,
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// Milliseconds that the check took.
    pub took_ms: u64,
}

/// How much to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadinessQuery {
    /// Present, with or without a value, to list each check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbose: Option<String>,
}
