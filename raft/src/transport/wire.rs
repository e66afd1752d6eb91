//! The bytes of one request and its answer on a QUIC stream.
//!
//! ```text
//! frame = head length u32 LE ‖ head (postcard) ‖ tail (raw bytes until the stream's end)
//! ```
//!
//! Heads are small and described by the enums here; bulk (entries, commands, outcomes, a snapshot
//! file) travels in the tail, so that it is copied as little as possible. The version of all this
//! is the ALPN, `quorate/1`.

use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use quorate_storage::{LogId, Vote};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::NodeInfo;
use crate::digest::StateDigest;
use crate::join::Successor;
use crate::limits;

/// What one node asks another.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Raft's AppendEntries; the tail holds the payloads, one after the other.
    Append {
        vote: Vote,
        prev: Option<LogId>,
        commit: Option<LogId>,
        entries: Vec<(LogId, u32)>,
    },
    /// Raft's RequestVote.
    Vote { vote: Vote, last: Option<LogId> },
    /// Would you vote for me, whose log ends there?
    PreVote { last: Option<LogId> },
    /// Propose commands at the leader; the tail holds them.
    Propose { patience_ms: u64, lengths: Vec<u32> },
    /// Confirm leadership through a quorum and name the index a read must have applied.
    Barrier,
    /// Change the membership, at the leader.
    Change(Change),
    /// I am damaged: give me a new id, at the leader.
    Succeed { csr_der: Vec<u8>, node: NodeInfo },
    /// Are you there, how far is the cluster, and what time is it?
    Probe,
    /// What have I, the asker, acknowledged to you?
    Acknowledged,
    /// Campaign now (the leader hands over).
    Campaign,
    /// A question between applications, in the tail.
    Ask,
    /// A snapshot file in the tail.
    Snapshot { vote: Vote },
}

/// A change of the membership.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Change {
    AddLearner(u64, NodeInfo),
    Promote(u64),
    Remove(u64),
}

/// What the other answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum Response {
    Append(Appended),
    Vote {
        vote: Vote,
        granted: bool,
        last: Option<LogId>,
    },
    /// Whether this node would vote for the asker.
    PreVote(bool),
    /// All commands are applied; the tail holds their outcomes.
    Proposed {
        index: u64,
        lengths: Vec<u32>,
    },
    /// None of the commands was proposed.
    NotProposed(Declined),
    /// The commands may or may not be in the log.
    OutcomeUnknown,
    /// The index to apply before reading; none when no quorum confirmed it.
    Barrier(Option<u64>),
    Changed(Result<(), ChangeDeclined>),
    Successor(Result<Successor, ChangeDeclined>),
    Probe {
        leader: Option<u64>,
        committed: Option<LogId>,
        /// The answerer's wall clock, in ms since 1970.
        wall_ms: u64,
        /// Whether its disk could take on leadership.
        disk_in_order: bool,
        /// The newest digest of its state.
        digest: Option<StateDigest>,
    },
    /// The highest log position and vote the asker is known to have acknowledged.
    Acknowledged {
        log: Option<LogId>,
        vote: Option<Vote>,
    },
    Done,
    Answer,
    /// The snapshot was installed, or refused for this higher vote.
    Installed(Vote),
    /// The other could not or would not.
    Failed(String),
}

/// The result of AppendEntries.
#[derive(Debug, Serialize, Deserialize)]
pub enum Appended {
    Success,
    Partial(Option<LogId>),
    Conflict,
    HigherVote(Vote),
}

/// Why commands were certainly not proposed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Declined {
    /// This node does not lead.
    NotLeader,
    /// Its queue is full.
    Overloaded,
}

/// Why a membership change was not made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ChangeDeclined {
    /// This node does not lead; whom it follows.
    NotLeader(Option<(u64, NodeInfo)>),
    /// Not now; asking again in a moment may help. Why, in words.
    Busy(String),
    /// For good, with the reason in words.
    Refused(String),
}

/// A frame that does not decode.
#[derive(Debug, thiserror::Error)]
#[error("the peer sent a frame that does not decode: {0}")]
pub struct BadFrame(pub &'static str);

/// Why no frame was received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    #[error(transparent)]
    Cut(#[from] quinn::ReadExactError),
    #[error(transparent)]
    Bad(#[from] BadFrame),
}

/// Sends one frame and ends the stream.
///
/// # Errors
/// When the connection is gone or the other side gave up.
pub async fn send<H: Serialize>(
    stream: &mut SendStream,
    head: &H,
    tail: &mut [Bytes],
) -> Result<(), quinn::WriteError> {
    stream.write_chunk(encode_head(head)).await?;
    if !tail.is_empty() {
        stream.write_all_chunks(tail).await?;
    }
    let _ = stream.finish();
    Ok(())
}

/// A head with its length in front.
pub fn encode_head<H: Serialize>(head: &H) -> Bytes {
    let mut bytes = postcard::to_extend(head, vec![0; 4]).expect("invariant: heads serialize");
    let length = u32::try_from(bytes.len() - 4).expect("invariant: heads are small");
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Bytes::from(bytes)
}

/// Receives only the head; the tail is left in the stream.
///
/// # Errors
/// When the stream breaks, or the head is too long or none we know.
pub async fn receive_head<H: DeserializeOwned>(stream: &mut RecvStream) -> Result<H, ReceiveError> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length) as usize;
    if length > limits::MAX_HEAD_BYTES {
        return Err(BadFrame("the head is too long").into());
    }
    let mut head = vec![0; length];
    stream.read_exact(&mut head).await?;
    postcard::from_bytes(&head).map_err(|_| BadFrame("unknown head").into())
}

/// Takes a whole frame apart.
///
/// # Errors
/// When it is cut or its head is none we know.
pub fn decode<H: DeserializeOwned>(frame: &Bytes) -> Result<(H, Bytes), BadFrame> {
    let length = frame.get(..4).ok_or(BadFrame("shorter than its length"))?;
    let length = u32::from_le_bytes(length.try_into().expect("invariant: 4 bytes")) as usize;
    if frame.len() - 4 < length {
        return Err(BadFrame("shorter than its head"));
    }
    let head = postcard::from_bytes(&frame[4..4 + length]).map_err(|_| BadFrame("unknown head"))?;
    Ok((head, frame.slice(4 + length..)))
}

/// Cuts a tail into the pieces whose lengths the head gave.
///
/// # Errors
/// When they do not add up.
pub fn split(tail: &Bytes, lengths: impl Iterator<Item = u32>) -> Result<Vec<Bytes>, BadFrame> {
    let mut start = 0;
    let mut pieces = Vec::with_capacity(lengths.size_hint().0);
    for length in lengths {
        let end = start + length as usize;
        if end > tail.len() {
            return Err(BadFrame("the tail is cut"));
        }
        pieces.push(tail.slice(start..end));
        start = end;
    }
    if start == tail.len() {
        Ok(pieces)
    } else {
        Err(BadFrame("bytes after the tail"))
    }
}

/// The lengths of pieces, for a head.
pub fn lengths<'a>(pieces: impl Iterator<Item = &'a Bytes>) -> Vec<u32> {
    pieces
        .map(|piece| u32::try_from(piece.len()).expect("invariant: pieces are bounded"))
        .collect()
}
