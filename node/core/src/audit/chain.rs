use std::sync::Arc;

use imbl::OrdMap;
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::{
    audit::{AuditRecord, Entry, Segment},
    ids::{NodeId, Stamp},
    limits,
    records::Retention,
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

/// What is left of a closed segment in the state: enough to recognise its file, and to know when it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Seal {
    /// The head after its last record: the hash that the segment is fetched and checked by.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub head: Head,
    /// The time of its last record, in ms since 1970. Never falls from one segment to the next.
    #[n(1)]
    pub last_ms: u64,
    /// Bytes of its records.
    #[n(2)]
    pub bytes: u64,
}

/// Where the audit begins: at its first record, or where a retention rule cut it off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The first segment that is kept.
    pub segment: u64,
    /// The head before its first record; zeros before the first of all.
    pub head: Head,
}

impl Checkpoint {
    /// How many records are given up, which is the number of the first that is kept.
    pub fn first_seq(&self) -> u64 {
        self.segment.saturating_mul(limits::RECORDS_PER_SEGMENT)
    }
}

/// What a node signs: that in this cluster, this is the head over so many records.
pub fn head_statement(cluster: &[u8; 16], records: u64, head: &Head) -> Vec<u8> {
    let mut statement = b"Quorate audit head 1\0".to_vec();
    statement.extend(cluster);
    statement.extend(records.to_be_bytes());
    statement.extend(head);
    statement
}

/// One node's word for a head. Opaque here: whoever reads it checks it against the cluster's CA.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HeadSignature {
    /// Over [`head_statement`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub signature: Box<[u8]>,
    /// The certificate of the node, DER.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub certificate: Box<[u8]>,
}

/// The end of the audit that is still in memory: the open segment's records, the head over everything, and of each
/// closed segment its [`Seal`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    head: Head,
    next_seq: u64,
    checkpoint: Checkpoint,
    seals: OrdMap<u64, Seal>,
    /// By the number of records that the signed head is over. Of each node the newest, and the one of the checkpoint.
    signatures: OrdMap<(u64, NodeId), Arc<HeadSignature>>,
    open: OrdMap<u64, Arc<[u8]>>,
    /// Closed, and not yet taken by whoever makes them durable. No part of the state's rows.
    closed: Vec<Arc<Segment>>,
}

impl Chain {
    /// The head over all records.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The number the next record gets, which is also how many there have been.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Where the audit begins.
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    /// The number of the open segment, which is also how many were closed.
    pub fn open_segment(&self) -> u64 {
        self.next_seq / limits::RECORDS_PER_SEGMENT
    }

    /// Closed segments that are kept, oldest first.
    pub fn seals(&self) -> impl DoubleEndedIterator<Item = (u64, &Seal)> + '_ {
        self.seals.iter().map(|(number, seal)| (*number, seal))
    }

    /// A closed segment that is kept.
    pub fn seal(&self, segment: u64) -> Option<&Seal> {
        self.seals.get(&segment)
    }

    /// The head before the first record of a segment that is kept, or of the open one.
    pub fn base(&self, segment: u64) -> Option<Head> {
        match segment == self.checkpoint.segment {
            true => Some(self.checkpoint.head),
            false => self.seal(segment.checked_sub(1)?).map(|seal| seal.head),
        }
    }

    /// The head over this many records, where a segment ends there.
    pub fn boundary(&self, records: u64) -> Option<Head> {
        let ends = records > 0 && records.is_multiple_of(limits::RECORDS_PER_SEGMENT);
        ends.then(|| self.base(records / limits::RECORDS_PER_SEGMENT)).flatten()
    }

    /// Signed heads: over how many records, by whom, and the signature.
    pub fn signatures(&self) -> impl DoubleEndedIterator<Item = (u64, NodeId, &Arc<HeadSignature>)> + '_ {
        self.signatures
            .iter()
            .map(|((records, node), signature)| (*records, *node, signature))
    }

    /// What a node said of the head over this many records.
    pub fn signature(&self, records: u64, node: NodeId) -> Option<&Arc<HeadSignature>> {
        self.signatures.get(&(records, node))
    }

    /// The records of the open segment, as they were hashed, oldest first.
    pub fn open_records(&self) -> impl DoubleEndedIterator<Item = (u64, &Arc<[u8]>)> + '_ {
        self.open.iter().map(|(seq, bytes)| (*seq, bytes))
    }

    /// A record of the open segment.
    pub fn open_record(&self, seq: u64) -> Option<&Arc<[u8]>> {
        self.open.get(&seq)
    }

    /// The open segment as if it were closed: for an auditor who takes everything along.
    pub fn open_as_segment(&self) -> Segment {
        let base = self.base(self.open_segment()).unwrap_or_default();
        Segment::new(
            self.open_segment(),
            base,
            self.head,
            self.open.values().cloned().collect(),
        )
    }

    /// Records of segments that are closed and not yet taken, oldest first.
    pub fn closed_segments(&self) -> &[Arc<Segment>] {
        &self.closed
    }

    /// The first segment that this rule keeps at this time. The open segment is always kept.
    pub fn kept_by(&self, retention: &Retention, now_ms: u64) -> u64 {
        let too_old = |seal: &Seal| {
            let age_ms = now_ms.saturating_sub(seal.last_ms);
            retention.max_age_ms.is_some_and(|max_ms| age_ms > max_ms)
        };
        let mut bytes: u64 = self.seals.values().map(|seal| seal.bytes).sum();
        let mut first = self.checkpoint.segment;
        for (number, seal) in &self.seals {
            let too_much = retention.max_bytes.is_some_and(|max| bytes > max);
            if !too_much && !too_old(seal) {
                break;
            }
            bytes -= seal.bytes;
            first = number + 1;
        }
        first.min(self.checkpoint.segment + limits::SEGMENTS_PRUNED_PER_COMMAND)
    }

    pub(crate) fn restore(head: Head, next_seq: u64, checkpoint: Checkpoint) -> Self {
        Chain {
            head,
            next_seq,
            checkpoint,
            ..Chain::default()
        }
    }

    /// Takes over the rows that a state was restored from; the rest is what [`Chain::restore`] made.
    pub(crate) fn with_rows_of(self, rows: Chain) -> Self {
        Chain {
            head: self.head,
            next_seq: self.next_seq,
            checkpoint: self.checkpoint,
            ..rows
        }
    }

    pub(crate) fn restore_record(&mut self, seq: u64, bytes: Arc<[u8]>) {
        self.open.insert(seq, bytes);
    }

    pub(crate) fn restore_seal(&mut self, segment: u64, seal: Seal) {
        self.seals.insert(segment, seal);
    }

    pub(crate) fn restore_signature(&mut self, key: (u64, NodeId), signature: HeadSignature) {
        self.signatures.insert(key, Arc::new(signature));
    }

    pub(crate) fn open_table(&self) -> &OrdMap<u64, Arc<[u8]>> {
        &self.open
    }

    pub(crate) fn seal_table(&self) -> &OrdMap<u64, Seal> {
        &self.seals
    }

    pub(crate) fn signature_table(&self) -> &OrdMap<(u64, NodeId), Arc<HeadSignature>> {
        &self.signatures
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
            self.close_segment(stamp);
        }
    }

    /// Keeps a signature, and of the node's others the newest and the checkpoint's.
    pub(crate) fn sign(&mut self, records: u64, node: NodeId, signature: HeadSignature) {
        self.signatures.insert((records, node), Arc::new(signature));
        self.keep_needed_signatures();
    }

    pub(crate) fn drop_signatures_of(&mut self, node: NodeId) {
        self.keep_signatures(|_, signer| signer != node);
    }

    /// Gives up all segments before the checkpoint.
    pub(crate) fn prune(&mut self, checkpoint: Checkpoint) {
        self.checkpoint = checkpoint;
        let (_, at, kept) = self.seals.split_lookup(&checkpoint.segment);
        self.seals = kept;
        if let Some(seal) = at {
            self.seals.insert(checkpoint.segment, seal);
        }
        self.keep_needed_signatures();
    }

    pub(crate) fn take_closed(&mut self) -> Vec<Arc<Segment>> {
        std::mem::take(&mut self.closed)
    }

    fn keep_needed_signatures(&mut self) {
        let checkpoint = self.checkpoint.first_seq();
        let newest: OrdMap<NodeId, u64> = self
            .signatures
            .keys()
            .map(|(records, node)| (*node, *records))
            .collect();
        self.keep_signatures(|records, node| records == checkpoint || newest.get(&node) == Some(&records));
    }

    /// There are two for each node, so that the table is made anew.
    fn keep_signatures(&mut self, needed: impl Fn(u64, NodeId) -> bool) {
        let kept = self
            .signatures
            .iter()
            .filter(|((records, node), _)| needed(*records, *node));
        self.signatures = kept.map(|(key, signature)| (*key, signature.clone())).collect();
    }

    fn close_segment(&mut self, stamp: Stamp) {
        let number = self.open_segment() - 1;
        let base = self
            .base(number)
            .expect("invariant: a segment is open after the one before it");
        let records: Vec<_> = std::mem::take(&mut self.open).values().cloned().collect();
        let seal = Seal {
            head: self.head,
            last_ms: stamp.ms,
            bytes: records.iter().map(|record| record.len() as u64).sum(),
        };
        self.seals.insert(number, seal);
        self.closed
            .push(Arc::new(Segment::new(number, base, self.head, records)));
    }
}
