//! What waits for one server, what it was sent and might not have, and what was lost. Pure: time is passed in.
//!
//! Messages leave in the order in which they came. Those that were lost because the queue was full are represented in their place by one
//! message that says how many and when. A broken connection puts the newest that were written back to the front.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits;

/// One message, framed.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub frame: Arc<[u8]>,
    /// Its number in the audit.
    pub seq: Option<u64>,
    pub origin: Source,
}

/// Where an entry comes from, which decides how it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Offered, and not yet written.
    Offered,
    /// Written before, and perhaps not arrived.
    Repeated,
    /// Our own word about a loss: beyond the capacity, for it must always fit.
    Loss,
}

/// Messages that were lost for want of room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub count: u64,
    /// Times of the first and the last of them, in ms since 1970.
    pub from_ms: u64,
    pub to_ms: u64,
    /// Numbers of the first and the last that had one.
    pub seqs: Option<(u64, u64)>,
}

/// Sums since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub sent: u64,
    pub repeated: u64,
    pub lost: u64,
}

pub(super) struct Queue {
    capacity: usize,
    repeat_age: Duration,
    waiting: VecDeque<Entry>,
    /// Of those waiting, the ones that were offered.
    offered: usize,
    gap: Option<Gap>,
    /// Written on this connection, newest last.
    written: VecDeque<(Instant, Entry)>,
    written_bytes: usize,
    counts: Counts,
}

impl Queue {
    pub fn new(capacity: usize, repeat_age: Duration) -> Self {
        Queue {
            capacity,
            repeat_age,
            waiting: VecDeque::new(),
            offered: 0,
            gap: None,
            written: VecDeque::new(),
            written_bytes: 0,
            counts: Counts::default(),
        }
    }

    pub fn is_full(&self) -> bool {
        self.offered >= self.capacity
    }

    /// Messages that wait, not counting those that are repeated.
    pub fn len(&self) -> usize {
        self.offered
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Puts a message behind the others; false if there is no room, and then it is counted. `report` makes the message for a
    /// loss that came before it.
    pub fn offer(&mut self, entry: Entry, at_ms: u64, report: impl Fn(&Gap) -> Entry) -> bool {
        if self.is_full() {
            self.lose(at_ms, entry.seq);
            return false;
        }
        self.report_gap(report);
        self.offered += 1;
        self.waiting.push_back(entry);
        true
    }

    fn lose(&mut self, at_ms: u64, seq: Option<u64>) {
        self.counts.lost += 1;
        let gap = self.gap.get_or_insert(Gap {
            count: 0,
            from_ms: at_ms,
            to_ms: at_ms,
            seqs: None,
        });
        gap.count += 1;
        gap.from_ms = gap.from_ms.min(at_ms);
        gap.to_ms = gap.to_ms.max(at_ms);
        if let Some(seq) = seq {
            let (first, _) = gap.seqs.unwrap_or((seq, seq));
            gap.seqs = Some((first, seq));
        }
    }

    fn report_gap(&mut self, report: impl Fn(&Gap) -> Entry) {
        if let Some(gap) = self.gap.take() {
            self.waiting.push_back(report(&gap));
        }
    }

    /// The next messages to write, oldest first: about so many bytes, at least one if any waits. They stay until [`Queue::wrote`].
    pub fn batch(&mut self, bytes: usize, report: impl Fn(&Gap) -> Entry) -> Vec<Arc<[u8]>> {
        if self.waiting.is_empty() {
            self.report_gap(report);
        }
        let mut left = bytes;
        let mut batch = Vec::new();
        for entry in &self.waiting {
            if !batch.is_empty() && entry.frame.len() > left {
                break;
            }
            left = left.saturating_sub(entry.frame.len());
            batch.push(entry.frame.clone());
        }
        batch
    }

    /// The first so many were handed to the kernel.
    pub fn wrote(&mut self, count: usize, now: Instant) {
        for entry in self.waiting.drain(..count.min(self.waiting.len())) {
            match entry.origin {
                Source::Offered => {
                    self.offered -= 1;
                    self.counts.sent += 1;
                }
                Source::Repeated => self.counts.repeated += 1,
                Source::Loss => {}
            }
            self.written_bytes += entry.frame.len();
            self.written.push_back((now, entry));
        }
        self.settle(now);
    }

    /// Forgets what must have arrived by now, or is too much to keep.
    fn settle(&mut self, now: Instant) {
        while let Some((at, entry)) = self.written.front() {
            let old = now.saturating_duration_since(*at) >= self.repeat_age;
            if !old && self.written_bytes <= limits::REPEAT_BYTES {
                break;
            }
            self.written_bytes -= entry.frame.len();
            self.written.pop_front();
        }
    }

    /// The connection broke: what may not have arrived goes to the front again.
    pub fn broken(&mut self, now: Instant) {
        self.settle(now);
        for (_, mut entry) in self.written.drain(..).rev() {
            if entry.origin == Source::Offered {
                entry.origin = Source::Repeated;
            }
            self.waiting.push_front(entry);
        }
        self.written_bytes = 0;
    }

    /// Everything written has arrived.
    pub fn arrived(&mut self) {
        self.written.clear();
        self.written_bytes = 0;
    }

    pub fn is_drained(&self) -> bool {
        self.waiting.is_empty() && self.gap.is_none()
    }

    /// The number of the oldest record that waits or may still have to be repeated.
    pub fn oldest_unsettled(&mut self, now: Instant) -> Option<u64> {
        self.settle(now);
        let written = self.written.iter().map(|(_, entry)| entry);
        written.chain(&self.waiting).find_map(|entry| entry.seq)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
