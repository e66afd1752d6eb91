//! A node's log on a simulated disk.
//!
//! What is written goes into a queue and is durable, in order, when its flush is over. A crash keeps what was durable and a
//! prefix of the rest, chosen by the dice: an unsynced write may or may not have reached the disk, and the last one may be torn: of
//! its entries the first are there, and the rest is what the real log's scan cuts off. A failed write is final until the log is opened again, as in the real one.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use quorate_raft::LogId;
use quorate_raft::ports::{Log, Space};
use quorate_storage::{Done, Room, Vote};

use crate::dice::Dice;

/// What a log holds.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub vote: Option<Vote>,
    pub committed: Option<LogId>,
    pub purged: Option<LogId>,
    pub entries: BTreeMap<u64, (LogId, Bytes)>,
}

impl Content {
    /// The last entry, or the purge point when nothing follows it.
    pub fn last(&self) -> Option<LogId> {
        self.entries.values().next_back().map(|(id, _)| *id).or(self.purged)
    }

    fn perform(&mut self, write: &Write) {
        match write {
            Write::Vote(vote) => self.vote = Some(*vote),
            Write::Committed(id) => self.committed = Some(*id),
            Write::Append(entries) => {
                for (id, bytes) in entries {
                    self.entries.insert(id.index, (*id, bytes.clone()));
                }
            }
            Write::Truncate(since) => drop(self.entries.split_off(since)),
            Write::Purge(upto) => {
                self.entries = self.entries.split_off(&(upto.index + 1));
                self.purged = self.purged.max(Some(*upto));
            }
        }
    }
}

/// What a crash took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lost {
    /// Something that was not synced is gone.
    pub writes: bool,
    /// A part of the last write is there.
    pub torn: bool,
}

enum Write {
    Vote(Vote),
    Committed(LogId),
    Append(Vec<(LogId, Bytes)>),
    Truncate(u64),
    Purge(LogId),
}

struct Pending {
    write: Write,
    durable_at_ms: u64,
    done: Option<Done>,
}

struct Inner {
    durable: Content,
    /// What the running node sees: all of it.
    seen: Content,
    pending: VecDeque<Pending>,
    now_ms: u64,
    flush_ms: Range<u64>,
    stalled_until_ms: u64,
    /// Nothing fits any more.
    full: bool,
    /// The room beside the reserve has run out.
    short: bool,
    failed: bool,
    dice: Dice,
}

/// The disk outlives its node.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

impl Disk {
    pub fn new(dice: Dice) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            durable: Content::default(),
            seen: Content::default(),
            pending: VecDeque::new(),
            now_ms: 0,
            flush_ms: 0..9,
            stalled_until_ms: 0,
            full: false,
            short: false,
            failed: false,
            dice,
        })))
    }

    /// What a power cut would leave now, at the least.
    pub fn durable(&self) -> Content {
        self.0.lock().durable.clone()
    }

    /// The vote that a power cut would leave.
    pub fn durable_vote(&self) -> Option<Vote> {
        self.0.lock().durable.vote
    }

    /// The end of the log that a power cut would leave.
    pub fn durable_last(&self) -> Option<LogId> {
        self.0.lock().durable.last()
    }

    /// Lets time pass: flushes that are over become durable, and are reported.
    pub fn advance(&self, now_ms: u64) {
        let mut over = Vec::new();
        {
            let mut inner = self.0.lock();
            inner.now_ms = now_ms;
            while inner.stalled_until_ms <= now_ms
                && inner.pending.front().is_some_and(|write| write.durable_at_ms <= now_ms)
            {
                let Some(Pending { write, done, .. }) = inner.pending.pop_front() else {
                    break;
                };
                inner.durable.perform(&write);
                over.extend(done);
            }
        }
        over.into_iter().for_each(|done| done(Ok(())));
    }

    /// No flush ends before this time.
    pub fn stall_until(&self, until_ms: u64) {
        self.0.lock().stalled_until_ms = until_ms;
    }

    /// Whether there is no room.
    pub fn set_full(&self, full: bool) {
        self.0.lock().full = full;
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.0.lock().full
    }

    /// Whether the room beside the reserve has run out.
    pub fn set_short(&self, short: bool) {
        self.0.lock().short = short;
    }

    /// The power goes, or the process dies. Returns what became of what was not synced.
    pub fn crash(&self) -> Lost {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        let kept = inner.dice.of(0..inner.pending.len() as u64 + 1) as usize;
        let mut lost = Lost {
            writes: kept < inner.pending.len(),
            torn: false,
        };
        for (number, Pending { write, .. }) in inner.pending.drain(..).take(kept + 1).enumerate() {
            match write {
                write if number < kept => inner.durable.perform(&write),
                Write::Append(mut entries) => {
                    entries.truncate(inner.dice.of(0..entries.len().max(1) as u64) as usize);
                    lost.torn = !entries.is_empty();
                    inner.durable.perform(&Write::Append(entries));
                }
                _ => {}
            }
        }
        inner.pending.clear();
        inner.seen = inner.durable.clone();
        inner.failed = false;
        lost
    }

    fn write(&self, write: Write, done: Option<Done>) -> io::Result<()> {
        let refused = {
            let mut inner = self.0.lock();
            if inner.full && matches!(write, Write::Append(_) | Write::Vote(_)) {
                inner.failed = true;
            }
            if inner.failed {
                Some(done)
            } else {
                inner.seen.perform(&write);
                let wait = inner.flush_ms.clone();
                let last = inner.pending.back().map_or(0, |write| write.durable_at_ms);
                let durable_at_ms = (inner.now_ms + inner.dice.of(wait)).max(last);
                inner.pending.push_back(Pending {
                    write,
                    durable_at_ms,
                    done,
                });
                None
            }
        };
        match refused {
            None => Ok(()),
            Some(done) => {
                if let Some(done) = done {
                    done(Err(no_room()));
                }
                Err(no_room())
            }
        }
    }
}

fn no_room() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl Space for Disk {
    fn look(&self) -> io::Result<Room> {
        let inner = self.0.lock();
        let enough = !inner.short && !inner.full;
        Ok(Room {
            enough,
            free_bytes: if enough { 1 << 30 } else { 0 },
        })
    }
}

impl Log for Disk {
    fn vote(&self) -> Option<Vote> {
        self.0.lock().seen.vote
    }

    fn save_vote(&self, vote: Vote, done: Done) {
        let saved = self.vote();
        if Some(vote) < saved {
            return done(Err(io::Error::new(io::ErrorKind::InvalidInput, "the vote goes back")));
        }
        let _ = self.write(Write::Vote(vote), Some(done));
    }

    fn committed(&self) -> Option<LogId> {
        self.0.lock().seen.committed
    }

    fn save_committed(&self, committed: Option<LogId>) -> io::Result<()> {
        match committed {
            Some(id) if self.committed() < Some(id) => self.write(Write::Committed(id), None),
            _ => Ok(()),
        }
    }

    fn append(&self, entries: Vec<(LogId, Bytes)>, done: Done) {
        let _ = self.write(Write::Append(entries), Some(done));
    }

    fn truncate_from(&self, index: u64) -> io::Result<()> {
        self.write(Write::Truncate(index), None)
    }

    fn purge_upto(&self, upto: LogId) -> io::Result<()> {
        self.write(Write::Purge(upto), None)
    }

    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(LogId, Bytes)>> {
        let inner = self.0.lock();
        if inner.failed {
            return Err(no_room());
        }
        let mut bytes = 0;
        let mut found = Vec::new();
        for (id, payload) in inner.seen.entries.range(range).map(|(_, entry)| entry) {
            bytes += payload.len();
            if bytes > max_bytes && !found.is_empty() {
                break;
            }
            found.push((*id, payload.clone()));
        }
        Ok(found)
    }

    fn last(&self) -> Option<LogId> {
        self.0.lock().seen.last()
    }

    fn purged(&self) -> Option<LogId> {
        self.0.lock().seen.purged
    }

    fn bytes(&self) -> u64 {
        let inner = self.0.lock();
        inner.seen.entries.values().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    fn close(&self) -> io::Result<()> {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        for Pending { write, .. } in inner.pending.drain(..) {
            inner.durable.perform(&write);
        }
        Ok(())
    }
}
