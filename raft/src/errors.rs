//! What can go wrong, one enum per operation, worded for the one who must act.

use std::net::SocketAddr;

/// Why a proposal has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// The command may or may not be in the log: the answer was lost or late. Never treat this as
    /// "failed"; propose the same again, or read the state.
    #[error("the outcome is unknown: the cluster did not answer in time")]
    Unknown,
    /// The command was certainly not proposed: no leader could be reached before the deadline.
    #[error("no leader could be reached")]
    NoLeader,
    /// The command was certainly not proposed: the queue is full.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The command was certainly not proposed: it exceeds
    /// [`MAX_COMMAND_BYTES`](crate::limits::MAX_COMMAND_BYTES).
    #[error("the command is larger than an entry may be")]
    TooLarge,
}

/// Why a read through the quorum failed. Nothing was changed in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BarrierError {
    /// No leader could be reached, or it could not reach a quorum.
    #[error("no quorum answered in time")]
    NoQuorum,
    /// The quorum answered, but this node had not applied that far by the deadline.
    #[error("this node lags behind: it has applied {applied}, the cluster {wanted}")]
    Behind {
        /// Index this node has applied.
        applied: u64,
        /// Index the cluster had committed.
        wanted: u64,
    },
}

/// Why a change of the membership, or of leadership, was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No leader could be reached: nothing was changed.
    #[error("no leader could be reached")]
    NoLeader,
    /// The leader did not answer in time: the change may or may not happen; ask `status`.
    #[error("the outcome is unknown: the leader did not answer in time")]
    Unknown,
    /// The leader declined, with the reason in words.
    #[error("{0}")]
    Refused(String),
}

/// Why consensus could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The cluster port cannot be bound.
    #[error("cannot listen on {address}/udp for other nodes: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The node's certificate, key or CA is unusable.
    #[error("the node's identity is unusable: {0}")]
    Identity(String),
    /// The log, vote or snapshot could not be read.
    #[error("the log, vote or snapshot could not be read: {0}")]
    Storage(String),
    /// The log's beginning was purged, and the snapshot that should stand for it is gone or damaged. Nothing here can heal that, and
    /// nothing was touched.
    #[error(
        "the log begins after entry {begins_after}, but the newest whole snapshot ends at {}",
        .ends_at.map_or("none".to_owned(), |index| index.to_string())
    )]
    Gap {
        /// The last entry that was purged.
        begins_after: u64,
        /// The last entry that the snapshot covers.
        ends_at: Option<u64>,
    },
    /// A setting is out of its range.
    #[error("{0}")]
    Config(String),
    /// The system gave no thread or memory.
    #[error("cannot start consensus: {0}")]
    System(#[from] std::io::Error),
}
