use std::{borrow::Borrow, sync::Arc};

use crate::{
    audit::{AuditRecord, Head, Segment, chain::next_head},
    limits,
};

/// What a chain that holds together amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The first record that was there; above 0 where older segments were given up by a retention rule.
    pub first_seq: u64,
    /// How many records were there.
    pub records: u64,
    /// The head over all of them.
    pub head: Head,
}

/// The first place where the chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A segment is missing, or one is there twice or out of order.
    #[error("segment {expected} was expected and segment {found} found")]
    MissingSegment {
        /// The number that should follow.
        expected: u64,
        /// The number that does.
        found: u64,
    },
    /// A segment does not continue the one before it.
    #[error("segment {segment} does not continue the segment before it")]
    BrokenLink {
        /// Which segment.
        segment: u64,
    },
    /// The records of a segment do not hash to its head: one was edited, deleted, added or moved.
    #[error("the records of segment {segment} do not hash to its head")]
    AlteredSegment {
        /// Which segment.
        segment: u64,
    },
    /// A record cannot be read or has another number than its place.
    #[error("record {seq} is unreadable or out of its place")]
    MisplacedRecord {
        /// The number it should have.
        seq: u64,
    },
    /// The whole chain holds together and is not the expected one: its end was cut off, or all of it rewritten.
    #[error("the chain ends in another head than the expected one")]
    UnexpectedHead,
}

/// Checks closed segments in order, then the open records, against a head known from elsewhere. Segments are taken
/// one at a time, so that years of them need not be in memory together.
///
/// # Errors
/// The first place where the chain does not hold.
pub fn verify<'a>(
    segments: impl IntoIterator<Item: Borrow<Segment>>,
    open: impl IntoIterator<Item = &'a Arc<[u8]>>,
    expected_head: Head,
) -> Result<Verified, ChainFault> {
    let mut walk: Option<Verified> = None;
    for segment in segments {
        walk = Some(follow_segment(walk, segment.borrow())?);
    }
    let mut walk = walk.unwrap_or(Verified {
        first_seq: 0,
        records: 0,
        head: Head::default(),
    });
    for record in open {
        walk = follow_record(walk, record)?;
    }
    (walk.head == expected_head)
        .then_some(walk)
        .ok_or(ChainFault::UnexpectedHead)
}

fn follow_segment(walk: Option<Verified>, segment: &Segment) -> Result<Verified, ChainFault> {
    let mut walk = walk.unwrap_or(Verified {
        first_seq: segment.number().saturating_mul(limits::RECORDS_PER_SEGMENT),
        records: 0,
        head: if segment.number() == 0 {
            Head::default()
        } else {
            segment.base()
        },
    });
    let expected = (walk.first_seq + walk.records) / limits::RECORDS_PER_SEGMENT;
    if segment.number() != expected {
        return Err(ChainFault::MissingSegment {
            expected,
            found: segment.number(),
        });
    }
    if segment.base() != walk.head {
        return Err(ChainFault::BrokenLink {
            segment: segment.number(),
        });
    }
    for record in segment.records() {
        walk = follow_record(walk, record)?;
    }
    let complete = segment.records().len() as u64 == limits::RECORDS_PER_SEGMENT;
    match complete && walk.head == segment.head() {
        true => Ok(walk),
        false => Err(ChainFault::AlteredSegment {
            segment: segment.number(),
        }),
    }
}

fn follow_record(walk: Verified, bytes: &[u8]) -> Result<Verified, ChainFault> {
    let seq = walk.first_seq.saturating_add(walk.records);
    match AuditRecord::from_bytes(bytes) {
        Ok(record) if record.seq == seq => Ok(Verified {
            records: walk.records + 1,
            head: next_head(&walk.head, bytes),
            ..walk
        }),
        Ok(_) | Err(_) => Err(ChainFault::MisplacedRecord { seq }),
    }
}
