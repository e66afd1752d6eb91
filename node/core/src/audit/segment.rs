use std::{ops::Range, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{
    audit::{ChainFault, Head, Verifier},
    codec::Undecodable,
    limits,
};

/// A closed part of the audit, identical on every node.
///
/// ```text
/// number u64 | base 32 | head 32 | count u32 | count × (end u32, check u32) | the records, one after the other
/// ```
///
/// Numbers are big-endian. `end` counts from the first record's first byte; `check` is the beginning of the record's own SHA-256. So one
/// record can be read, and known to be whole, without reading the others: see [`slots`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    number: u64,
    base: Head,
    head: Head,
    records: Vec<Arc<[u8]>>,
}

const HEADER: usize = 8 + 32 + 32 + 4;
const SLOT: usize = 8;

impl Segment {
    pub(super) fn new(number: u64, base: Head, head: Head, records: Vec<Arc<[u8]>>) -> Self {
        Segment {
            number,
            base,
            head,
            records,
        }
    }

    /// Counts from 0: record `n` is in segment `n / RECORDS_PER_SEGMENT`.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The head before its first record.
    pub fn base(&self) -> Head {
        self.base
    }

    /// The head after its last record, as it claims; [`Segment::is_genuine`] recomputes it.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Its records as they were hashed, oldest first.
    pub fn records(&self) -> &[Arc<[u8]>] {
        &self.records
    }

    /// Whether this is the whole closed segment of this number between these heads, which no other bytes can be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn is_genuine(&self, number: u64, base: Head, head: Head) -> Result<(), ChainFault> {
        let mut walk = Verifier::after(number, base);
        walk.segment(self)?;
        walk.finish(head).map(drop)
    }

    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length: usize = self.records.iter().map(|record| record.len()).sum();
        let mut bytes = Vec::with_capacity(HEADER + self.records.len() * SLOT + length);
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.base);
        bytes.extend(self.head);
        bytes.extend((self.records.len() as u32).to_be_bytes());
        let mut end = 0u32;
        for record in &self.records {
            end += record.len() as u32;
            bytes.extend(end.to_be_bytes());
            bytes.extend(check(record));
        }
        self.records.iter().for_each(|record| bytes.extend(record.iter()));
        bytes
    }

    /// Number and head that a segment's bytes claim, without reading the rest.
    pub fn claims(bytes: &[u8]) -> Option<(u64, Head)> {
        let header = bytes.get(..HEADER)?;
        let head = header[40..72].try_into().ok()?;
        Some((long_at(header, 0), head))
    }

    /// The segment in a file's bytes; says nothing yet about whether it is genuine.
    ///
    /// # Errors
    /// The bytes are no segment, or a record of it is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Undecodable> {
        let broken = |what: &str| Undecodable::because(format_args!("{what} in an audit segment"));
        let (header, rest) = bytes.split_at_checked(HEADER).ok_or_else(|| broken("too few bytes"))?;
        let count = number_at(header, HEADER - 4) as usize;
        if count as u64 > limits::RECORDS_PER_SEGMENT {
            return Err(broken("too many records"));
        }
        let (slots, mut rest) = rest
            .split_at_checked(count * SLOT)
            .ok_or_else(|| broken("too few bytes"))?;
        let mut records = Vec::with_capacity(count);
        let mut begin = 0;
        for slot in slots.chunks_exact(SLOT) {
            let end = number_at(slot, 0);
            let length = end.checked_sub(begin).ok_or_else(|| broken("disorder"))?;
            let (record, behind) = rest
                .split_at_checked(length as usize)
                .ok_or_else(|| broken("too few bytes"))?;
            if check(record) != slot[4..] {
                return Err(broken("a damaged record"));
            }
            records.push(record.into());
            (begin, rest) = (end, behind);
        }
        if !rest.is_empty() {
            return Err(broken("bytes behind the records"));
        }
        let mut heads = header[8..].chunks_exact(32).map(|head| {
            let mut bytes = Head::default();
            bytes.copy_from_slice(head);
            bytes
        });
        let mut next = || heads.next().ok_or_else(|| broken("too few bytes"));
        Ok(Segment {
            number: long_at(header, 0),
            base: next()?,
            head: next()?,
            records,
        })
    }
}

/// The bytes of a closed segment's file that say where its record at this place lies; [`Located::from_slots`] reads them.
pub fn slots(place: usize) -> Range<u64> {
    let own = HEADER + place * SLOT;
    let from = if place == 0 { own } else { own - SLOT };
    from as u64..(own + SLOT) as u64
}

/// One record's place in a closed segment's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its bytes.
    pub range: Range<u64>,
    check: [u8; 4],
}

impl Located {
    /// What the bytes of [`slots`] say; none if they are damaged.
    pub fn from_slots(slots: &[u8]) -> Option<Located> {
        let (before, own) = slots.split_at_checked(slots.len().checked_sub(SLOT)?)?;
        let begin = match before.len() {
            0 => 0,
            SLOT => number_at(before, 0),
            _ => return None,
        };
        let end = number_at(own, 0);
        let first = (HEADER + limits::RECORDS_PER_SEGMENT as usize * SLOT) as u64;
        let plausible = begin < end && end - begin <= limits::RECORD_BYTES;
        plausible.then(|| Located {
            range: first + u64::from(begin)..first + u64::from(end),
            check: [own[4], own[5], own[6], own[7]],
        })
    }

    /// Whether these are the record's bytes.
    pub fn holds(&self, record: &[u8]) -> bool {
        check(record) == self.check
    }
}

fn check(record: &[u8]) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::digest(record).into();
    [digest[0], digest[1], digest[2], digest[3]]
}

fn long_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(number_at(bytes, at)) << 32 | u64::from(number_at(bytes, at + 4))
}

/// Four bytes as a number; zero where they are missing, which no caller lets happen.
fn number_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}
