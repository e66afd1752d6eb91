//! openraft's own suite, on our stores, with real files.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use openraft::testing::{StoreBuilder, Suite};
use openraft::{AnyError, StorageError, StorageIOError};
use quorate_storage::{DurableLog, LogId, LogOptions, SnapshotStore};
use tempfile::TempDir;

use super::{FixedIndexes, LogStore, MachineThread, StateStore};
use crate::ports::Waiting;
use crate::types::Types;
use crate::{Frozen, Machine};

/// Keeps every command under its position.
#[derive(Default)]
struct Keeper {
    commands: BTreeMap<u64, Vec<Bytes>>,
    applied: Option<LogId>,
    membership: Vec<u8>,
}

struct Kept(Vec<Vec<u8>>);

impl Frozen for Kept {
    fn write(self: Box<Self>, record: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.0.iter().try_for_each(|bytes| record(bytes))
    }

    fn before_publish(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Machine for Keeper {
    fn apply(&mut self, at: LogId, _stamp_ms: u64, commands: &[Bytes]) -> Vec<Bytes> {
        self.applied = Some(at);
        self.commands.insert(at.index, commands.to_vec());
        commands.to_vec()
    }

    fn note(&mut self, at: LogId, membership: Option<&[u8]>) {
        self.applied = Some(at);
        if let Some(bytes) = membership {
            self.membership = bytes.to_vec();
        }
    }

    fn applied(&self) -> (Option<LogId>, Vec<u8>) {
        (self.applied, self.membership.clone())
    }

    fn freeze(&self) -> Box<dyn Frozen> {
        Box::new(Kept(
            self.commands
                .values()
                .flatten()
                .map(|command| command.to_vec())
                .collect(),
        ))
    }

    fn install(
        &mut self,
        at: Option<LogId>,
        membership: &[u8],
        records: &mut dyn Iterator<Item = io::Result<Vec<u8>>>,
    ) -> io::Result<()> {
        let records = records
            .map(|record| record.map(Bytes::from))
            .collect::<io::Result<Vec<_>>>()?;
        *self = Self {
            commands: BTreeMap::from([(0, records)]),
            applied: at,
            membership: membership.to_vec(),
        };
        Ok(())
    }
}

struct OnDisk;

impl StoreBuilder<Types, LogStore, StateStore, TempDir> for OnDisk {
    async fn build(&self) -> Result<(TempDir, LogStore, StateStore), StorageError<u64>> {
        let dir = tempfile::tempdir().unwrap();
        let log = DurableLog::open(&dir.path().join("log"), LogOptions::default()).unwrap();
        let snapshots = Arc::new(SnapshotStore::open(&dir.path().join("snapshots")).unwrap());
        let machine = MachineThread::start(
            Box::<Keeper>::default(),
            FixedIndexes {
                every: u64::MAX,
                see: Box::new(|_, _| {}),
            },
            Waiting::OnThreads,
        )
        .unwrap();
        let state = StateStore::open(machine, snapshots, Waiting::OnThreads).await;
        let state = state.map_err(|e| StorageIOError::read_state_machine(AnyError::new(&e)))?;
        Ok((
            dir,
            LogStore::new(Arc::new(log), Waiting::OnThreads, Arc::default(), 0),
            state,
        ))
    }
}

#[test]
fn openrafts_suite_passes() {
    Suite::test_all(OnDisk).unwrap();
}
