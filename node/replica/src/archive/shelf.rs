//! What the archive knows of its files without looking at them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_core::audit::Segment;
use quorate_core::limits::RECORDS_PER_SEGMENT;
use quorate_storage::Span;

/// Segments by number, and the index by its first record.
#[derive(Default)]
pub(super) struct Shelf {
    /// There is a file.
    pub present: BTreeSet<u64>,
    /// Closed a moment ago, and no file yet.
    pub writing: BTreeMap<u64, Arc<Segment>>,
    /// Read since this node started, and genuine.
    pub checked: BTreeSet<u64>,
    /// Read, and not genuine.
    pub suspect: BTreeSet<u64>,
    /// Files of the index with their sizes. They do not overlap.
    spans: BTreeMap<Span, u64>,
}

impl Shelf {
    pub fn new(present: BTreeSet<u64>, spans: BTreeMap<Span, u64>) -> Self {
        Shelf {
            present,
            spans,
            ..Shelf::default()
        }
    }

    pub fn is_here(&self, segment: u64) -> bool {
        self.writing.contains_key(&segment) || self.present.contains(&segment) && !self.suspect.contains(&segment)
    }

    /// Whether nothing is to be done about a segment that is here.
    pub fn is_looked_after(&self, segment: u64) -> bool {
        self.checked.contains(&segment) && self.is_indexed(segment)
    }

    pub fn is_indexed(&self, segment: u64) -> bool {
        let span = span_of(segment);
        self.span_of(span.first, span.end()).is_some()
    }

    /// A segment that was closed here is on disk: its records were hashed as they came.
    pub fn written(&mut self, segment: u64) {
        self.writing.remove(&segment);
        self.suspect.remove(&segment);
        self.checked.insert(segment);
    }

    /// Forgets what lies wholly below a segment, and says which files that were.
    pub fn take_below(&mut self, first_kept: u64) -> (Vec<u64>, Vec<Span>) {
        let segments: Vec<u64> = self.present.range(..first_kept).copied().collect();
        self.present = self.present.split_off(&first_kept);
        self.checked = self.checked.split_off(&first_kept);
        self.suspect = self.suspect.split_off(&first_kept);
        let first_record = first_kept * RECORDS_PER_SEGMENT;
        let spans: Vec<Span> = self.spans().filter(|span| span.end() <= first_record).collect();
        self.spans.retain(|span, _| span.end() > first_record);
        (segments, spans)
    }

    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.spans.keys().copied()
    }

    /// The file of the index that covers these records.
    pub fn span_of(&self, first: u64, end: u64) -> Option<Span> {
        let upto = Span {
            first,
            records: u64::MAX,
        };
        let (span, _) = self.spans.range(..=upto).next_back()?;
        (end <= span.end()).then_some(*span)
    }

    pub fn add_span(&mut self, span: Span, bytes: u64) {
        self.spans.insert(span, bytes);
    }

    pub fn remove_spans(&mut self, spans: &[Span]) {
        self.spans.retain(|span, _| !spans.contains(span));
    }

    pub fn index_bytes(&self) -> u64 {
        self.spans.values().sum()
    }
}

/// The records of a segment.
pub(super) fn span_of(segment: u64) -> Span {
    Span {
        first: segment * RECORDS_PER_SEGMENT,
        records: RECORDS_PER_SEGMENT,
    }
}
