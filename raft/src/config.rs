//! Settings of consensus, with defaults that fit nodes within a few milliseconds of each other.

use std::time::Duration;

use crate::errors::StartError;
use crate::limits;

/// Settings of consensus. All nodes of a cluster should agree on the three times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Interval of the leader's heartbeat, and the limit for one AppendEntries round trip, in
    /// milliseconds. Must exceed round trip + fsync at p99.
    pub heartbeat_ms: u64,
    /// How long a node that has voted waits for its candidate before it campaigns itself, in milliseconds.
    pub election_min_ms: u64,
    /// The lease of a leader, in milliseconds: without a sign of it for so long, and up to the difference of the two times more, a node
    /// campaigns; before that, none votes.
    pub election_max_ms: u64,
    /// How far this node's wall clock may be from the cluster's time before it judges no time-based codes and leads no more, in
    /// milliseconds.
    pub clock_tolerance_ms: u64,
    /// A snapshot is built when the log has grown by this many bytes since the last.
    pub snapshot_log_bytes: u64,
    /// Entries kept behind the snapshot for peers that lag a little.
    pub keep_entries: u64,
    /// Nodes compare digests of their states after each entry whose index is a multiple of this. All nodes should agree on it.
    pub digest_every: u64,
    /// Entries a leader has in flight at once.
    pub pipeline: usize,
    /// OS threads of the consensus runtime (the state machine has one more).
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_ms: limits::HEARTBEAT_MS,
            election_min_ms: limits::ELECTION_MIN_MS,
            election_max_ms: limits::ELECTION_MAX_MS,
            clock_tolerance_ms: limits::CLOCK_TOLERANCE_MS,
            snapshot_log_bytes: limits::SNAPSHOT_LOG_BYTES,
            keep_entries: limits::KEEP_ENTRIES,
            digest_every: limits::DIGEST_EVERY,
            pipeline: limits::PIPELINE,
            threads: limits::THREADS,
        }
    }
}

impl Config {
    /// How long a peer that does not answer counts as reachable.
    pub(crate) fn reach(&self) -> Duration {
        Duration::from_millis(self.election_min_ms + self.election_max_ms)
    }

    /// # Errors
    /// In words, when the values do not go together.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let any_is_zero = self.heartbeat_ms == 0 || self.digest_every == 0 || self.pipeline == 0 || self.threads == 0;
        let problem = if any_is_zero {
            "heartbeat, pipeline, threads and the distance between digests must be at least 1"
        } else if self.election_min_ms < 2 * self.heartbeat_ms {
            "the least election time must be at least two heartbeats"
        } else if self.election_max_ms <= self.election_min_ms {
            "the most election time must exceed the least"
        } else {
            return Ok(());
        };
        Err(StartError::Config(problem.to_owned()))
    }
}
