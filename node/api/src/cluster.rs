//! The cluster as one of its nodes sees it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{GatewayHealth, PendingChange};

/// The cluster now. Read it from several nodes to see where they differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClusterStatus {
    /// 32 hexadecimal digits.
    pub cluster_id: String,
    /// The node that answers.
    pub node: u64,
    /// Who leads, as far as it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<u64>,
    /// The Raft term.
    pub term: u64,
    /// Whether this node reached a quorum within the request's deadline, just now.
    pub quorum: bool,
    /// Last index of this node's log.
    pub last_log_index: u64,
    /// Highest index known to be committed.
    pub committed_index: u64,
    /// Highest index that this node's state contains.
    pub applied_index: u64,
    /// Index of the newest snapshot, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_index: Option<u64>,
    /// Whether this node's clock is within the tolerance of the cluster's time; if not, it judges no time-based codes.
    pub clock_in_time: bool,
    /// How far this node's clock is ahead of the cluster's time, in ms, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// Too little room is left on this node's disk; it takes on nothing new until there is.
    pub disk_short: bool,
    /// Bytes free on this node's disk beside the reserve, once that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
    /// How long the oldest write to this node's disk has waited, in ms.
    pub disk_waiting_ms: u64,
    pub audit: AuditExtent,
    /// Changes that are taken back unless they are confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_changes: Vec<PendingChange>,
    /// Gateways in the order in which they are asked, as this node has seen them.
    pub gateways: Vec<GatewayHealth>,
    pub nodes: Vec<NodeStatus>,
}

/// How much of the audit the node that answers has, and can search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditExtent {
    /// Records that there have been.
    pub records: u64,
    /// Segments that are missing or damaged here; they are being fetched from other nodes.
    pub missing_segments: u64,
    /// Present while the index is being built: until then searches take longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<crate::IndexProgress>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    pub id: u64,
    pub name: String,
    pub site: String,
    pub role: NodeRole,
    /// Where the other nodes reach it (QUIC, UDP).
    pub cluster: String,
    /// Where RADIUS clients reach it (UDP).
    pub radius: String,
    /// Where its API is.
    pub https: String,
    /// Log entries it is behind the leader; known only when the leader answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
}

/// What a node is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// A voter that leads.
    Leader,
    /// A voter.
    Voter,
    /// Receives the log and has no vote yet.
    Learner,
}
