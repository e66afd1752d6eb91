//! Audit segments between nodes: a node that got the state by snapshot fetches the closed segments it never saw.
//!
//! Question: eight bytes, the sequence number. Answer: the segment's bytes, or nothing. Whether they are the right ones is told by the chain:
//! `audit verify` follows it from the first record to the head in the state.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use quorate_app::AuditArchive;
use quorate_raft::{PeerService, Raft};
use tokio::time::Instant;

use crate::archive::Archive;
use crate::limits::SEGMENT_FETCH_MS;

/// Answers peers from this node's archive.
pub struct SegmentService {
    archive: Arc<Archive>,
}

impl SegmentService {
    /// Serves this archive.
    pub fn new(archive: Arc<Archive>) -> Arc<Self> {
        Arc::new(SegmentService { archive })
    }
}

#[async_trait]
impl PeerService for SegmentService {
    async fn answer(&self, _from: u64, request: Bytes) -> Bytes {
        let Ok(sequence) = <[u8; 8]>::try_from(request.as_ref()).map(u64::from_be_bytes) else {
            return Bytes::new();
        };
        let archive = self.archive.clone();
        let read = tokio::task::spawn_blocking(move || archive.read(sequence)).await;
        read.ok().and_then(Result::ok).map(Bytes::from).unwrap_or_default()
    }
}

/// Fetches every closed segment below `closed` that is not here yet, from whichever peer has it. Returns how many are still missing.
pub async fn fetch_missing(raft: &Raft, archive: &Archive, closed: u64) -> std::io::Result<u64> {
    let here = archive.list()?;
    let mut missing = 0;
    for sequence in (0..closed).filter(|sequence| here.binary_search(sequence).is_err()) {
        match fetch(raft, sequence).await {
            Some(bytes) => archive.adopt(sequence, &bytes)?,
            None => missing += 1,
        }
    }
    Ok(missing)
}

async fn fetch(raft: &Raft, sequence: u64) -> Option<Bytes> {
    let status = raft.status();
    for peer in status.nodes.keys().filter(|id| **id != status.id) {
        let deadline = Instant::now() + Duration::from_millis(SEGMENT_FETCH_MS);
        let question = Bytes::copy_from_slice(&sequence.to_be_bytes());
        match raft.ask(*peer, question, deadline).await {
            Some(bytes) if !bytes.is_empty() => return Some(bytes),
            _ => {}
        }
    }
    None
}
