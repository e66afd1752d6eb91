//! The durable log and vote: what this node has promised the cluster.
//!
//! The crate `raft-log` does the writing: chunked files, a checksum per record, fdatasync before
//! the callback. This module adds what a node needs to be *believed* after a crash:
//!
//! - [`record`]: lengths with a checksum, so that damage never looks like an end;
//! - [`watermark`] and [`keeper`]: a statement outside the log of how far it reached;
//! - [`scan`]: a read-only look at everything before the engine may touch it, and the decision
//!   between a torn last write (cut it), and damage (leave every file as it is; the node keeps its
//!   id, does not vote and is healed by its peers);
//! - what a crash left in the page cache is synced *before* it is served, or a restarted node would
//!   confirm entries that a power cut can still take.
//!
//! The commit path of an append is: encode into the engine's buffer under the lock, one write and
//! one fdatasync on the flush thread, the callback. Nothing else is waited for.
//!
//! Caveats: a failed write or fsync is final; the log then refuses everything until it is opened
//! again. Entries of the open chunk are held in memory by the engine.

mod flush;
mod keeper;
mod open;
mod record;
mod scan;
#[cfg(test)]
mod tests;
mod watermark;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::RwLock;
use raft_log::RaftLog;
use raft_log::api::raft_log_writer::RaftLogWriter;
use raft_log::codeq::OffsetSize;

use self::flush::{Failure, Ticket};
use self::keeper::Keeper;
use self::record::{EntryId, Payload, Records, SavedVote};
use self::watermark::Mark;
use crate::{LogId, Vote, limits};

pub use self::open::LogOpenError;

/// Told the time from [`DurableLog::append`] (or [`DurableLog::save_vote`]) to durable, once each.
/// Runs on the flush thread: it must be quick.
pub type FsyncObserver = Arc<dyn Fn(Duration) + Send + Sync>;

/// Called exactly once: `Ok` after the entries are on disk, or the reason why they are not. Runs on
/// the flush thread: it must be quick and must not call the log.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// The engine, and what we have to remember beside it.
struct Engine {
    records: RaftLog<Records>,
    /// Of the entries written next; see [`record`].
    branch: u32,
}

/// How a log is opened.
#[derive(Clone)]
pub struct LogOptions {
    /// Sees every flush of the commit path.
    pub on_fsync: FsyncObserver,
    /// Size at which a chunk is closed, in bytes.
    pub chunk_bytes: usize,
    /// Memory for entries before the open chunk, in bytes.
    pub cache_bytes: usize,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions {
            on_fsync: Arc::new(|_| {}),
            chunk_bytes: limits::LOG_CHUNK_BYTES,
            cache_bytes: limits::LOG_CACHE_BYTES,
        }
    }
}

/// The log and vote of one node. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct DurableLog {
    shared: Arc<Shared>,
}

struct Shared {
    /// `None` once closed.
    engine: RwLock<Option<Engine>>,
    keeper: Keeper,
    failure: Failure,
    on_fsync: FsyncObserver,
}

impl DurableLog {
    /// Opens the log in `dir`, making an empty one if there is none.
    ///
    /// Reads all of it first; changes files only to cut a torn last write. Returns with everything
    /// that it will serve on disk.
    ///
    /// # Errors
    /// See [`LogOpenError`]; on a quarantine no file has been changed.
    pub fn open(dir: &Path, options: LogOptions) -> Result<DurableLog, LogOpenError> {
        let opened = open::open(dir, &options)?;
        let failure = Failure::default();
        let keeper = Keeper::start(opened.watermark, opened.end, failure.clone()).map_err(open::io_at("watch", dir))?;
        let engine = RwLock::new(Some(opened.engine));
        Ok(DurableLog {
            shared: Arc::new(Shared {
                engine,
                keeper,
                failure,
                on_fsync: options.on_fsync,
            }),
        })
    }

    /// The vote last saved.
    pub fn vote(&self) -> Option<Vote> {
        self.look(Engine::vote)
    }

    /// Saves a vote and returns after it is on disk.
    ///
    /// # Errors
    /// As [`DurableLog::save_vote_then`].
    pub fn save_vote(&self, vote: Vote) -> io::Result<()> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.save_vote_then(vote, Box::new(move |result| drop(sender.send(result))));
        receiver
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the log stopped")))
    }

    /// Saves a vote and calls `done` after it is on disk.
    ///
    /// # Errors
    /// Through `done`: a vote below the one saved is `InvalidInput` and changes nothing; anything else is final.
    pub fn save_vote_then(&self, vote: Vote, done: Done) {
        self.flush_after(done, |engine| {
            let saved = engine.vote();
            if Some(vote) < saved {
                return Err(invalid(format!("the vote {vote:?} is below the saved {saved:?}")));
            }
            let synced = self.shared.keeper.desk().synced();
            engine
                .records
                .save_vote(SavedVote { vote, synced })
                .map(|segment| segment.end().0)
        });
    }

    /// The last committed entry this node knew of; a hint that saves replaying.
    pub fn committed(&self) -> Option<LogId> {
        self.look(|engine| engine.records.log_state().committed().map(|entry| entry.id))
    }

    /// Notes what is committed. A hint: it is not flushed by itself but rides with the next append,
    /// and one that goes back, or is of no entry here, is ignored.
    ///
    /// # Errors
    /// The log has failed or is closed.
    pub fn save_committed(&self, committed: Option<LogId>) -> io::Result<()> {
        let Some(id) = committed else { return Ok(()) };
        self.write(|engine| match engine.entry_at(id.index)? {
            Some(entry) if entry.id == id && Some(&entry) > engine.records.log_state().committed() => {
                engine.records.commit(entry).map(drop)
            }
            _ => Ok(()),
        })
    }

    /// Appends entries and calls `done` after they are on disk. Entries follow the last one, index
    /// by index, with rising ids; the first of an empty log may have any index.
    ///
    /// # Errors
    /// Through `done`: `InvalidInput` if the entries do not follow the log (nothing is changed);
    /// anything else is final.
    pub fn append(&self, entries: Vec<(LogId, Bytes)>, done: Done) {
        self.flush_after(done, |engine| {
            check_follows(engine.last(), &entries)?;
            let (branch, synced) = (engine.branch, self.shared.keeper.desk().synced());
            let records = entries
                .into_iter()
                .map(|(id, bytes)| (EntryId { branch, id }, Payload { bytes, synced }));
            engine.records.append(records).map(|segment| segment.end().0)
        });
    }

    /// Removes the entry at `index` and all after it. Durable with the next append.
    ///
    /// # Errors
    /// `InvalidInput` for entries that are purged or known to be committed.
    pub fn truncate_from(&self, index: u64) -> io::Result<()> {
        self.write(|engine| match engine.last() {
            Some(last) if index <= last.index => engine.truncate(index),
            _ => Ok(()),
        })
    }

    /// Removes the entries up to and including `upto`, which may lie past the end (a snapshot was
    /// installed). Chunks that hold nothing else are deleted in the background.
    ///
    /// # Errors
    /// The log has failed or is closed.
    pub fn purge_upto(&self, upto: LogId) -> io::Result<()> {
        self.write(|engine| {
            let end = engine.purge(upto)?;
            engine
                .records
                .flush(true, Some(self.shared.ticket(engine, end, Instant::now(), None, None)))
        })
    }

    /// The entries of `range` that exist, in order: at least one, then as many as fit into
    /// `max_bytes` of payload.
    ///
    /// # Errors
    /// `InvalidData` when an entry read from disk does not check; it is never returned.
    pub fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(LogId, Bytes)>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let guard = self.shared.engine.read();
        let engine = guard.as_ref().ok_or_else(closed)?;
        let (mut entries, mut bytes) = (Vec::new(), 0_usize);
        for entry in engine.records.read(range.start, range.end) {
            let (EntryId { id, .. }, payload) = entry?;
            bytes = bytes.saturating_add(payload.bytes.len());
            if bytes > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push((id, payload.bytes));
        }
        Ok(entries)
    }

    /// The last entry, or the purge point when nothing follows it.
    pub fn last(&self) -> Option<LogId> {
        self.look(Engine::last)
    }

    /// The last entry that was purged.
    pub fn purged(&self) -> Option<LogId> {
        self.look(|engine| engine.records.log_state().purged().map(|entry| entry.id))
    }

    /// Size of the chunks, in bytes.
    pub fn bytes(&self) -> u64 {
        self.look(|engine| Some(engine.records.on_disk_size()))
            .unwrap_or_default()
    }

    /// Flushes everything, brings the watermark up to date and stops the threads. Everything but
    /// `close` then fails or finds nothing. Dropping the last handle does the same.
    ///
    /// # Errors
    /// What was not flushed could not be.
    pub fn close(&self) -> io::Result<()> {
        self.shared.close()
    }

    fn look<R>(&self, look: impl FnOnce(&Engine) -> Option<R>) -> Option<R> {
        self.shared.engine.read().as_ref().and_then(look)
    }

    /// Writes, then queues the flush that completes `done`.
    fn flush_after(&self, done: Done, write: impl FnOnce(&mut Engine) -> io::Result<u64>) {
        let began = Instant::now();
        let mut done = Some(done);
        let queued = self.write(|engine| {
            let end = write(engine)?;
            let observer = Some(self.shared.on_fsync.clone());
            let ticket = self.shared.ticket(engine, end, began, done.take(), observer);
            engine.records.flush(true, Some(ticket))
        });
        // Past the flush the ticket answers, whatever happens to it.
        if let (Err(error), Some(done)) = (queued, done) {
            done(Err(error));
        }
    }

    fn write<R>(&self, write: impl FnOnce(&mut Engine) -> io::Result<R>) -> io::Result<R> {
        let mut guard = self.shared.engine.write();
        if let Some(why) = self.shared.failure.get() {
            return Err(io::Error::other(format!(
                "the log has failed and must be opened again: {why}"
            )));
        }
        let written = write(guard.as_mut().ok_or_else(closed)?);
        if let Err(error) = &written
            && error.kind() != io::ErrorKind::InvalidInput
        {
            let _ = self.shared.failure.set(error.to_string());
        }
        written
    }
}

impl Engine {
    fn vote(&self) -> Option<Vote> {
        self.records.log_state().vote().map(|saved| saved.vote)
    }

    fn last(&self) -> Option<LogId> {
        self.records.log_state().last().map(|entry| entry.id)
    }

    fn entry_at(&self, index: u64) -> io::Result<Option<EntryId>> {
        let found = self.records.read(index, index.saturating_add(1)).next();
        found.map(|entry| entry.map(|(id, _)| id)).transpose()
    }

    /// The first entry behind `id`, if it is also of a later position.
    fn first_after(&self, id: LogId) -> io::Result<Option<EntryId>> {
        let found = self.records.read(id.index.saturating_add(1), u64::MAX).next();
        let found = found.map(|entry| entry.map(|(id, _)| id)).transpose()?;
        Ok(found.filter(|first| first.id > id))
    }

    fn truncate(&mut self, index: u64) -> io::Result<()> {
        self.records.truncate(index)?;
        self.branch += 1;
        Ok(())
    }

    /// Returns the offset where the log then ends.
    fn purge(&mut self, upto: LogId) -> io::Result<u64> {
        let entry = match self.entry_at(upto.index)? {
            Some(entry) if entry.id == upto => entry,
            // The log begins only after the purge point: nothing to remove, only to note.
            None if let Some(first) = self.first_after(upto)? => EntryId {
                branch: first.branch,
                id: upto,
            },
            found => {
                // Another history ends here. Its entries must neither stay readable behind the
                // purge point nor, being of a later leader perhaps, count as the end of the log.
                if found.is_some() {
                    self.truncate(upto.index)?;
                }
                self.branch += 1;
                EntryId {
                    branch: self.branch,
                    id: upto,
                }
            }
        };
        self.records.purge(entry).map(|segment| segment.end().0)
    }
}

impl Shared {
    fn ticket(
        &self,
        engine: &Engine,
        end: u64,
        began: Instant,
        done: Option<Done>,
        observer: Option<FsyncObserver>,
    ) -> Ticket {
        Ticket {
            mark: Mark {
                offset: end,
                vote: engine.vote(),
                last: engine.last(),
            },
            began,
            done,
            observer,
            desk: self.keeper.desk().clone(),
            failure: self.failure.clone(),
        }
    }

    fn close(&self) -> io::Result<()> {
        let Some(mut engine) = self.engine.write().take() else {
            return Ok(());
        };
        let (sender, receiver) = mpsc::sync_channel(1);
        let done: Done = Box::new(move |result| drop(sender.send(result)));
        let end = engine.records.stat().open_chunk.global_end;
        let ticket = self.ticket(&engine, end, Instant::now(), Some(done), None);
        let queued = engine.records.flush(true, Some(ticket));
        let flushed = receiver
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the flush thread has stopped")));
        // Joins the flush thread, so that the last mark is on the desk.
        drop(engine);
        self.keeper.close();
        queued.and(flushed)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the log was not closed cleanly");
        }
    }
}

fn check_follows(last: Option<LogId>, entries: &[(LogId, Bytes)]) -> io::Result<()> {
    let mut last = last;
    for (id, payload) in entries {
        if last.is_some_and(|last| *id <= last || id.index != last.index + 1) {
            return Err(invalid(format!("the entry {id:?} does not follow {last:?}")));
        }
        if payload.len() > limits::LOG_PAYLOAD_BYTES {
            let limit = limits::LOG_PAYLOAD_BYTES;
            return Err(invalid(format!(
                "an entry of {} bytes is over the limit of {limit}",
                payload.len()
            )));
        }
        last = Some(*id);
    }
    Ok(())
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

fn closed() -> io::Error {
    io::Error::other("the log is closed")
}
