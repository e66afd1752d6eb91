//! What a login would have to prove, and what other rules would change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::applications::Factor;
use crate::rules::CreateRule;

/// A login to be explained. None is run, and nothing is consumed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Id or name of the RADIUS client.
    pub client: String,
    /// The user name as it would be typed, or an id.
    pub user: String,
    /// Calling-Station-Id: where an address stands in it, it is the user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calling_station_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nas_identifier: Option<String>,
    /// Other attributes of the request, as rules name them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// What a login would have to prove, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The client's name.
    pub client: String,
    /// The canonical name.
    pub user: String,
    /// Whether anybody has it here.
    pub known: bool,
    /// The user's groups, of the directory and kept here.
    pub groups: Vec<String>,
    /// The user's own address, if the request tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The rules that were asked, in order, up to the one that matched.
    pub rules: Vec<AskedRule>,
    /// The application's name.
    pub application: String,
    /// What it asks for, in its order.
    pub factors: Vec<PlannedFactor>,
    /// Whether the user comes to a first token in this login, whose code then is the one that is asked for.
    pub enrols: bool,
    /// Why the login would be rejected whatever is proven: `refused_by_rule`, `user_disabled`, …
    pub refusals: Vec<String>,
}

/// A rule that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AskedRule {
    pub id: String,
    pub name: String,
    pub matched: bool,
    /// The first condition that does not hold: `disabled`, `client`, `user`, `network`, `no_address`, `group`, or an attribute's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
}

/// A factor of the application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedFactor {
    #[schema(value_type = Vec<crate::applications::Way>)]
    pub factor: Factor,
    /// Why it need not be proven: `checked_by_client`, `trusted_network`, `migration`. Absent if it has to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<String>,
    /// Whether the user has what proves it.
    pub provable: bool,
}

/// Rules to try on logins of the past.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIf {
    /// All rules, as they would be; those that there are do not count. Positions that are absent follow each other.
    pub rules: Vec<CreateRule>,
    /// Logins from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Logins before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// The `next` of the answer before, with the same rules; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// What other rules would change, over a part of the audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhatIfAnswer {
    pub changes: Vec<WhatIfChange>,
    /// Logins that were looked at.
    pub logins: u64,
    /// Logins whose user or client is gone.
    pub gone: u64,
    /// Records that were looked for and are not on this node now.
    pub unavailable: u64,
    /// Send it as `after` to go on; absent when all was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Logins of one user through one client that would go another way. Both ways are planned over the state of now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhatIfChange {
    pub user: String,
    pub client: String,
    /// By the rules that there are: an application and its factors, or why it is refused.
    pub from: String,
    /// By the draft.
    pub to: String,
    pub logins: u64,
}
