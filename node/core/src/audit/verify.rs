use std::{borrow::Borrow, sync::Arc};

use crate::{
    audit::{AuditRecord, Checkpoint, Head, Segment, chain::next_head},
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

impl Verified {
    /// The number of the record that would come next.
    pub fn next_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.records)
    }
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
    from: Checkpoint,
    segments: impl IntoIterator<Item: Borrow<Segment>>,
    open: impl IntoIterator<Item = &'a Arc<[u8]>>,
    expected_head: Head,
) -> Result<Verified, ChainFault> {
    let mut walk = Verifier::from(from);
    for segment in segments {
        walk.segment(segment.borrow())?;
    }
    for record in open {
        walk.record(record)?;
    }
    walk.finish(expected_head)
}

/// Follows a chain, step by step.
#[derive(Debug, Clone)]
pub struct Verifier {
    walk: Verified,
}

impl From<Checkpoint> for Verifier {
    fn from(from: Checkpoint) -> Self {
        Verifier::after(from.segment, from.head)
    }
}

impl Verifier {
    /// Begins with the first record of a segment, after this head.
    pub(super) fn after(segment: u64, base: Head) -> Self {
        Verifier {
            walk: Verified {
                first_seq: segment.saturating_mul(limits::RECORDS_PER_SEGMENT),
                records: 0,
                head: base,
            },
        }
    }

    /// What has been followed so far.
    pub fn so_far(&self) -> Verified {
        self.walk
    }

    /// Takes the next closed segment.
    ///
    /// # Errors
    /// Where it does not hold.
    pub fn segment(&mut self, segment: &Segment) -> Result<(), ChainFault> {
        let number = segment.number();
        let expected = self.walk.next_seq() / limits::RECORDS_PER_SEGMENT;
        if number != expected {
            return Err(ChainFault::MissingSegment {
                expected,
                found: number,
            });
        }
        if segment.base() != self.walk.head {
            return Err(ChainFault::BrokenLink { segment: number });
        }
        for record in segment.records() {
            self.record(record)?;
        }
        let complete = segment.records().len() as u64 == limits::RECORDS_PER_SEGMENT;
        match complete && self.walk.head == segment.head() {
            true => Ok(()),
            false => Err(ChainFault::AlteredSegment { segment: number }),
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// It cannot be read or is out of its place.
    pub fn record(&mut self, bytes: &[u8]) -> Result<(), ChainFault> {
        let seq = self.walk.next_seq();
        match AuditRecord::from_bytes(bytes) {
            Ok(record) if record.seq == seq => {
                self.walk.records += 1;
                self.walk.head = next_head(&self.walk.head, bytes);
                Ok(())
            }
            Ok(_) | Err(_) => Err(ChainFault::MisplacedRecord { seq }),
        }
    }

    /// What was followed, if it ends in this head.
    ///
    /// # Errors
    /// [`ChainFault::UnexpectedHead`].
    pub fn finish(self, expected_head: Head) -> Result<Verified, ChainFault> {
        (self.walk.head == expected_head)
            .then_some(self.walk)
            .ok_or(ChainFault::UnexpectedHead)
    }
}
