//! The log adapter: openraft's log on top of a [`Log`].
//!
//! An append returns once the entries are queued and readable; the callback follows the fsync.
//! Truncation and purge wait for the disk themselves, and so run where that is allowed.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, EntryPayload, LogState, OptionalSend, RaftLogReader, StorageError, StorageIOError};
use parking_lot::Mutex;
use quorate_storage::LogId;
use tokio::sync::oneshot;

use crate::batch;
use crate::disk::Disk;
use crate::limits;
use crate::ports::{Log, Waiting};
use crate::types::{
    EngineEntry, EngineLogId, EngineVote, Types, engine_log_id, engine_vote, stored_log_id, stored_vote,
};

type Failure = StorageError<u64>;

/// What the log adapter lets others see.
#[derive(Default)]
pub struct LogGauges {
    /// Bytes appended since the last snapshot was asked for.
    pub grown_bytes: AtomicU64,
    /// Elections this node began.
    pub elections: AtomicU64,
    /// The newest committed position told to this node.
    pub committed: Mutex<Option<LogId>>,
}

/// openraft's view of the durable log.
#[derive(Clone)]
pub struct LogStore {
    log: Arc<dyn Log>,
    waiting: Waiting,
    node_id: u64,
    disk: Arc<Disk>,
    gauges: Arc<LogGauges>,
    /// The vote as found at start, if this node led with it: see [`LogStore::stepping_down`].
    abdicate: Option<EngineVote>,
}

impl LogStore {
    pub fn new(log: Arc<dyn Log>, waiting: Waiting, disk: Arc<Disk>, node_id: u64) -> Self {
        let gauges = LogGauges {
            committed: Mutex::new(log.committed()),
            ..LogGauges::default()
        };
        gauges.grown_bytes.store(log.bytes(), Ordering::Relaxed);
        Self {
            log,
            waiting,
            node_id,
            disk,
            gauges: Arc::new(gauges),
            abdicate: None,
        }
    }

    /// A leader that restarts must not simply go on in its old term, as openraft would have it:
    /// were the end of its log lost, it would give out the same log ids a second time, for other
    /// entries. It therefore forgets that a quorum had confirmed its vote, and campaigns anew.
    pub fn stepping_down(mut self) -> Self {
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::LeadAgainInTheOldTerm) {
            return self;
        }
        let vote = self.log.vote().map(engine_vote);
        self.abdicate = vote.filter(|vote| vote.committed && vote.leader_id.node_id == self.node_id);
        self
    }

    pub fn gauges(&self) -> Arc<LogGauges> {
        self.gauges.clone()
    }

    /// Runs `work` where it may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Log) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let log = self.log.clone();
        self.waiting.run(move || work(&*log)).await
    }

    fn read(&self, start: u64, end: u64, max_bytes: usize) -> io::Result<Vec<EngineEntry>> {
        if start >= end {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        for (id, bytes) in self.log.read(start..end, max_bytes)? {
            let payload = batch::decode_payload(bytes).map_err(io::Error::other)?;
            entries.push(EngineEntry {
                log_id: engine_log_id(id),
                payload,
            });
        }
        Ok(entries)
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<EngineEntry>, Failure> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        let last = self.log.last().map_or(0, |last| last.index + 1);
        self.read(start, end.min(last), usize::MAX).map_err(read_failed)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<EngineEntry>, Failure> {
        // One AppendEntries must be over within a heartbeat, however far the peer is behind.
        self.read(start, end, limits::MAX_APPEND_BYTES).map_err(read_failed)
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, Failure> {
        Ok(LogState {
            last_purged_log_id: self.log.purged().map(engine_log_id),
            last_log_id: self.log.last().map(engine_log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &EngineVote) -> Result<(), Failure> {
        let vote = stored_vote(vote);
        let (sender, saved) = oneshot::channel();
        let write = self.disk.begin_write();
        let done = move |result| {
            drop(write);
            drop(sender.send(result));
        };
        self.log.save_vote(vote, Box::new(done));
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::VoteNotSynced) {
            return Ok(());
        }
        let saved = saved.await.unwrap_or_else(|_| Err(io::Error::other("the log stopped")));
        saved.map_err(|e| StorageIOError::write_vote(AnyError::new(&e)))?;
        self.abdicate = None;
        if vote.node == self.node_id && !vote.committed {
            self.gauges.elections.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<EngineVote>, Failure> {
        if let Some(mut vote) = self.abdicate {
            vote.committed = false;
            return Ok(Some(vote));
        }
        Ok(self.log.vote().map(engine_vote))
    }

    async fn save_committed(&mut self, committed: Option<EngineLogId>) -> Result<(), Failure> {
        let committed = committed.as_ref().map(stored_log_id);
        *self.gauges.committed.lock() = committed;
        self.log
            .save_committed(committed)
            .map_err(|e| StorageIOError::write(AnyError::new(&e)).into())
    }

    async fn read_committed(&mut self) -> Result<Option<EngineLogId>, Failure> {
        Ok(self.log.committed().map(engine_log_id))
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), Failure>
    where
        I: IntoIterator<Item = EngineEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let purged = self.log.purged().map(|purged| purged.index);
        let mut bytes = 0;
        let mut stored = Vec::new();
        for entry in entries {
            // What is purged is committed and in a snapshot; it need not be, and cannot be, kept twice.
            if purged >= Some(entry.log_id.index) {
                continue;
            }
            if let EntryPayload::Normal(batch) = &entry.payload {
                batch.mark_appended();
            }
            let payload = batch::encode_payload(&entry.payload);
            bytes += payload.len() as u64;
            stored.push((stored_log_id(&entry.log_id), payload));
        }
        if stored.is_empty() {
            callback.log_io_completed(Ok(()));
            return Ok(());
        }
        self.gauges.grown_bytes.fetch_add(bytes, Ordering::Relaxed);
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::AcknowledgeBeforeFlush) {
            callback.log_io_completed(Ok(()));
            self.log.append(stored, Box::new(|_| {}));
            return Ok(());
        }
        let write = self.disk.begin_write();
        let done = move |result| {
            drop(write);
            callback.log_io_completed(result);
        };
        self.log.append(stored, Box::new(done));
        Ok(())
    }

    async fn truncate(&mut self, since: EngineLogId) -> Result<(), Failure> {
        self.blocking(move |log| log.truncate_from(since.index))
            .await
            .map_err(write_failed)
    }

    async fn purge(&mut self, upto: EngineLogId) -> Result<(), Failure> {
        let upto = stored_log_id(&upto);
        self.blocking(move |log| log.purge_upto(upto))
            .await
            .map_err(write_failed)
    }
}

fn read_failed(error: io::Error) -> Failure {
    StorageIOError::read_logs(AnyError::new(&error)).into()
}

fn write_failed(error: io::Error) -> Failure {
    StorageIOError::write_logs(AnyError::new(&error)).into()
}
