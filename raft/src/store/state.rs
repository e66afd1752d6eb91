//! The state-machine adapter: openraft's state machine on top of the machine's thread and the
//! snapshot store.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft::storage::RaftStateMachine;
use openraft::{
    AnyError, EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, SnapshotMeta, StorageError, StorageIOError,
    StoredMembership,
};
use parking_lot::Mutex;
use quorate_storage::{SnapshotFile, SnapshotStore};

use super::machine_thread::{Committed, MachineThread, View};
use crate::batch::{decode_stored_membership, encode_stored_membership};
use crate::ports::Waiting;
use crate::types::{EngineEntry, EngineLogId, Outcomes, SnapshotHandle, Types, engine_log_id, stored_log_id};
use crate::{NodeInfo, limits};

type Failure = StorageError<u64>;

/// openraft's view of the machine and its snapshots.
#[derive(Clone)]
pub struct StateStore {
    machine: MachineThread,
    snapshots: Arc<SnapshotStore>,
    waiting: Waiting,
    /// The newest snapshot, verified when it was loaded, built or received.
    current: Arc<Mutex<Option<Arc<SnapshotFile>>>>,
}

impl StateStore {
    /// Loads the newest snapshot into the machine, if the machine has not got that far by itself.
    ///
    /// # Errors
    /// When the snapshot cannot be read or the machine refuses it.
    pub async fn open(machine: MachineThread, snapshots: Arc<SnapshotStore>, waiting: Waiting) -> io::Result<Self> {
        let store = snapshots.clone();
        let latest = waiting.run(move || store.latest().map_err(io::Error::other)).await?;
        if let Some(file) = &latest {
            let (applied, _) = machine.applied().await?;
            if applied.map(|at| at.index) < file.last().map(|at| at.index) {
                machine.install(file.clone(), file.meta().to_vec()).await?;
            }
        }
        Ok(Self {
            machine,
            snapshots,
            waiting,
            current: Arc::new(Mutex::new(latest)),
        })
    }

    async fn build(&self) -> io::Result<Arc<SnapshotFile>> {
        let view = self.machine.freeze().await?;
        let snapshots = self.snapshots.clone();
        let file = self.waiting.run(move || write(&snapshots, view)).await?;
        *self.current.lock() = Some(file.clone());
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::PurgeBeforeSnapshotIsSynced) {
            name_later(file.path().to_owned())?;
        }
        Ok(file)
    }
}

/// Takes a file's name away until a moment later: a crash before that loses it, as one does that is not synced.
#[cfg(feature = "mutants")]
fn name_later(path: std::path::PathBuf) -> io::Result<()> {
    let nameless = path.with_extension("nameless");
    std::fs::rename(&path, &nameless)?;
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _ = std::fs::rename(nameless, path);
    });
    Ok(())
}

/// Writes a snapshot for the next start, unless the newest lacks no more than `keep` entries.
///
/// # Errors
/// When it cannot be written: the next start replays the log.
pub async fn leave_snapshot(
    machine: &MachineThread,
    snapshots: &Arc<SnapshotStore>,
    waiting: Waiting,
    keep: u64,
) -> io::Result<()> {
    let view = machine.freeze().await?;
    let snapshots = snapshots.clone();
    waiting
        .run(move || {
            let index = |id: Option<quorate_storage::LogId>| id.map_or(0, |id| id.index);
            let newest = snapshots.latest().map_err(io::Error::other)?;
            let covered = newest.map_or(0, |file| index(file.last()));
            if index(view.applied) > covered + keep {
                write(&snapshots, view)?;
            }
            Ok(())
        })
        .await
}

fn write(snapshots: &SnapshotStore, view: View) -> io::Result<Arc<SnapshotFile>> {
    view.frozen.before_publish()?;
    let mut writer = snapshots
        .create(view.applied, &view.membership)
        .map_err(io::Error::other)?;
    view.frozen
        .write(&mut |record| writer.record(record).map_err(io::Error::other))?;
    writer.finish().map_err(io::Error::other)
}

/// The engine's description of a snapshot file.
///
/// # Errors
/// When the file's membership does not decode.
pub fn meta_of(file: &SnapshotFile) -> io::Result<SnapshotMeta<u64, NodeInfo>> {
    let last_membership = decode_stored_membership(file.meta()).map_err(io::Error::other)?;
    let snapshot_id = match file.last() {
        Some(at) => format!("{}-{}-{}", at.term, at.node, at.index),
        None => "empty".to_owned(),
    };
    Ok(SnapshotMeta {
        last_log_id: file.last().map(engine_log_id),
        last_membership,
        snapshot_id,
    })
}

fn as_snapshot(file: Arc<SnapshotFile>) -> io::Result<Snapshot<Types>> {
    let meta = meta_of(&file)?;
    Ok(Snapshot {
        meta,
        snapshot: Box::new(SnapshotHandle(Some(file))),
    })
}

fn snapshot_failed(error: io::Error) -> Failure {
    StorageIOError::read_snapshot(None, AnyError::new(&error)).into()
}

fn machine_failed(error: io::Error) -> Failure {
    StorageIOError::write_state_machine(AnyError::new(&error)).into()
}

impl RaftSnapshotBuilder<Types> for StateStore {
    /// An error here would stop the node, but a snapshot that cannot be written (a full disk) is
    /// no reason to stop answering: it is tried again.
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, Failure> {
        loop {
            match self.build().await {
                Ok(file) => return as_snapshot(file).map_err(snapshot_failed),
                Err(error) => tracing::error!(%error, "a snapshot could not be written; trying again later"),
            }
            tokio::time::sleep(Duration::from_millis(limits::SNAPSHOT_RETRY_MS)).await;
        }
    }
}

impl RaftStateMachine<Types> for StateStore {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<EngineLogId>, StoredMembership<u64, NodeInfo>), Failure> {
        let (applied, membership) = self.machine.applied().await.map_err(machine_failed)?;
        let membership = decode_stored_membership(&membership).map_err(|e| machine_failed(io::Error::other(e)))?;
        Ok((applied.map(engine_log_id), membership))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Outcomes>, Failure>
    where
        I: IntoIterator<Item = EngineEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries = entries.into_iter().map(|entry| {
            let committed = match entry.payload {
                EntryPayload::Blank => Committed::Blank,
                EntryPayload::Normal(batch) => Committed::Batch(batch.encoded),
                EntryPayload::Membership(membership) => Committed::Membership(encode_stored_membership(
                    &StoredMembership::new(Some(entry.log_id), membership),
                )),
            };
            (stored_log_id(&entry.log_id), committed)
        });
        let outcomes = self.machine.apply(entries.collect()).await.map_err(machine_failed)?;
        Ok(outcomes.into_iter().map(Outcomes).collect())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotHandle>, Failure> {
        // Our transport receives into the snapshot store and hands over a finished file.
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, NodeInfo>,
        snapshot: Box<SnapshotHandle>,
    ) -> Result<(), Failure> {
        let file = snapshot
            .0
            .ok_or_else(|| snapshot_failed(io::Error::other("no file was received")))?;
        let membership = encode_stored_membership(&meta.last_membership);
        self.machine
            .install(file.clone(), membership)
            .await
            .map_err(machine_failed)?;
        *self.current.lock() = Some(file);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, Failure> {
        let current = self.current.lock().clone();
        current.map(as_snapshot).transpose().map_err(snapshot_failed)
    }
}
