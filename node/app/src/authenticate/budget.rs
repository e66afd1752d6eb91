//! How many rejects of one client and source are worth a log entry each.
//!
//! Every reject is committed with its audit record, known user or not, until a flood has used up the budget of its
//! client and source. Then those that count nothing (an unknown name, a locked user, a used code, …) are rejected
//! locally, held back as long as a commit takes, and audited in one summary per interval. Wrong codes and wrong
//! passwords of known users are always committed: an uncounted guess would be a free one, and they end by themselves
//! in a lock or a delay.
//!
//! Pure: time is passed in.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use quorate_core::ClientId;

use crate::limits;

/// Whose budget it is.
pub(crate) type BudgetKey = (ClientId, IpAddr);

/// Rejects that were not committed, since the last summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uncommitted {
    pub(crate) rejects: u64,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

/// The budgets of all clients and sources.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    buckets: HashMap<BudgetKey, Bucket>,
    /// Shared by all for whom there was no room.
    overflow: Option<Bucket>,
    uncommitted: HashMap<BudgetKey, Uncommitted>,
}

/// A token bucket in thousandths of a reject, which is how many drip in per millisecond and unit of rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    milli_rejects: u64,
    at_ms: u64,
}

const FULL: u64 = limits::REJECT_BURST as u64 * 1000;

impl Bucket {
    const fn full(now_ms: u64) -> Self {
        Self {
            milli_rejects: FULL,
            at_ms: now_ms,
        }
    }

    fn refill(&mut self, now_ms: u64) {
        let dripped = now_ms.saturating_sub(self.at_ms) * u64::from(limits::REJECTS_PER_SECOND);
        self.milli_rejects = self.milli_rejects.saturating_add(dripped).min(FULL);
        self.at_ms = self.at_ms.max(now_ms);
    }

    fn take(&mut self, now_ms: u64) -> bool {
        self.refill(now_ms);
        let rest = self.milli_rejects.checked_sub(1000);
        self.milli_rejects = rest.unwrap_or(self.milli_rejects);
        rest.is_some()
    }
}

impl Budgets {
    /// Takes one reject out of the budget. False when there is none left.
    pub(crate) fn take(&mut self, key: BudgetKey, now_ms: u64) -> bool {
        if !self.buckets.contains_key(&key) && self.buckets.len() >= limits::BUDGETS {
            self.sweep(now_ms);
            if self.buckets.len() >= limits::BUDGETS {
                return self.overflow.get_or_insert(Bucket::full(now_ms)).take(now_ms);
            }
        }
        self.buckets.entry(key).or_insert(Bucket::full(now_ms)).take(now_ms)
    }

    /// Counts a reject that is not committed. When too many sources flood at once, a client's further ones are summed
    /// up under the unspecified address.
    pub(crate) fn note_uncommitted(&mut self, key: BudgetKey, now_ms: u64) {
        let crowded = self.uncommitted.len() >= limits::SUMMARIES && !self.uncommitted.contains_key(&key);
        let key = if crowded {
            (key.0, IpAddr::V6(Ipv6Addr::UNSPECIFIED))
        } else {
            key
        };
        let noted = self.uncommitted.entry(key).or_insert(Uncommitted {
            rejects: 0,
            from_ms: now_ms,
            to_ms: now_ms,
        });
        noted.rejects += 1;
        noted.to_ms = noted.to_ms.max(now_ms);
    }

    /// What was not committed since the last call.
    pub(crate) fn take_uncommitted(&mut self) -> Vec<(BudgetKey, Uncommitted)> {
        self.uncommitted.drain().collect()
    }

    /// Forgets budgets that are full again: a new one would be full, too.
    fn sweep(&mut self, now_ms: u64) {
        self.buckets.retain(|_, bucket| {
            bucket.refill(now_ms);
            bucket.milli_rejects < FULL
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn key(n: u32) -> BudgetKey {
        (ClientId(1), IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    #[test]
    fn a_burst_then_a_rate_and_nobody_else_pays() {
        let mut budgets = Budgets::default();
        let taken = |budgets: &mut Budgets, now_ms| (0..2000).filter(|_| budgets.take(key(1), now_ms)).count();
        assert_eq!(taken(&mut budgets, 0), limits::REJECT_BURST as usize);
        assert_eq!(taken(&mut budgets, 1_000), limits::REJECTS_PER_SECOND as usize);
        assert_eq!(taken(&mut budgets, 500), 0, "a clock that runs back gives nothing");
        assert!(budgets.take(key(2), 1_000));
    }

    #[test]
    fn the_table_is_bounded_and_newcomers_share_when_it_is_full() {
        let mut budgets = Budgets::default();
        for n in 0..limits::BUDGETS as u32 {
            assert!(budgets.take(key(n), 0));
        }
        let newcomers = (0..10_000).filter(|n| budgets.take(key(1_000_000 + n), 0)).count();
        assert_eq!(newcomers, limits::REJECT_BURST as usize);
        assert_eq!(budgets.buckets.len(), limits::BUDGETS);
        // A second later the old ones are full again and make room.
        assert!(budgets.take(key(1_000_000), 1_000));
        assert_eq!(budgets.buckets.len(), 1);
    }

    #[test]
    fn what_was_not_committed_is_summed_up_once() {
        let mut budgets = Budgets::default();
        for now_ms in [5, 9, 7] {
            budgets.note_uncommitted(key(1), now_ms);
        }
        let summary = Uncommitted {
            rejects: 3,
            from_ms: 5,
            to_ms: 9,
        };
        assert_eq!(budgets.take_uncommitted(), [(key(1), summary)]);
        assert_eq!(budgets.take_uncommitted(), []);
    }
}
