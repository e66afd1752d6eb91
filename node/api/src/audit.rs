//! The audit trail: every verdict and every change, hash-chained.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Place in the chain, without gaps, from 0.
    pub seq: u64,
    pub at_ms: u64,
    /// What happened: `login_accepted`, `login_rejected`, `create_user`, `node_admitted`, …
    pub kind: String,
    /// The user name as it was typed, or the user that was changed; absent if it concerns none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The name of the RADIUS client, or its id if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Why a login was rejected, exactly; outsiders never see this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The address that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The node that judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u64>,
    /// Who did it, for changes: `uid 0` and the like for the root socket, or the id of an API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Further facts of this kind of record, as text.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub details: std::collections::BTreeMap<String, String>,
}

/// Records in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    pub items: Vec<AuditRecord>,
    /// Send it as `after` to go on. Always present: after the last record it is where to wait for
    /// the next.
    pub next: u64,
    /// Whether there are more records now.
    pub more: bool,
}

/// Which records to send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Records after this `seq`; from the oldest if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The newest so many instead of the oldest. Excludes `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub last: Option<u32>,
    /// Records at most: 1 to 1,000, 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Only records of this user, by id or by name, whether or not anybody has that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only records of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// If there is none yet, wait so many seconds (at most 30) for the next. This is how to follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(maximum = 30)]
    pub wait_s: Option<u64>,
}

/// What to compare the chain with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VerifyQuery {
    /// The head that the chain must end in, 64 hexadecimal digits, from another node or an earlier
    /// export. Without it the chain is compared with this node's own head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<String>,
}

/// Whether the chain holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    pub ok: bool,
    /// Records in the chain.
    pub records: u64,
    /// This node's head: SHA-256 over all of them, 64 hexadecimal digits. Keep it elsewhere, as
    /// `expected_head` for later.
    pub head: String,
    /// Where and how it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
