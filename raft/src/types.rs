//! The types openraft is instantiated with, and the way between its identifiers and storage's.
//!
//! Nothing of this leaves the crate: on disk and on the wire stand [`quorate_storage::LogId`],
//! [`quorate_storage::Vote`] and the forms in [`crate::batch`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use openraft::{CommittedLeaderId, LeaderId};
use quorate_storage::{LogId, SnapshotFile, Vote};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::NodeInfo;

openraft::declare_raft_types!(
    /// openraft, as Quorate uses it.
    pub Types:
        D = Batch,
        R = Outcomes,
        NodeId = u64,
        Node = NodeInfo,
        Entry = openraft::Entry<Types>,
        SnapshotData = SnapshotHandle,
        AsyncRuntime = openraft::TokioRuntime,
);

pub type EngineLogId = openraft::LogId<u64>;
pub type EngineVote = openraft::Vote<u64>;
pub type EngineEntry = openraft::Entry<Types>;
pub type Engine = openraft::Raft<Types>;

/// A batch of commands in its one and only encoding (see [`crate::batch`]).
#[derive(Clone)]
pub struct Batch {
    pub encoded: Bytes,
    /// Set once the batch has been handed to this node's log. While it is not, a refusal by the
    /// engine proves that the commands were never proposed.
    appended: Option<Arc<AtomicBool>>,
}

impl Batch {
    /// A batch read from the log or the wire.
    pub fn stored(encoded: Bytes) -> Self {
        Self {
            encoded,
            appended: None,
        }
    }

    /// A batch about to be proposed here, and the flag that tells whether it reached the log.
    pub fn proposed(encoded: Bytes) -> (Self, Arc<AtomicBool>) {
        let appended = Arc::new(AtomicBool::new(false));
        (
            Self {
                encoded,
                appended: Some(appended.clone()),
            },
            appended,
        )
    }

    pub fn mark_appended(&self) {
        if let Some(flag) = &self.appended {
            flag.store(true, Ordering::Release);
        }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} bytes)", self.encoded.len())
    }
}

// The engine asks for serde; our own codecs never use these two.
impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.encoded.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bytes::deserialize(deserializer).map(Self::stored)
    }
}

/// What the machine answered to a batch: one outcome per command.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcomes(pub Vec<Bytes>);

/// A snapshot as the engine passes it about: a handle, never the data. Empty only between
/// "begin" and "received", a way our transport does not take.
#[derive(Clone, Debug, Default)]
pub struct SnapshotHandle(pub Option<Arc<SnapshotFile>>);

pub fn engine_log_id(id: LogId) -> EngineLogId {
    EngineLogId::new(CommittedLeaderId::new(id.term, id.node), id.index)
}

pub fn stored_log_id(id: &EngineLogId) -> LogId {
    LogId {
        term: id.leader_id.term,
        node: id.leader_id.node_id,
        index: id.index,
    }
}

pub fn engine_vote(vote: Vote) -> EngineVote {
    EngineVote {
        leader_id: LeaderId::new(vote.term, vote.node),
        committed: vote.committed,
    }
}

pub fn stored_vote(vote: &EngineVote) -> Vote {
    Vote {
        term: vote.leader_id.term,
        node: vote.leader_id.node_id,
        committed: vote.committed,
    }
}
