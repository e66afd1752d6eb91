use std::sync::Arc;

use imbl::OrdMap;
use sha2::{Digest, Sha256};

use crate::{
    audit::{AuditRecord, Entry, Segment},
    ids::Stamp,
    limits,
};

/// The hash over all records up to one of them.
pub type Head = [u8; 32];

/// The head after one more record.
pub(super) fn next_head(head: &Head, record: &[u8]) -> Head {
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update(record);
    hash.finalize().into()
}

/// The end of the audit that is still in memory: the open segment's records, and the head over everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    head: Head,
    next_seq: u64,
    /// The head before the first open record.
    base: Head,
    open: OrdMap<u64, Arc<[u8]>>,
    /// Closed, and not yet taken by whoever makes them durable. No part of the state's rows.
    closed: Vec<Arc<Segment>>,
}

impl Chain {
    /// The head over all records.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The number the next record gets, which is also how many there are.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The head before the first open record.
    pub fn base(&self) -> Head {
        self.base
    }

    /// The records of the open segment, as they were hashed, oldest first.
    pub fn open_records(&self) -> impl DoubleEndedIterator<Item = (u64, &Arc<[u8]>)> + '_ {
        self.open.iter().map(|(seq, bytes)| (*seq, bytes))
    }

    /// Records of segments that are closed and not yet taken, oldest first.
    pub fn closed_segments(&self) -> &[Arc<Segment>] {
        &self.closed
    }

    pub(crate) fn restore(head: Head, next_seq: u64, base: Head) -> Self {
        Chain {
            head,
            next_seq,
            base,
            open: OrdMap::new(),
            closed: Vec::new(),
        }
    }

    pub(crate) fn restore_record(&mut self, seq: u64, bytes: Arc<[u8]>) {
        self.open.insert(seq, bytes);
    }

    pub(crate) fn open_table(&self) -> &OrdMap<u64, Arc<[u8]>> {
        &self.open
    }

    pub(crate) fn append(&mut self, stamp: Stamp, entry: Entry) {
        let seq = self.next_seq;
        let bytes: Arc<[u8]> = AuditRecord {
            seq,
            at_ms: stamp.ms,
            entry,
        }
        .to_bytes()
        .into();
        self.head = next_head(&self.head, &bytes);
        self.open.insert(seq, bytes);
        self.next_seq += 1;
        if self.next_seq.is_multiple_of(limits::RECORDS_PER_SEGMENT) {
            self.close_segment();
        }
    }

    pub(crate) fn take_closed(&mut self) -> Vec<Arc<Segment>> {
        std::mem::take(&mut self.closed)
    }

    fn close_segment(&mut self) {
        let number = self.next_seq / limits::RECORDS_PER_SEGMENT - 1;
        let records = self.open.values().cloned().collect();
        self.closed
            .push(Arc::new(Segment::new(number, self.base, self.head, records)));
        self.open = OrdMap::new();
        self.base = self.head;
    }
}
