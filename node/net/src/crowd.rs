//! Whether logins queue up: more come than are judged, and each waits for those before it.
//!
//! A queue that only ever grows to its limit is no help: what leaves it is then as old as the queue is long, the NAS has asked again or
//! given up, and the work was for nothing. As in CoDel (RFC 8289 §3), what tells a queue that stands from a burst is the *quickest* way
//! through it within a while: logins that wait for a slow password hash or a slow directory are not the quickest ones.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::{CROWD, CROWD_PATIENCE, CROWD_WINDOW};

pub(crate) struct Crowd {
    windows: Mutex<Windows>,
}

struct Windows {
    begun: Instant,
    /// Of the accepts in this window.
    quickest: Option<Duration>,
    /// Of those in the last window that had any.
    before: Duration,
}

impl Crowd {
    pub(crate) fn new(now: Instant) -> Self {
        let windows = Windows {
            begun: now,
            quickest: None,
            before: Duration::ZERO,
        };
        Self {
            windows: Mutex::new(windows),
        }
    }

    /// A login was accepted, so long after it came. Rejects do not count: some of them are judged without waiting for anything.
    pub(crate) fn accepted(&self, took: Duration, now: Instant) {
        let mut windows = self.windows.lock();
        windows.turn(now);
        windows.quickest = Some(windows.quickest.map_or(took, |quickest| quickest.min(took)));
    }

    /// Whether one more login would only make all of them late, while so many are in hand.
    pub(crate) fn stands(&self, in_flight: usize, now: Instant) -> bool {
        if in_flight < CROWD {
            return false;
        }
        let mut windows = self.windows.lock();
        windows.turn(now);
        windows.before > CROWD_PATIENCE
    }
}

impl Windows {
    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.begun);
        if age < CROWD_WINDOW {
            return;
        }
        match self.quickest.take() {
            Some(quickest) => self.before = quickest,
            // Nobody was accepted for a while, so nobody knows: a leader may have gone, or the night may have passed.
            None if age > 2 * CROWD_PATIENCE => self.before = Duration::ZERO,
            None => return,
        }
        self.begun = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(900);
    const QUICK: Duration = Duration::from_millis(9);

    /// A crowd, and its time: windows that have passed.
    fn crowd() -> (Crowd, impl Fn(u32) -> Instant) {
        let begun = Instant::now();
        (Crowd::new(begun), move |windows| begun + CROWD_WINDOW * windows)
    }

    #[test]
    fn a_queue_stands_when_even_the_quickest_is_slow() {
        let (crowd, at) = crowd();
        crowd.accepted(SLOW, at(0));
        assert!(!crowd.stands(CROWD, at(0)), "the window is not over");
        assert!(crowd.stands(CROWD, at(1)));
        assert!(!crowd.stands(CROWD - 1, at(1)), "so few are no crowd");
        crowd.accepted(SLOW, at(1));
        crowd.accepted(QUICK, at(1));
        assert!(!crowd.stands(CROWD, at(2)), "one came through quickly");
    }

    #[test]
    fn some_that_are_slow_make_no_crowd() {
        let (crowd, at) = crowd();
        for window in 0..20 {
            (0..100).for_each(|_| crowd.accepted(SLOW, at(window)));
            crowd.accepted(QUICK, at(window));
            assert!(!crowd.stands(100 * CROWD, at(window)));
        }
    }

    #[test]
    fn what_was_is_forgotten_when_nobody_is_accepted_any_more() {
        let (crowd, at) = crowd();
        crowd.accepted(SLOW, at(0));
        assert!(crowd.stands(CROWD, at(1)));
        assert!(crowd.stands(CROWD, at(2)));
        assert!(!crowd.stands(CROWD, at(1) + 3 * CROWD_PATIENCE));
    }
}
