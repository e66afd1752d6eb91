//! How our types look inside the engine's records.
//!
//! The engine (`raft-log`) frames a record as `type u32 | fields | crc32`, with no length of its
//! own: how far a record reaches is told by its fields. So a flipped bit in the length of a payload
//! would make the record seem to reach past the end of the file, which the engine takes for a torn
//! write and cuts off, with everything after it. Our payload therefore carries its length with a
//! checksum of its own, and a wrong length is damage, never an end:
//!
//! ```text
//! entry id 'L' | branch u32 | term u64 | node u64 | index u64   (all numbers big-endian)
//! vote     'V' | term u64 | node u64 | committed u8 | synced u64
//! payload  'P' | length u32 | synced u64 | crc32 of "quorate payload" and both | bytes
//! ```
//!
//! *synced* is how far the log was known to be on disk when the record was written. After a crash it tells a write that never
//! happened (nothing behind it knew of it) from one that was confirmed and has rotted since: see [`super::scan`].
//!
//! An entry's id carries a *branch*: how often this log had been truncated, opened or moved ahead when
//! the entry was written. The engine decides by the order of ids which entries it may drop from
//! memory because they are in a closed chunk. In Raft a truncated entry can come back, or be replaced
//! by one of an older leader; ordered by leader alone, such an entry in the *open* chunk would look
//! long closed, be dropped, and could then not be read at all. With the branch in front, later
//! entries are always the greater ones. Nobody outside this module sees it.
//!
//! The letters make a stretch of zeros, or of anything else, fail early: the search for valid
//! records behind a damaged one tries every byte offset.

use std::io::{self, Read, Write};

use bytes::Bytes;
use raft_log::codeq::{Decode, Encode};
use raft_log::{RaftLogAction, WALRecord};

use super::flush::Ticket;
use crate::{LogId, Vote, limits};

/// The engine's type parameters.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Records;

/// One record of the engine: an action or, at the head of each chunk, a checkpoint.
pub(super) type Record = raft_log::RaftLogRecord<Records>;

/// A log id as the engine knows it: ordered by when it was written before by whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    pub(super) branch: u32,
    pub(super) id: LogId,
}

/// The command bytes of a log entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    /// Global offset up to which the log was on disk when this was written.
    pub(super) synced: u64,
}

/// A vote as the engine knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SavedVote {
    pub(super) vote: Vote,
    /// As [`Payload::synced`].
    pub(super) synced: u64,
}

/// Up to where the log was on disk when this record was written, if it says so.
pub(super) fn synced(record: &Record) -> Option<u64> {
    match record {
        WALRecord::Action(RaftLogAction::Append(_, payload)) => Some(payload.synced),
        WALRecord::Action(RaftLogAction::SaveVote(saved)) => Some(saved.synced),
        WALRecord::Checkpoint(checkpoint) => checkpoint.vote().map(|saved| saved.synced),
        WALRecord::Action(RaftLogAction::TruncateAfter(_) | RaftLogAction::PurgeUpto(_) | RaftLogAction::Commit(_)) => {
            None
        }
    }
}

impl raft_log::Types for Records {
    type LogId = EntryId;
    type LogPayload = Payload;
    type Vote = SavedVote;
    type Callback = Ticket;
    type UserData = ();

    fn log_index(entry: &EntryId) -> u64 {
        entry.id.index
    }

    fn payload_size(payload: &Payload) -> u64 {
        payload.bytes.len() as u64
    }
}

pub(super) const ENTRY_ID_BYTES: usize = 29;
const VOTE_BYTES: usize = 26;
pub(super) const PAYLOAD_HEADER_BYTES: usize = 17;

impl Encode for EntryId {
    fn encode<W: Write>(&self, mut out: W) -> io::Result<usize> {
        let mut bytes = [b'L'; ENTRY_ID_BYTES];
        bytes[1..5].copy_from_slice(&self.branch.to_be_bytes());
        bytes[5..13].copy_from_slice(&self.id.term.to_be_bytes());
        bytes[13..21].copy_from_slice(&self.id.node.to_be_bytes());
        bytes[21..].copy_from_slice(&self.id.index.to_be_bytes());
        out.write_all(&bytes)?;
        Ok(ENTRY_ID_BYTES)
    }
}

impl Decode for EntryId {
    fn decode<R: Read>(mut input: R) -> io::Result<EntryId> {
        expect_letter(&mut input, b'L')?;
        let branch = u32::from_be_bytes(read_array(&mut input)?);
        let (term, node, index) = (read_u64(&mut input)?, read_u64(&mut input)?, read_u64(&mut input)?);
        Ok(EntryId {
            branch,
            id: LogId { term, node, index },
        })
    }
}

impl Encode for SavedVote {
    fn encode<W: Write>(&self, mut out: W) -> io::Result<usize> {
        let mut bytes = [b'V'; VOTE_BYTES];
        bytes[1..9].copy_from_slice(&self.vote.term.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.vote.node.to_be_bytes());
        bytes[17] = u8::from(self.vote.committed);
        bytes[18..].copy_from_slice(&self.synced.to_be_bytes());
        out.write_all(&bytes)?;
        Ok(VOTE_BYTES)
    }
}

impl Decode for SavedVote {
    fn decode<R: Read>(mut input: R) -> io::Result<SavedVote> {
        expect_letter(&mut input, b'V')?;
        let (term, node) = (read_u64(&mut input)?, read_u64(&mut input)?);
        let committed = match read_array(&mut input)? {
            [committed @ (0 | 1)] => committed == 1,
            [_] => return Err(damaged("a vote is neither committed nor not")),
        };
        Ok(SavedVote {
            vote: Vote { term, node, committed },
            synced: read_u64(&mut input)?,
        })
    }
}

impl Encode for Payload {
    fn encode<W: Write>(&self, mut out: W) -> io::Result<usize> {
        let length = u32::try_from(self.bytes.len()).map_err(|_| damaged("a payload is over 4 GiB"))?;
        let mut header = [b'P'; PAYLOAD_HEADER_BYTES];
        header[1..5].copy_from_slice(&length.to_be_bytes());
        header[5..13].copy_from_slice(&self.synced.to_be_bytes());
        header[13..].copy_from_slice(&header_checksum(length, self.synced).to_be_bytes());
        out.write_all(&header)?;
        out.write_all(&self.bytes)?;
        Ok(PAYLOAD_HEADER_BYTES + self.bytes.len())
    }
}

impl Decode for Payload {
    fn decode<R: Read>(mut input: R) -> io::Result<Payload> {
        expect_letter(&mut input, b'P')?;
        let length = u32::from_be_bytes(read_array(&mut input)?);
        let synced = read_u64(&mut input)?;
        let checksum = u32::from_be_bytes(read_array(&mut input)?);
        if checksum != header_checksum(length, synced) {
            return Err(damaged("the length of a payload does not match its checksum"));
        }
        if length as usize > limits::LOG_PAYLOAD_BYTES {
            return Err(damaged("a payload is over the limit"));
        }
        let mut bytes = vec![0; length as usize];
        input.read_exact(&mut bytes)?;
        Ok(Payload {
            bytes: bytes.into(),
            synced,
        })
    }
}

fn header_checksum(length: u32, synced: u64) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(b"quorate payload");
    crc.update(&length.to_be_bytes());
    crc.update(&synced.to_be_bytes());
    crc.finalize()
}

fn expect_letter<R: Read>(input: &mut R, letter: u8) -> io::Result<()> {
    if read_array(input)? == [letter] {
        Ok(())
    } else {
        Err(damaged("a field does not begin with its letter"))
    }
}

fn read_u64<R: Read>(input: &mut R) -> io::Result<u64> {
    read_array(input).map(u64::from_be_bytes)
}

fn read_array<const N: usize, R: Read>(input: &mut R) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry_id() -> impl Strategy<Value = EntryId> {
        any::<(u32, u64, u64, u64)>().prop_map(|(branch, term, node, index)| EntryId {
            branch,
            id: LogId { term, node, index },
        })
    }

    fn record() -> impl Strategy<Value = Record> {
        let vote = any::<(u64, u64, bool, u64)>().prop_map(|(term, node, committed, synced)| SavedVote {
            vote: Vote { term, node, committed },
            synced,
        });
        let bytes = prop::collection::vec(any::<u8>(), 0..600);
        let payload = (bytes, any::<u64>()).prop_map(|(bytes, synced)| Payload {
            bytes: bytes.into(),
            synced,
        });
        prop_oneof![
            vote.prop_map(|vote| WALRecord::Action(RaftLogAction::SaveVote(vote))),
            (entry_id(), payload).prop_map(|(at, payload)| WALRecord::Action(RaftLogAction::Append(at, payload))),
            entry_id().prop_map(|at| WALRecord::Action(RaftLogAction::Commit(at))),
            prop::option::of(entry_id()).prop_map(|at| WALRecord::Action(RaftLogAction::TruncateAfter(at))),
            entry_id().prop_map(|at| WALRecord::Action(RaftLogAction::PurgeUpto(at))),
        ]
    }

    fn encode(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        let length = record.encode(&mut bytes).unwrap();
        assert_eq!(length, bytes.len());
        bytes
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_not_a_byte_more(record in record(), next in any::<u8>()) {
            let mut bytes = encode(&record);
            bytes.push(next);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(Record::decode(&mut rest).unwrap(), record);
            prop_assert_eq!(rest, [next]);
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(record in record(), at in any::<prop::sample::Index>(), bits in 1_u8..) {
            let mut bytes = encode(&record);
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            prop_assert!(Record::decode(bytes.as_slice()).is_err());
        }

        #[test]
        fn a_changed_length_is_damage_and_never_an_end(
            payload in prop::collection::vec(any::<u8>(), 0..600), at in 0_usize..8, bits in 1_u8..,
        ) {
            let payload = Payload { bytes: payload.into(), synced: 0 };
            let append = WALRecord::Action(RaftLogAction::Append(EntryId::default(), payload));
            let mut bytes = encode(&append);
            let length_at = 4 + ENTRY_ID_BYTES + 1;
            bytes[length_at + at] ^= bits;
            let error = Record::decode(bytes.as_slice()).unwrap_err();
            prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
