//! Consensus as one node sees it: what `status`, `/readyz` and the metrics show.

use quorate_core::NodeId;

/// A moment's view. Numbers that only a leader knows are absent elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// The cluster's random id.
    pub cluster: [u8; 16],
    /// This node.
    pub node: NodeId,
    pub role: Role,
    pub term: u64,
    /// Who leads, as far as this node knows.
    pub leader: Option<NodeId>,
    /// Index of the last entry in this node's log.
    pub last_log: u64,
    /// Highest index known to be committed.
    pub committed: u64,
    /// Highest index applied to the local state.
    pub applied: u64,
    /// Last index in the newest snapshot.
    pub snapshot: Option<u64>,
    /// Everybody in the membership, by id.
    pub members: Vec<Member>,
    /// How long ago a quorum last confirmed the leader, in ms; only a leader knows it.
    pub quorum_ack_age_ms: Option<u64>,
    pub proposals: ProposalCounts,
    pub clock: ClockStanding,
    pub disk: DiskStanding,
}

/// A node's clock against the cluster's time, on which a majority of the voters agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStanding {
    /// Within the tolerance, as far as the cluster's time is known.
    pub in_time: bool,
    /// How far this clock is ahead, in ms; none while the cluster's time is not known.
    pub ahead_ms: Option<i64>,
}

/// A node's disk, as far as it decides whether the node takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskStanding {
    /// Too little room is left: the node takes on nothing new.
    pub short: bool,
    /// Free bytes beside the reserve, once that was looked at.
    pub free_bytes: Option<u64>,
    /// A write has waited longer than a disk in order would take.
    pub stalled: bool,
    /// How long the oldest write has waited, in ms.
    pub waiting_ms: u64,
}

impl ClockStanding {
    /// A clock that nobody contradicts.
    pub const UNQUESTIONED: ClockStanding = ClockStanding {
        in_time: true,
        ahead_ms: None,
    };
}

/// What a node does in its term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    Leader,
    #[default]
    Follower,
    Candidate,
    /// Receives the log and does not vote yet.
    Learner,
    /// Stopped, or keeps a damaged log untouched: takes no part.
    Aside,
}

/// One member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: NodeId,
    pub name: String,
    pub site: String,
    pub kind: MemberKind,
    /// `host:port` of its cluster port.
    pub cluster: String,
    /// `host:port` of its RADIUS port.
    pub radius: String,
    /// `host:port` of its HTTPS port.
    pub https: String,
    /// Entries it is behind the leader; only a leader knows it.
    pub lag: Option<u64>,
}

/// Whether a member counts towards the quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    Voter,
    Learner,
}

/// The local batching proposer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProposalCounts {
    /// Commands waiting for the next batch.
    pub queued: u64,
    /// Commands in batches that are under way.
    pub in_flight: u64,
}
