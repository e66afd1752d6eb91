//! Reads a whole log without changing it, and decides whether it may be opened.
//!
//! The engine repairs as it opens: whatever it cannot read at the end it cuts off. That is right
//! for a write that a power cut tore, and fatal for anything else, so the engine sees a log only
//! after this module has read every record of it:
//!
//! - a record that does not check begins a *torn tail* only if it lies past the watermark **and** no
//!   valid record behind it, in its own chunk or a later one, was written when the damaged place was
//!   already on disk (records say so, see [`super::record`]); then it may be cut, with what follows:
//!   none of that was confirmed to anybody. A power cut may well lose a page and keep the next;
//! - everything else that is wrong — damage before the watermark, or before a record that knows it
//!   to have been on disk, a missing chunk, a log that ends before the watermark or says something else there, entries
//!   missing between the purge point and the end — leaves the files untouched and is an error.
//!
//! Caveat: damage to what the last flushes wrote, past the watermark and past what any later record
//! knows of, is indistinguishable from a torn write; a restarted node asks its peers what it had
//! acknowledged before it votes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use raft_log::codeq::Decode;
use raft_log::{RaftLogAction, WALRecord};

use super::open::{LogOpenError, io_at};
use super::record::{self, EntryId, Record, SavedVote};
use super::watermark::Mark;
use crate::Vote;

/// A log that may be opened, after [`super::open`] has cut the torn tail.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Where the valid log ends, and what it says there.
    pub(super) end: Mark,
    /// Above that of any entry there ever was in these files.
    pub(super) branch: u32,
    pub(super) torn: Option<Torn>,
    /// What lies past the watermark.
    pub(super) unsynced: Vec<Unsynced>,
}

/// The end of a chunk that may not be on disk, although it can be read.
#[derive(Debug)]
pub(super) struct Unsynced {
    pub(super) chunk: PathBuf,
    /// Bytes of the chunk before it.
    pub(super) from: u64,
}

/// An unfinished last write.
#[derive(Debug)]
pub(super) struct Torn {
    /// Chunk to cut, and the bytes of it to keep; it is removed when that is 0.
    pub(super) chunk: PathBuf,
    pub(super) keep_bytes: u64,
    /// Chunks after it, which hold nothing valid.
    pub(super) remove: Vec<PathBuf>,
    pub(super) lost_bytes: u64,
}

#[derive(Debug)]
struct Chunk {
    path: PathBuf,
    start: u64,
    len: u64,
}

pub(super) fn scan(dir: &Path, mark: &Mark) -> Result<Scanned, LogOpenError> {
    let chunks = chunks(dir).map_err(io_at("list", dir))?;
    let mut replay = Replay::new(*mark, chunks.first().map_or(0, |chunk| chunk.start));
    let mut torn = None;
    for (number, chunk) in chunks.iter().enumerate() {
        let damaged = |offset, what: String| LogOpenError::Damaged {
            dir: dir.into(),
            offset,
            what,
        };
        if chunk.start != replay.at && number > 0 {
            return Err(damaged(
                replay.at,
                format!("the chunk that begins there is missing; {:?} follows", chunk.path),
            ));
        }
        let bytes = fs::read(&chunk.path).map_err(io_at("read", &chunk.path))?;
        match replay.chunk(&bytes) {
            Ok(()) => {}
            Err(Fault::Contradiction(what)) => return Err(damaged(replay.at, what)),
            Err(Fault::Undecodable(error)) => {
                let valid_bytes = replay.at - chunk.start;
                let later = &chunks[number + 1..];
                refuse_unless_torn(dir, mark, &replay, &bytes[valid_bytes as usize..], later, &error)?;
                torn = Some(Torn {
                    chunk: chunk.path.clone(),
                    keep_bytes: valid_bytes,
                    remove: later.iter().map(|chunk| chunk.path.clone()).collect(),
                    lost_bytes: bytes.len() as u64 - valid_bytes + later.iter().map(|chunk| chunk.len).sum::<u64>(),
                });
                break;
            }
        }
    }
    replay.finish(dir, mark)?;
    let end = replay.state.mark(replay.at);
    let unsynced = chunks
        .into_iter()
        .filter(|chunk| chunk.start + chunk.len > mark.offset && chunk.start < end.offset)
        .map(|chunk| Unsynced {
            from: mark.offset.saturating_sub(chunk.start),
            chunk: chunk.path,
        })
        .collect();
    Ok(Scanned {
        end,
        branch: replay.branch + 1,
        torn,
        unsynced,
    })
}

/// The chunks in order of their start, which is their name.
fn chunks(dir: &Path) -> io::Result<Vec<Chunk>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(Ok(start)) = name.to_str().map(raft_log::chunked_wal::Config::parse_chunk_file_name) {
            found.push(Chunk {
                path: entry.path(),
                start,
                len: entry.metadata()?.len(),
            });
        }
    }
    found.sort_by_key(|chunk| chunk.start);
    Ok(found)
}

/// `rest` begins with the bytes that do not decode.
fn refuse_unless_torn(
    dir: &Path,
    mark: &Mark,
    replay: &Replay,
    rest: &[u8],
    later: &[Chunk],
    error: &io::Error,
) -> Result<(), LogOpenError> {
    let offset = replay.at;
    if offset < mark.offset {
        if error.kind() == io::ErrorKind::UnexpectedEof && later.is_empty() {
            return Err(LogOpenError::Short {
                dir: dir.into(),
                end: offset,
                watermark: mark.offset,
            });
        }
        return Err(LogOpenError::Damaged {
            dir: dir.into(),
            offset,
            what: error.to_string(),
        });
    }
    let mut witness = find_witness(rest.get(1..).unwrap_or_default(), offset).map(|at| offset + 1 + at);
    for chunk in later {
        let bytes = fs::read(&chunk.path).map_err(io_at("read", &chunk.path))?;
        witness = witness.or(find_witness(&bytes, offset).map(|at| chunk.start + at));
    }
    match witness {
        None => Ok(()),
        Some(at) => {
            let what = format!("{error}, and the record at {at} knows that it was on disk");
            Err(LogOpenError::Damaged {
                dir: dir.into(),
                offset,
                what,
            })
        }
    }
}

/// Where in `bytes` the first valid record lies that was written when more than `offset` bytes of the log were on disk.
fn find_witness(bytes: &[u8], offset: u64) -> Option<u64> {
    const HIGHEST_TYPE: u8 = 5;
    let mut at = 0;
    while let Some(window) = bytes.get(at..at + 4) {
        let mut rest = &bytes[at..];
        let might_begin = window[..3] == [0; 3] && window[3] <= HIGHEST_TYPE;
        match might_begin.then(|| Record::decode(&mut rest)) {
            Some(Ok(record)) if record::synced(&record) > Some(offset) => return Some(at as u64),
            Some(Ok(_)) => at = bytes.len() - rest.len(),
            _ => at += 1,
        }
    }
    None
}

enum Fault {
    /// The record at the current offset does not decode.
    Undecodable(io::Error),
    /// It decodes, and cannot be true.
    Contradiction(String),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    vote: Option<Vote>,
    last: Option<EntryId>,
    purged: Option<EntryId>,
}

impl State {
    fn mark(&self, offset: u64) -> Mark {
        Mark {
            offset,
            vote: self.vote,
            last: self.last.map(|entry| entry.id),
        }
    }
}

/// The log as read so far.
struct Replay {
    at: u64,
    state: State,
    mark: Mark,
    /// The watermark lies in a chunk that was purged, or has been passed and was right.
    mark_met: bool,
    /// Whether the first chunk, whose checkpoint is the beginning, has been entered.
    begun: bool,
    /// Lowest index from which on all entries are in the files.
    complete_from: u64,
    /// Where a log that was never purged begins.
    begins_at: u64,
    /// Highest branch met.
    branch: u32,
}

impl Replay {
    fn new(mark: Mark, first_start: u64) -> Replay {
        Replay {
            at: first_start,
            state: State::default(),
            mark,
            mark_met: first_start > mark.offset,
            begun: false,
            complete_from: 0,
            begins_at: 0,
            branch: 0,
        }
    }

    /// Replays one chunk; on an error `self.at` is the offset of the record at fault.
    fn chunk(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        let mut first = true;
        while !rest.is_empty() {
            self.meet_mark()?;
            let before = rest.len();
            let record = Record::decode(&mut rest).map_err(Fault::Undecodable)?;
            if first != matches!(record, WALRecord::Checkpoint(_)) {
                return Err(Fault::Contradiction(
                    "a checkpoint is not at the head of its chunk".to_owned(),
                ));
            }
            self.record(&record)?;
            self.at += (before - rest.len()) as u64;
            first = false;
        }
        if first {
            let empty = io::Error::new(io::ErrorKind::UnexpectedEof, "the chunk is empty");
            return Err(Fault::Undecodable(empty));
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), Fault> {
        let state = &mut self.state;
        match record {
            WALRecord::Checkpoint(checkpoint) => {
                let found = State {
                    vote: checkpoint.vote().map(|saved| saved.vote),
                    last: checkpoint.last().copied(),
                    purged: checkpoint.purged().copied(),
                };
                if self.begun && found != *state {
                    return contradiction("a checkpoint", &found, state);
                }
                if !self.begun {
                    self.complete_from = found.last.map_or(0, |last| last.id.index + 1);
                }
                *state = found;
                self.begun = true;
            }
            WALRecord::Action(RaftLogAction::SaveVote(SavedVote { vote, .. })) => {
                if Some(*vote) < state.vote {
                    return contradiction("a vote", vote, state);
                }
                state.vote = Some(*vote);
            }
            WALRecord::Action(RaftLogAction::Append(at, _)) => {
                let follows = state
                    .last
                    .is_none_or(|last| *at > last && at.id.index == last.id.index + 1);
                if !follows {
                    return contradiction("an entry", at, state);
                }
                if state.last.is_none() {
                    self.begins_at = at.id.index;
                }
                self.complete_from = self.complete_from.min(at.id.index);
                state.last = Some(*at);
            }
            WALRecord::Action(RaftLogAction::TruncateAfter(keep)) => {
                if state.last > *keep {
                    state.last = *keep;
                }
                self.complete_from = self.complete_from.min(keep.map_or(0, |keep| keep.id.index + 1));
            }
            WALRecord::Action(RaftLogAction::PurgeUpto(upto)) => {
                state.purged = state.purged.max(Some(*upto));
                state.last = state.last.max(Some(*upto));
            }
            WALRecord::Action(RaftLogAction::Commit(_)) => {}
        }
        let newest = state.last.max(state.purged).map_or(0, |entry| entry.branch);
        self.branch = self.branch.max(newest);
        Ok(())
    }

    fn meet_mark(&mut self) -> Result<(), Fault> {
        if self.at == self.mark.offset {
            let found = self.state.mark(self.at);
            if found != self.mark {
                return Err(Fault::Contradiction(format!(
                    "it says {found:?}, the watermark {:?}",
                    self.mark
                )));
            }
            self.mark_met = true;
        }
        Ok(())
    }

    fn finish(&mut self, dir: &Path, mark: &Mark) -> Result<(), LogOpenError> {
        let damaged = |offset, what| LogOpenError::Damaged {
            dir: dir.into(),
            offset,
            what,
        };
        if self.at < mark.offset {
            return Err(LogOpenError::Short {
                dir: dir.into(),
                end: self.at,
                watermark: mark.offset,
            });
        }
        if let Err(Fault::Contradiction(what)) = self.meet_mark() {
            return Err(damaged(self.at, what));
        }
        if !self.mark_met {
            return Err(damaged(mark.offset, "no record begins at the watermark".to_owned()));
        }
        let first = self.state.purged.map_or(self.begins_at, |purged| purged.id.index + 1);
        let end = self.state.last.map_or(0, |last| last.id.index + 1);
        if first < end && first < self.complete_from {
            return Err(damaged(
                self.at,
                format!("entries {first} to {} are missing", self.complete_from - 1),
            ));
        }
        Ok(())
    }
}

fn contradiction(what: &str, found: &dyn std::fmt::Debug, state: &State) -> Result<(), Fault> {
    Err(Fault::Contradiction(format!("{what} says {found:?} after {state:?}")))
}
