//! Snapshot transfer: the file as it is, on a connection of its own.
//!
//! The receiver stores what comes and verifies every checksum before anything of it is used; a
//! broken transfer leaves nothing and is begun again.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use openraft::Snapshot;
use quinn::RecvStream;
use quorate_storage::{SnapshotFile, SnapshotStore, Vote};

use super::peers::Peers;
use super::wire::{self, Request, Response};
use crate::limits;
use crate::store::meta_of;
use crate::types::{Engine, SnapshotHandle, engine_vote, stored_vote};

/// Sends a snapshot and waits until it is installed. Returns the receiver's vote.
///
/// # Errors
/// In words; the engine tries again.
pub async fn send(peers: &Peers, node: u64, vote: Vote, file: &SnapshotFile) -> Result<Vote, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let connection = peers.dial(node).await?;
    let (mut send, mut receive) = connection.open_bi().await.map_err(|e| words(&e))?;
    // Below everything else, should the two connections ever share a queue.
    let _ = send.set_priority(-1);
    send.write_chunk(wire::encode_head(&Request::Snapshot { vote }))
        .await
        .map_err(|e| words(&e))?;
    let mut file = file.open_raw().map_err(|e| words(&e))?;
    loop {
        let chunk = tokio::task::block_in_place(|| read_chunk(&mut file)).map_err(|e| words(&e))?;
        if chunk.is_empty() {
            break;
        }
        send.write_chunk(chunk).await.map_err(|e| words(&e))?;
    }
    let _ = send.finish();
    let (response, _) = wire::receive(&mut receive).await.map_err(|e| words(&e))?;
    connection.close(0u32.into(), b"done");
    match response {
        Response::Installed(vote) => Ok(vote),
        Response::Failed(problem) => Err(problem),
        other => Err(format!("unexpected answer {other:?}")),
    }
}

fn read_chunk(file: &mut std::fs::File) -> std::io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(limits::SNAPSHOT_CHUNK_BYTES);
    file.take(limits::SNAPSHOT_CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
    Ok(Bytes::from(chunk))
}

/// Receives a snapshot whose head was read already, and has the engine install it.
///
/// # Errors
/// In words, for the sender's log.
pub async fn receive(
    stream: &mut RecvStream,
    vote: Vote,
    store: &Arc<SnapshotStore>,
    engine: &Engine,
) -> Result<Vote, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let mut incoming = tokio::task::block_in_place(|| store.receive()).map_err(|e| words(&e))?;
    while let Some(chunk) = stream
        .read_chunk(limits::SNAPSHOT_CHUNK_BYTES, true)
        .await
        .map_err(|e| words(&e))?
    {
        tokio::task::block_in_place(|| incoming.write(&chunk.bytes)).map_err(|e| words(&e))?;
    }
    let file = tokio::task::block_in_place(|| incoming.adopt()).map_err(|e| words(&e))?;
    tracing::info!(last = ?file.last(), bytes = file.len_bytes(), "received a snapshot");
    let meta = meta_of(&file).map_err(|e| words(&e))?;
    let snapshot = Snapshot {
        meta,
        snapshot: Box::new(SnapshotHandle(Some(file))),
    };
    let installed = engine.install_full_snapshot(engine_vote(vote), snapshot).await;
    installed
        .map(|response| stored_vote(&response.vote))
        .map_err(|e| words(&e))
}
