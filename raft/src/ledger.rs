//! What others have acknowledged to this node: log positions while it led, votes while it
//! campaigned.
//!
//! A peer whose disk lost the end of its log does not know it. We do: so a candidate whose log
//! ends below what it once acknowledged to us gets no vote, and a peer that restarts asks all of
//! us before it votes itself ([`crate::standing`]). The ledger is in memory; when everybody
//! restarts at once nobody can tell, and then the fsynced watermark of each log must do.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use quorate_storage::{LogId, Vote};

/// The highest position and vote one peer has acknowledged to us.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acknowledged {
    pub log: Option<LogId>,
    pub vote: Option<Vote>,
}

/// One [`Acknowledged`] per peer.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<u64, Acknowledged>>);

impl Ledger {
    pub fn of(&self, peer: u64) -> Acknowledged {
        self.0.lock().get(&peer).copied().unwrap_or_default()
    }

    pub fn record_log(&self, peer: u64, log: Option<LogId>) {
        let mut peers = self.0.lock();
        let known = peers.entry(peer).or_default();
        // A later leader may replace what an earlier one had replicated, never the reverse.
        known.log = known.log.max(log);
    }

    pub fn record_vote(&self, peer: u64, vote: Vote) {
        let mut peers = self.0.lock();
        let known = peers.entry(peer).or_default();
        known.vote = known.vote.max(Some(vote));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_highest_counts() {
        let ledger = Ledger::default();
        let at = |term, index| Some(LogId { term, node: 1, index });
        ledger.record_log(7, at(2, 10));
        ledger.record_log(7, at(1, 99));
        assert_eq!(ledger.of(7).log, at(2, 10));
        ledger.record_log(7, None);
        assert_eq!(ledger.of(7).log, at(2, 10));
        assert_eq!(ledger.of(8).log, None);
    }
}
