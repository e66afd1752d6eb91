//! Snapshot transfer: the file as it is, on a connection of its own.
//!
//! The receiver stores what comes and verifies every checksum before anything of it is used; a
//! broken transfer leaves nothing and is begun again.

use std::io;

use openraft::Snapshot;
use quorate_storage::{Incoming, SnapshotFile, Vote};

use super::peers::Peers;
use super::wire::{Request, Response};
use crate::ports::Waiting;
use crate::store::meta_of;
use crate::types::{Engine, SnapshotHandle, engine_vote, stored_vote};

/// Sends a snapshot and waits until it is installed. Returns the receiver's vote.
///
/// # Errors
/// In words; the engine tries again.
pub async fn send(peers: &Peers, node: u64, vote: Vote, file: &SnapshotFile) -> Result<Vote, String> {
    match peers.send_file(node, &Request::Snapshot { vote }, file).await? {
        Response::Installed(vote) => Ok(vote),
        Response::Failed(problem) => Err(problem),
        other => Err(format!("unexpected answer {other:?}")),
    }
}

/// Verifies a snapshot that was received whole, and has the engine install it. Returns this node's vote.
///
/// # Errors
/// In words, for the sender's log.
pub async fn install(incoming: Incoming, vote: Vote, waiting: Waiting, engine: &Engine) -> Result<Vote, String> {
    let file = waiting
        .run(move || incoming.adopt().map_err(io::Error::other))
        .await
        .map_err(|e| e.to_string())?;
    tracing::info!(last = ?file.last(), bytes = file.len_bytes(), "received a snapshot");
    let meta = meta_of(&file).map_err(|e| e.to_string())?;
    let snapshot = Snapshot {
        meta,
        snapshot: Box::new(SnapshotHandle(Some(file))),
    };
    let installed = engine.install_full_snapshot(engine_vote(vote), snapshot).await;
    installed
        .map(|response| stored_vote(&response.vote))
        .map_err(|e| e.to_string())
}
