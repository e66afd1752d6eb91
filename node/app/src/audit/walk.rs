//! The audit as one sequence of records: closed segments behind the archive, and the open records in the state.

use std::ops::Range;
use std::sync::Arc;

use quorate_core::audit::{AuditRecord, Chain, Segment};
use quorate_core::{State, limits as core_limits};

use super::AuditError;
use crate::ports::AuditArchive;

/// The audit as of one state.
pub(super) struct Walk {
    state: Arc<State>,
    archive: Arc<dyn AuditArchive>,
}

impl Walk {
    pub(super) fn new(state: Arc<State>, archive: Arc<dyn AuditArchive>) -> Self {
        Self { state, archive }
    }

    pub(super) fn chain(&self) -> &Chain {
        self.state.audit()
    }

    pub(super) fn archive(&self) -> &dyn AuditArchive {
        &*self.archive
    }

    /// All records there are, by number.
    pub(super) fn records(&self) -> Range<u64> {
        self.chain().checkpoint().first_seq()..self.chain().next_seq()
    }

    /// The records that are still in memory.
    pub(super) fn open(&self) -> Range<u64> {
        first_record(self.chain().open_segment())..self.chain().next_seq()
    }

    /// A closed segment: from the state while it holds it, else from the archive.
    pub(super) fn segment(&self, number: u64) -> Result<Arc<Segment>, AuditError> {
        let mut in_memory = self.chain().closed_segments().iter();
        if let Some(segment) = in_memory.find(|segment| segment.number() == number) {
            return Ok(Arc::clone(segment));
        }
        self.archive
            .segment(number)
            .map_err(|source| AuditError::Segment { number, source })
    }

    /// One record, without reading the others of its segment.
    pub(super) fn record(&self, seq: u64) -> Result<AuditRecord, AuditError> {
        let number = segment_of(seq);
        let place = (seq % core_limits::RECORDS_PER_SEGMENT) as usize;
        if self.open().contains(&seq) {
            let bytes = self.chain().open_record(seq).map_or(&[][..], |bytes| bytes);
            return Ok(AuditRecord::from_bytes(bytes)?);
        }
        match self
            .chain()
            .closed_segments()
            .iter()
            .find(|segment| segment.number() == number)
        {
            Some(segment) => {
                let bytes = segment.records().get(place).map_or(&[][..], |bytes| bytes);
                Ok(AuditRecord::from_bytes(bytes)?)
            }
            None => self
                .archive
                .record(seq)
                .map_err(|source| AuditError::Segment { number, source }),
        }
    }

    /// The records of this time among these. Time never falls along the chain, so they adjoin.
    pub(super) fn within(
        &self,
        records: Range<u64>,
        since_ms: Option<u64>,
        until_ms: Option<u64>,
    ) -> Result<Range<u64>, AuditError> {
        let start = since_ms.map_or(Ok(records.start), |since_ms| self.first_at(since_ms))?;
        let end = until_ms.map_or(Ok(records.end), |until_ms| self.first_at(until_ms))?;
        Ok(start.max(records.start)..end.min(records.end))
    }

    /// The first record at or after a time.
    fn first_at(&self, at_ms: u64) -> Result<u64, AuditError> {
        let segment = self
            .chain()
            .seals()
            .find(|(_, seal)| seal.last_ms >= at_ms)
            .map_or(self.chain().open_segment(), |(number, _)| number);
        let mut low = first_record(segment);
        let mut high = first_record(segment + 1).min(self.records().end);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.record(middle)?.at_ms < at_ms {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }
}

pub(super) const fn segment_of(seq: u64) -> u64 {
    seq / core_limits::RECORDS_PER_SEGMENT
}

pub(super) const fn first_record(segment: u64) -> u64 {
    segment.saturating_mul(core_limits::RECORDS_PER_SEGMENT)
}
