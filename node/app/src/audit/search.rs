//! Finding records that match a filter, from either end of a range.
//!
//! Where an index covers the range, it names the records that have all keys of the filter, and only those are read. Where it
//! does not (it is being built), whole segments are read, as long as the deadline permits: an answer is late then and
//! may have to be continued, but it is never wrong.

use std::ops::Range;
use std::time::Instant;

use quorate_core::audit::AuditRecord;

use super::AuditError;
use super::filter::AuditFilter;
use super::walk::{Walk, first_record, segment_of};
use crate::ports::Order;

/// What a search came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// In the order of the search.
    pub(super) records: Vec<AuditRecord>,
    /// What was not looked at any more: the limit or the deadline was reached.
    pub(super) left: Range<u64>,
    /// Records that were looked for and could not be read on this node.
    pub(super) unavailable: u64,
}

/// What to look for.
pub(super) struct Search<'a> {
    pub(super) walk: &'a Walk,
    pub(super) filter: &'a AuditFilter,
    /// Of the filter. With none, every record of the time matches.
    pub(super) keys: Vec<u64>,
    pub(super) order: Order,
    pub(super) limit: usize,
    pub(super) deadline: Instant,
}

/// Adjoining records, and where they are found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Open(Range<u64>),
    Indexed(Range<u64>),
    /// Of one segment.
    Plain(Range<u64>),
}

impl Search<'_> {
    /// Searches these records.
    pub(super) fn run(&self, range: Range<u64>) -> Result<Found, AuditError> {
        let all = self.walk.records();
        let range = range.start.max(all.start)..range.end.min(all.end);
        let range = match self
            .walk
            .within(range.clone(), self.filter.since_ms, self.filter.until_ms)
        {
            Ok(within) => within,
            // The record at the edge of the time is not here; the filter looks at each instead.
            Err(AuditError::Segment { .. }) => range,
            Err(error) => return Err(error),
        };
        let mut found = Found {
            records: Vec::new(),
            left: range.clone(),
            unavailable: 0,
        };
        for piece in self.pieces(range) {
            if found.records.len() >= self.limit || Instant::now() >= self.deadline {
                break;
            }
            self.search(&piece, &mut found)?;
        }
        Ok(found)
    }

    fn search(&self, piece: &Piece, found: &mut Found) -> Result<(), AuditError> {
        match piece {
            Piece::Open(range) => self.search_open(range, found),
            Piece::Plain(range) if self.keys.is_empty() => self.take_each(range, found),
            Piece::Plain(range) => self.search_segment(range, found),
            Piece::Indexed(range) => match self.search_indexed(range, found) {
                Err(AuditError::Archive(error)) => {
                    tracing::warn!(%error, "a part of the audit's index is not usable; it is made anew");
                    self.search_plainly(&found.left.clone(), range, found)
                }
                other => other,
            },
        }
    }

    fn search_open(&self, range: &Range<u64>, found: &mut Found) -> Result<(), AuditError> {
        let chain = self.walk.chain();
        let open = || chain.open_records().filter(|(seq, _)| range.contains(seq));
        let more = match self.order {
            Order::OldestFirst => self.take_all(open().map(|(_, bytes)| &**bytes), found)?,
            Order::NewestFirst => self.take_all(open().rev().map(|(_, bytes)| &**bytes), found)?,
        };
        self.pass_if(more, range, found);
        Ok(())
    }

    /// Records of one segment when all match: as many as are wanted, without the rest of it.
    fn take_each(&self, range: &Range<u64>, found: &mut Found) -> Result<(), AuditError> {
        let mut left = range.clone();
        let next = |left: &mut Range<u64>| match self.order {
            Order::OldestFirst => left.next(),
            Order::NewestFirst => left.next_back(),
        };
        while let Some(seq) = next(&mut left) {
            match self.walk.record(seq) {
                Ok(record) => {
                    if !self.take(record, found) {
                        return Ok(());
                    }
                }
                Err(AuditError::Segment { .. }) => {
                    found.unavailable += left.end - left.start + 1;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.pass_if(true, range, found);
        Ok(())
    }

    fn search_segment(&self, range: &Range<u64>, found: &mut Found) -> Result<(), AuditError> {
        let number = segment_of(range.start);
        let segment = match self.walk.segment(number) {
            Ok(segment) => segment,
            Err(AuditError::Segment { .. }) => {
                found.unavailable += range.end - range.start;
                self.pass_if(true, range, found);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let first = first_record(number);
        let places = (range.start - first) as usize..(range.end - first) as usize;
        let records = segment.records().get(places).unwrap_or_default();
        let more = match self.order {
            Order::OldestFirst => self.take_all(records.iter().map(|bytes| &**bytes), found)?,
            Order::NewestFirst => self.take_all(records.iter().rev().map(|bytes| &**bytes), found)?,
        };
        self.pass_if(more, range, found);
        Ok(())
    }

    /// All segments of a piece whose index failed, as far as they are still to be looked at.
    fn search_plainly(&self, left: &Range<u64>, range: &Range<u64>, found: &mut Found) -> Result<(), AuditError> {
        let range = range.start.max(left.start)..range.end.min(left.end);
        for piece in self.in_order(plain(&range)) {
            if found.records.len() >= self.limit || Instant::now() >= self.deadline {
                break;
            }
            self.search(&piece, found)?;
        }
        Ok(())
    }

    fn search_indexed(&self, range: &Range<u64>, found: &mut Found) -> Result<(), AuditError> {
        let mut failed = None;
        let mut more = true;
        self.walk
            .archive()
            .search(range.clone(), &self.keys, self.order, &mut |seq| {
                let taken = match self.walk.record(seq) {
                    Ok(record) => Ok(self.take(record, found)),
                    Err(AuditError::Segment { .. }) => {
                        found.unavailable += 1;
                        self.pass(seq, found);
                        Ok(true)
                    }
                    Err(error) => Err(error),
                };
                more = taken.as_ref().is_ok_and(|more| *more);
                failed = taken.err();
                more
            })?;
        match failed {
            Some(error) => Err(error),
            None => {
                self.pass_if(more, range, found);
                Ok(())
            }
        }
    }

    /// False once there are enough.
    fn take_all<'a>(&self, records: impl Iterator<Item = &'a [u8]>, found: &mut Found) -> Result<bool, AuditError> {
        for bytes in records {
            if !self.take(AuditRecord::from_bytes(bytes)?, found) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks at one record. False once there are enough.
    fn take(&self, record: AuditRecord, found: &mut Found) -> bool {
        self.pass(record.seq, found);
        if self.filter.matches(&record) {
            found.records.push(record);
        }
        found.records.len() < self.limit
    }

    /// Notes that the search has gone past a record.
    fn pass(&self, seq: u64, found: &mut Found) {
        match self.order {
            Order::OldestFirst => found.left.start = seq + 1,
            Order::NewestFirst => found.left.end = seq,
        }
    }

    fn pass_if(&self, all: bool, range: &Range<u64>, found: &mut Found) {
        match self.order {
            _ if !all => {}
            Order::OldestFirst => found.left.start = range.end,
            Order::NewestFirst => found.left.end = range.start,
        }
    }

    /// The range in pieces, in the order of the search.
    fn pieces(&self, range: Range<u64>) -> Vec<Piece> {
        let open = self.walk.open();
        let closed = range.start..range.end.min(open.start);
        let mut pieces = Vec::new();
        let mut at = closed.start;
        let indexed = match self.keys.is_empty() {
            true => Vec::new(),
            false => self.walk.archive().indexed(),
        };
        for span in indexed {
            let span = span.start.max(at)..span.end.min(closed.end);
            if !span.is_empty() {
                pieces.extend(plain(&(at..span.start)));
                at = span.end;
                pieces.push(Piece::Indexed(span));
            }
        }
        pieces.extend(plain(&(at..closed.end)));
        let open = range.start.max(open.start)..range.end;
        if !open.is_empty() {
            pieces.push(Piece::Open(open));
        }
        self.in_order(pieces)
    }

    fn in_order(&self, mut pieces: Vec<Piece>) -> Vec<Piece> {
        if self.order == Order::NewestFirst {
            pieces.reverse();
        }
        pieces
    }
}

/// A range cut where segments end.
fn plain(range: &Range<u64>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let end = first_record(segment_of(at) + 1).min(range.end);
        pieces.push(Piece::Plain(at..end));
        at = end;
    }
    pieces
}
