//! Walking over closed segments and open records as one sequence.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use quorate_core::audit::{self, AuditRecord, Head, Segment, Verified};
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

    /// Calls `visit` with records below `before`, newest first, until it says false.
    pub(super) fn newest_first(
        &self,
        before: Option<u64>,
        mut visit: impl FnMut(AuditRecord) -> bool,
    ) -> Result<(), AuditError> {
        let before = before.unwrap_or(u64::MAX);
        for (seq, bytes) in self.state.audit().open_records().rev() {
            if seq < before && !visit(AuditRecord::from_bytes(bytes)?) {
                return Ok(());
            }
        }
        for number in self.segment_numbers()?.into_iter().rev() {
            if first_record(number) >= before {
                continue;
            }
            for bytes in self.segment(number)?.records().iter().rev() {
                let record = AuditRecord::from_bytes(bytes)?;
                if record.seq < before && !visit(record) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Calls `visit` with records from number `from` on, oldest first, until it says false.
    pub(super) fn oldest_first(&self, from: u64, mut visit: impl FnMut(AuditRecord) -> bool) -> Result<(), AuditError> {
        for number in self.segment_numbers()? {
            if first_record(number + 1) <= from {
                continue;
            }
            for bytes in self.segment(number)?.records() {
                let record = AuditRecord::from_bytes(bytes)?;
                if record.seq >= from && !visit(record) {
                    return Ok(());
                }
            }
        }
        for (seq, bytes) in self.state.audit().open_records() {
            if seq >= from && !visit(AuditRecord::from_bytes(bytes)?) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One segment is in memory at a time, so that years can be verified on a small node.
    pub(super) fn verify(&self, expected_head: Option<Head>) -> Result<Verified, AuditError> {
        let chain = self.state.audit();
        let failed = RefCell::new(None);
        let segments = self.segment_numbers()?.into_iter().map_while(|number| {
            self.segment(number)
                .map_err(|error| failed.borrow_mut().replace(error))
                .ok()
        });
        let open = chain.open_records().map(|(_, bytes)| bytes);
        let verified = audit::verify(segments, open, expected_head.unwrap_or(chain.head()));
        match failed.into_inner() {
            Some(error) => Err(error),
            None => Ok(verified?),
        }
    }

    /// Closed segments, ascending: files, and those that the state holds until they are files. A file may be newer
    /// than the state of this walk; its records come later.
    fn segment_numbers(&self) -> Result<Vec<u64>, AuditError> {
        let closed = self.state.audit().next_seq() / core_limits::RECORDS_PER_SEGMENT;
        let mut numbers = self.archive.list()?;
        numbers.extend(
            self.state
                .audit()
                .closed_segments()
                .iter()
                .map(|segment| segment.number()),
        );
        numbers.retain(|number| *number < closed);
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    fn segment(&self, number: u64) -> Result<Arc<Segment>, AuditError> {
        let mut in_memory = self.state.audit().closed_segments().iter();
        if let Some(segment) = in_memory.find(|segment| segment.number() == number) {
            return Ok(Arc::clone(segment));
        }
        let segment = Segment::from_bytes(&self.archive.read(number)?)?;
        if segment.number() == number {
            Ok(Arc::new(segment))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the file holds another segment").into())
        }
    }
}

const fn first_record(segment: u64) -> u64 {
    segment.saturating_mul(core_limits::RECORDS_PER_SEGMENT)
}
