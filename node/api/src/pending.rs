//! Changes that wait for their confirmation.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Whether a change is taken back by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConfirmQuery {
    /// Make the change for so long, in ms (1000 to 86400000), and take it back then, unless it was confirmed
    /// (`/pending-changes`). Meanwhile nobody else changes the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within_ms: Option<u64>,
}

/// A change that is taken back by itself unless it is confirmed in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PendingChange {
    pub id: String,
    /// What was done, as the audit calls it: `change_rule`.
    pub change: String,
    /// The id of the object, or `policy`.
    pub object: String,
    /// What the object is called; what it was called, if it is deleted.
    pub name: String,
    /// Who made the change: a user id of the machine, or the id of an API token.
    pub actor: String,
    /// When, in ms since 1970.
    pub changed_ms: u64,
    /// Until when it is to be confirmed, in ms since 1970.
    pub until_ms: u64,
    /// The revision that it gave to the object.
    pub revision: u64,
}
