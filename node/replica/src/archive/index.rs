//! The index over closed segments: one file of posting lists per segment, and every [`SEGMENTS_PER_MERGE`] of them merged into one, so
//! that a search opens few files. All of it is derived: what is damaged is removed and made again.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use quorate_core::audit::{AuditRecord, Segment};
use quorate_core::limits::RECORDS_PER_SEGMENT;
use quorate_storage::{PostingError, PostingStore, Span};

use super::shelf::span_of;
use super::{Shared, invalid};
use crate::limits::SEGMENTS_PER_MERGE;

/// The files that can be used, with their sizes; others are removed. Where a crash left parts beside the whole, the parts go.
pub(super) fn usable(index: &PostingStore) -> io::Result<BTreeMap<Span, u64>> {
    let mut found = index.list().map_err(io::Error::other)?;
    // Of those that begin alike, the longest first.
    found.sort_by_key(|span| (span.first, std::cmp::Reverse(span.records)));
    let mut spans = BTreeMap::new();
    let mut covered = 0;
    for span in found {
        if span.first >= covered && index.read(span).is_ok() {
            covered = span.end();
            spans.insert(span, index.bytes(span));
        } else {
            index.remove(span).map_err(io::Error::other)?;
        }
    }
    Ok(spans)
}

impl Shared {
    /// Adds a segment, and merges the files around it if it was the last that was missing.
    pub(super) fn add_to_index(&self, segment: &Segment, first_kept: u64) -> io::Result<()> {
        let mut postings = Vec::with_capacity(segment.records().len() * 6);
        for (place, bytes) in (0u32..).zip(segment.records()) {
            let record = AuditRecord::from_bytes(bytes).map_err(invalid)?;
            postings.extend(self.keys.of(&record).into_iter().map(|key| (key, place)));
        }
        postings.sort_unstable();
        postings.dedup();
        let span = span_of(segment.number());
        self.write_postings(span, &postings).map_err(io::Error::other)?;
        self.shelf.lock().add_span(span, self.index.bytes(span));
        self.merge_around(segment.number(), first_kept)
    }

    /// Every record in the range that has all keys. The range lies within one file.
    pub(super) fn search(
        &self,
        range: Range<u64>,
        keys: &[u64],
        ascending: bool,
        visit: &mut dyn FnMut(u64) -> bool,
    ) -> io::Result<()> {
        loop {
            let span = self.shelf.lock().span_of(range.start, range.end);
            let span = span.ok_or_else(|| invalid("these records are not in the index"))?;
            match self.index.read(span) {
                Ok(postings) => {
                    let searched = postings.search(range, keys, ascending, visit);
                    return searched.map_err(|error| self.give_up(span, error));
                }
                // Merged a moment ago: another file covers it now.
                Err(_) if self.shelf.lock().span_of(range.start, range.end) != Some(span) => {}
                Err(error) => return Err(self.give_up(span, error)),
            }
        }
    }

    /// A file of the index is not usable: its segments are to be indexed again.
    fn give_up(&self, span: Span, error: PostingError) -> io::Error {
        self.shelf.lock().remove_spans(&[span]);
        if let Err(error) = self.index.remove(span) {
            tracing::warn!(%error, "an index file could not be removed");
        }
        invalid(error)
    }

    fn write_postings(&self, span: Span, postings: &[(u64, u32)]) -> Result<(), PostingError> {
        let mut writer = self.index.create(span)?;
        for list in postings.chunk_by(|one, next| one.0 == next.0) {
            let places = list.iter().map(|(_, place)| *place);
            writer.add(list[0].0, places)?;
        }
        writer.finish()
    }

    fn merge_around(&self, segment: u64, first_kept: u64) -> io::Result<()> {
        let group = segment - segment % SEGMENTS_PER_MERGE;
        let members = group.max(first_kept)..group + SEGMENTS_PER_MERGE;
        let parts: Vec<Span> = members.map(span_of).collect();
        let complete = {
            let shelf = self.shelf.lock();
            let own_file = |part: &Span| shelf.span_of(part.first, part.end()) == Some(*part);
            parts.iter().all(own_file)
        };
        if !complete || parts.len() < 2 {
            return Ok(());
        }
        let whole = match self.index.merge(&parts) {
            Ok(whole) => whole,
            Err(error) => {
                // Which part it is was not asked: all are made again, which is the work of a few seconds.
                self.shelf.lock().remove_spans(&parts);
                return Err(invalid(error));
            }
        };
        {
            let mut shelf = self.shelf.lock();
            shelf.remove_spans(&parts);
            shelf.add_span(whole, self.index.bytes(whole));
        }
        for part in parts {
            self.index.remove(part).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

const _: () = assert!(
    SEGMENTS_PER_MERGE * RECORDS_PER_SEGMENT <= u32::MAX as u64,
    "postings of a merged file are 32 bits wide"
);
