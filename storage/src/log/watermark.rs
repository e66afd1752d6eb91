//! The watermark: a statement, outside the log, of how far the log certainly reached.
//!
//! A log alone cannot tell a torn last write from a lost one: both simply end early. The watermark
//! says "at this offset the flushed log had this vote and this last entry"; opening checks it, and
//! what lies before it can never be cut off. It is never ahead of the flushed log and is written
//! off the commit path (see [`super::keeper`]).
//!
//! The file has two slots, a page each, written in turn and fsynced, so that a write that is torn
//! by a power cut leaves the other slot, which is one write older and as true.
//!
//! ```text
//! slot  "QMARK001" | sequence u64 | offset u64 | vote: 0/1, term u64, node u64, committed u8
//!       | last: 0/1, term u64, node u64, index u64 | crc32 of all before      (big-endian)
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::limits::WATERMARK_SLOT_BYTES;
use crate::{LogId, Vote, durable};

const MAGIC: &[u8; 8] = b"QMARK001";
const BODY_BYTES: usize = 67;
const SLOT_BYTES: usize = BODY_BYTES + 4;

/// How far the flushed log reaches, and what it says there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Global offset in the log, over all chunks that ever were, in bytes.
    pub(super) offset: u64,
    pub(super) vote: Option<Vote>,
    pub(super) last: Option<LogId>,
}

/// The open file; it also carries the lock that keeps a second process away from the log.
#[derive(Debug)]
pub(super) struct Watermark {
    file: File,
    sequence: u64,
}

impl Watermark {
    /// Makes the file of an empty log.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        let mut file = vec![0; 2 * WATERMARK_SLOT_BYTES as usize];
        for sequence in [0, 1_u64] {
            let at = slot_offset(sequence) as usize;
            file[at..at + SLOT_BYTES].copy_from_slice(&encode(sequence, &Mark::default()));
        }
        durable::write_whole(path, &[&file])
    }

    /// Reads the newer of the slots; `None` when neither checks.
    pub(super) fn read(file: &File) -> io::Result<Option<(u64, Mark)>> {
        let mut newest: Option<(u64, Mark)> = None;
        for slot in [0, 1_u64] {
            let mut bytes = [0; SLOT_BYTES];
            match file.read_exact_at(&mut bytes, slot * WATERMARK_SLOT_BYTES) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
                Err(error) => return Err(error),
            }
            let found = decode(&bytes).filter(|(sequence, _)| sequence % 2 == slot);
            newest = match (newest, found) {
                (Some(one), Some(two)) if two.0 < one.0 => Some(one),
                (one, two) => two.or(one),
            };
        }
        Ok(newest)
    }

    pub(super) fn new(file: File, sequence: u64) -> Watermark {
        Watermark { file, sequence }
    }

    /// Writes the older slot and returns when it is on disk.
    pub(super) fn write(&mut self, mark: &Mark) -> io::Result<()> {
        let sequence = self.sequence + 1;
        self.file.write_all_at(&encode(sequence, mark), slot_offset(sequence))?;
        self.file.sync_data()?;
        self.sequence = sequence;
        Ok(())
    }
}

fn slot_offset(sequence: u64) -> u64 {
    sequence % 2 * WATERMARK_SLOT_BYTES
}

fn encode(sequence: u64, mark: &Mark) -> [u8; SLOT_BYTES] {
    let vote = mark.vote.unwrap_or_default();
    let last = mark.last.unwrap_or_default();
    let mut slot = [0; SLOT_BYTES];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        slot[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(MAGIC);
    put(&sequence.to_be_bytes());
    put(&mark.offset.to_be_bytes());
    put(&[u8::from(mark.vote.is_some())]);
    put(&vote.term.to_be_bytes());
    put(&vote.node.to_be_bytes());
    put(&[u8::from(vote.committed)]);
    put(&[u8::from(mark.last.is_some())]);
    [last.term, last.node, last.index]
        .iter()
        .for_each(|number| put(&number.to_be_bytes()));
    let crc = crc32fast::hash(&slot[..BODY_BYTES]);
    slot[BODY_BYTES..].copy_from_slice(&crc.to_be_bytes());
    slot
}

fn decode(slot: &[u8; SLOT_BYTES]) -> Option<(u64, Mark)> {
    let number = |at: usize| {
        slot[at..at + 8]
            .iter()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
    };
    let vote = Vote {
        term: number(25),
        node: number(33),
        committed: slot[41] == 1,
    };
    let last = LogId {
        term: number(43),
        node: number(51),
        index: number(59),
    };
    let mark = Mark {
        offset: number(16),
        vote: (slot[24] == 1).then_some(vote),
        last: (slot[42] == 1).then_some(last),
    };
    // One encoding per value: whatever does not encode back to the same bytes is not ours.
    let sequence = number(8);
    (encode(sequence, &mark) == *slot).then_some((sequence, mark))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark() -> impl Strategy<Value = Mark> {
        let vote = prop::option::of(any::<(u64, u64, bool)>());
        let last = prop::option::of(any::<(u64, u64, u64)>());
        (any::<u64>(), vote, last).prop_map(|(offset, vote, last)| Mark {
            offset,
            vote: vote.map(|(term, node, committed)| Vote { term, node, committed }),
            last: last.map(|(term, node, index)| LogId { term, node, index }),
        })
    }

    proptest! {
        #[test]
        fn a_slot_is_read_as_written(sequence in any::<u64>(), mark in mark()) {
            prop_assert_eq!(decode(&encode(sequence, &mark)), Some((sequence, mark)));
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(sequence in any::<u64>(), mark in mark(), at in 0..SLOT_BYTES, bits in 1_u8..) {
            let mut slot = encode(sequence, &mark);
            slot[at] ^= bits;
            prop_assert_eq!(decode(&slot), None);
        }
    }

    #[test]
    fn a_torn_write_leaves_the_mark_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("watermark");
        Watermark::create(&path).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        assert_eq!(Watermark::read(&file).unwrap(), Some((1, Mark::default())));
        let mut watermark = Watermark::new(file, 1);
        let marks: Vec<Mark> = (1..=5)
            .map(|offset| Mark {
                offset,
                ..Mark::default()
            })
            .collect();
        for (written, mark) in marks.iter().enumerate() {
            watermark.write(mark).unwrap();
            assert_eq!(Watermark::read(&watermark.file).unwrap().unwrap().1, *mark);
            let before = if written == 0 {
                Mark::default()
            } else {
                marks[written - 1]
            };
            assert_eq!(torn(&path, watermark.sequence).unwrap().1, before);
        }
    }

    /// What is found when the slot of `sequence` was only half written.
    fn torn(path: &Path, sequence: u64) -> Option<(u64, Mark)> {
        let torn = path.with_extension("torn");
        let mut bytes = std::fs::read(path).unwrap();
        bytes[slot_offset(sequence) as usize..][SLOT_BYTES / 2..SLOT_BYTES].fill(0);
        std::fs::write(&torn, bytes).unwrap();
        Watermark::read(&File::open(torn).unwrap()).unwrap()
    }
}
