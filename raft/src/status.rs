//! What a node knows of itself and the cluster, for `status`, `/readyz` and the metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use quorate_storage::LogId;

use crate::NodeInfo;
use crate::disk::DiskStanding;
use crate::fence::ClockStanding;

/// A node's part in the cluster at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Receives the log, has no vote.
    Learner,
    /// Has a vote and follows a leader.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Orders the log.
    Leader,
    /// Stopped, or stopped by an error (see [`RaftStatus::fatal`]).
    Shutdown,
}

/// One instant of a node's view.
#[derive(Clone, Debug)]
pub struct RaftStatus {
    /// This node.
    pub id: u64,
    /// Its part.
    pub role: Role,
    /// Current term.
    pub term: u64,
    /// The leader this node follows, when it knows one.
    pub leader: Option<u64>,
    /// Last entry in this node's log.
    pub last_log: Option<LogId>,
    /// Highest index this node knows to be committed (as far as it was told).
    pub committed: Option<LogId>,
    /// Last entry applied to the machine.
    pub applied: Option<LogId>,
    /// Last entry covered by the newest snapshot.
    pub snapshot: Option<LogId>,
    /// Last entry purged from the log.
    pub purged: Option<LogId>,
    /// Nodes that vote (during a change: of both configurations).
    pub voters: Vec<u64>,
    /// Nodes that only receive.
    pub learners: Vec<u64>,
    /// Every member's description.
    pub nodes: BTreeMap<u64, NodeInfo>,
    /// At the leader: entries each peer has not acknowledged yet. Empty elsewhere.
    pub lag: BTreeMap<u64, u64>,
    /// At the leader: milliseconds since a quorum last acknowledged it. None elsewhere.
    pub quorum_ack_age_ms: Option<u64>,
    /// At any node: round trip of the last probe per peer that answers, in microseconds.
    pub peers_rtt_us: BTreeMap<u64, u64>,
    /// Whether this node may vote and campaign, or why not.
    pub standing: Standing,
    /// This node's clock against the cluster's.
    pub clock: ClockStanding,
    /// This node's disk.
    pub disk: DiskStanding,
    /// Bytes of log on disk.
    pub log_bytes: u64,
    /// Sums since the start.
    pub counters: Counters,
    /// Commands waiting at this node.
    pub queued_commands: usize,
    /// Batches sent and not answered.
    pub batches_in_flight: usize,
    /// This node's state is not the cluster's any more: see [`RaftStatus::fatal`].
    pub diverged: bool,
    /// Nodes whose state differed from a majority's, as far as this node has seen.
    pub others_diverged: Vec<u64>,
    /// Why consensus stopped, when it did.
    pub fatal: Option<String>,
}

/// Whether a node may take part in elections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Votes and campaigns.
    Full,
    /// Restarted, and still asking peers what it had acknowledged before.
    Asking,
    /// Its log ends below what it once acknowledged; it votes again once it has that again.
    Behind {
        /// The index it must reach.
        until: u64,
    },
    /// Reaches no quorum, hence cannot be elected (it still votes), and as a leader keeps silent.
    Alone,
}

/// Sums since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands handed to `propose`.
    pub commands: u64,
    /// Commands refused because the queue was full.
    pub overloaded: u64,
    /// Commands that found no leader.
    pub no_leader: u64,
    /// Commands whose outcome stayed unknown.
    pub unknown: u64,
    /// Entries proposed by this node as leader.
    pub entries: u64,
    /// Commands in those entries.
    pub entry_commands: u64,
    /// Batches this node forwarded to a leader.
    pub forwarded: u64,
    /// Elections this node has begun.
    pub elections: u64,
    /// Snapshots sent to peers.
    pub snapshots_sent: u64,
    /// Snapshots received and installed.
    pub snapshots_received: u64,
    /// Connections refused (wrong CA, wrong id, removed node).
    pub refused_connections: u64,
    /// Votes refused because the candidate's log ends below what it had acknowledged.
    pub refused_votes: u64,
}

/// The counters as the tasks see them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub commands: AtomicU64,
    pub overloaded: AtomicU64,
    pub no_leader: AtomicU64,
    pub unknown: AtomicU64,
    pub entries: AtomicU64,
    pub entry_commands: AtomicU64,
    pub forwarded: AtomicU64,
    pub snapshots_sent: AtomicU64,
    pub snapshots_received: AtomicU64,
    pub refused_connections: AtomicU64,
    pub refused_votes: AtomicU64,
}

impl Tally {
    pub fn one(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn counters(&self, elections: u64) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            commands: read(&self.commands),
            overloaded: read(&self.overloaded),
            no_leader: read(&self.no_leader),
            unknown: read(&self.unknown),
            entries: read(&self.entries),
            entry_commands: read(&self.entry_commands),
            forwarded: read(&self.forwarded),
            elections,
            snapshots_sent: read(&self.snapshots_sent),
            snapshots_received: read(&self.snapshots_received),
            refused_connections: read(&self.refused_connections),
            refused_votes: read(&self.refused_votes),
        }
    }
}
