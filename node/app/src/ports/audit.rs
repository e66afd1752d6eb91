//! Closed audit segments and their index, and the signing of heads.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use quorate_core::NodeId;
use quorate_core::audit::{AuditRecord, Chain, Head, HeadSignature, Segment};

/// Audit segments that were closed, and an index that finds records in them.
pub trait AuditArchive: Send + Sync + 'static {
    /// A closed segment; every byte of its file was checked.
    ///
    /// # Errors
    /// It is missing, unreadable or damaged; from then on the archive sees to getting it again.
    fn segment(&self, number: u64) -> io::Result<Arc<Segment>>;

    /// One record of a closed segment; its bytes were checked.
    ///
    /// # Errors
    /// As [`AuditArchive::segment`].
    fn record(&self, seq: u64) -> io::Result<AuditRecord>;

    /// The records that the index covers, as adjoining ranges, ascending and without overlap.
    fn indexed(&self) -> Vec<Range<u64>>;

    /// Calls `visit` with the number of every record in `range` that has all these keys, until it says false. The range lies
    /// within one of [`AuditArchive::indexed`].
    ///
    /// # Errors
    /// That part of the index cannot be read; from then on it is not among `indexed` until it was made again.
    fn search(
        &self,
        range: Range<u64>,
        keys: &[u64],
        order: Order,
        visit: &mut dyn FnMut(u64) -> bool,
    ) -> io::Result<()>;

    /// How much of this chain is here.
    fn standing(&self, chain: &Chain) -> ArchiveStanding;
}

/// From which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// How much of the audit is on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArchiveStanding {
    /// Closed segments that there should be.
    pub segments: u64,
    /// Those of them that are missing or damaged here.
    pub missing: u64,
    /// Those that were read and found to be the genuine ones since this node started.
    pub checked: u64,
    /// Those that the index covers.
    pub indexed: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
}

/// Signs heads in this node's name, and knows the signatures of all nodes.
pub trait HeadSigner: Send + Sync + 'static {
    /// This node's word for the head over so many records; none if it has no key.
    fn sign(&self, records: u64, head: &Head) -> Option<HeadSignature>;

    /// Whose good signature this is over that head; none if nobody's in this cluster.
    fn signer(&self, records: u64, head: &Head, signature: &HeadSignature) -> Option<NodeId>;
}
