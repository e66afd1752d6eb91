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
    /// With `last`: send it as `before` to go on with older records. Absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<u64>,
    /// Records that were looked for and are not on this node now; it is fetching them from others. Other nodes may have them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unavailable: u64,
    /// Present while this node's index is being built: answers are complete and may take seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexProgress>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How far the index over closed segments is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexProgress {
    /// Segments that it covers.
    pub indexed: u64,
    /// Segments that there are.
    pub of: u64,
}

/// What a login came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginResult {
    Accepted,
    Rejected,
}

/// Which records to send. All that is set has to match.
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
    /// With `last`: the newest before this `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Records at most: 1 to 1,000, 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Only records of this user, by id or by name, whether or not anybody has that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only records of this RADIUS client, by name, or by id if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Only logins with this result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub result: Option<LoginResult>,
    /// Only logins rejected for this reason, as `wrong_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Only records of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only records from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Only records before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
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
    /// Whether the chain holds and every signature is good.
    pub ok: bool,
    /// The first record; above 0 where a retention rule has given up older ones.
    pub first_seq: u64,
    /// Records that the head is over, given up ones included.
    pub records: u64,
    /// SHA-256 over all of them, 64 hexadecimal digits. Keep it elsewhere, as `expected_head` for later.
    pub head: String,
    /// Heads on this chain that nodes have signed.
    pub signed: Vec<SignedHead>,
    /// Where and how it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A node's signature over a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedHead {
    pub node: u64,
    /// Records that the head is over.
    pub records: u64,
    /// 64 hexadecimal digits.
    pub head: String,
    /// Whether it is that node's signature over this head, by a certificate of the cluster.
    pub good: bool,
}

/// How the audit stands on the node that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditStatus {
    pub node: u64,
    /// The oldest record that is kept.
    pub first_seq: u64,
    /// Records that there have been.
    pub records: u64,
    /// SHA-256 over all of them, 64 hexadecimal digits.
    pub head: String,
    /// Closed segments that are kept.
    pub segments: u64,
    /// Those of them that are missing or damaged on this node; it is fetching them.
    pub missing: u64,
    /// Those that were read and found genuine since this node started.
    pub checked: u64,
    /// Whether the index is being built; answers may take seconds until it is.
    pub index_building: bool,
    /// Segments that the index covers.
    pub indexed: u64,
    pub index_bytes: u64,
    pub signed: Vec<SignedHead>,
    pub retention: Retention,
}

/// How much of the audit is kept. The oldest segments (8,192 records each) go whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Retention {
    /// Older records go. Absent: age does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_ms: Option<u64>,
    /// Records beyond so many bytes go. Absent: size does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    pub revision: u64,
}

/// The whole new rule: what is absent no longer limits anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRetention {
    /// At least a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_ms: Option<u64>,
    /// At least 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// The head of this instant and all signed ones, with what an auditor needs to check them elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditHeads {
    /// 32 hexadecimal digits.
    pub cluster_id: String,
    /// The cluster's CA certificate, DER in base 64. Compare it with one that did not come with this.
    pub ca_certificate: String,
    /// The oldest record that is kept.
    pub first_seq: u64,
    /// The head before it, 64 hexadecimal digits; zeros if nothing was given up.
    pub base: String,
    /// The head of this instant, signed by the node that answers.
    pub now: HeadSignature,
    /// Heads at which segments end, signed by the nodes.
    pub signed: Vec<HeadSignature>,
}

/// A signed head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeadSignature {
    pub node: u64,
    /// Records that the head is over.
    pub records: u64,
    /// 64 hexadecimal digits.
    pub head: String,
    /// ECDSA P-256 with SHA-256, DER in base 64, over: the text `Quorate audit head 1`, a zero byte, the cluster id (16 bytes), records (8
    /// bytes, big-endian), head (32 bytes).
    pub signature: String,
    /// The certificate of the node, DER in base 64.
    pub certificate: String,
}

/// A segment, the same on every node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditSegment {
    pub number: u64,
    /// Records in it: 8,192, or fewer in the open one.
    pub records: u64,
    /// Base 64. See the operator's guide for the format.
    pub content: String,
}
