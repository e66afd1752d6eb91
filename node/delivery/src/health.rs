//! How a gateway has been doing: what decides who is asked last, and what an operator wants to see.
//!
//! A gateway that failed several times in a row *backs off*: for a while it is asked after all others. It is never left out: when it is the only one,
//! it is asked, because a code that may not arrive is better than one that is not sent.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    attempt::{Blame, Outcome},
    limits::{BACKOFF, BACKOFF_MAX, FAILURES_BEFORE_BACKOFF},
};

/// Counts and health of one gateway; outlives a change of its settings.
#[derive(Default)]
pub(crate) struct Health {
    now: Mutex<Now>,
    sent: AtomicU64,
    failed: AtomicU64,
    unknown: AtomicU64,
    rate_limited: AtomicU64,
}

#[derive(Default)]
struct Now {
    consecutive_failures: u32,
    backing_off_until: Option<Instant>,
    last_success: Option<Instant>,
    last_error: Option<(String, Instant)>,
}

/// What is counted of a gateway, since the process started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Messages that it has taken.
    pub sent: u64,
    /// Attempts by which it certainly did not take one: refused, unreachable.
    pub failed: u64,
    /// Attempts after which nobody knows.
    pub unknown: u64,
    /// Messages it was not offered because of its rate.
    pub rate_limited: u64,
}

/// How a gateway is doing, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// Its name.
    pub name: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Why it cannot be used at all (a CA file that is missing on this node); empty if it can.
    pub unusable: String,
    /// Failures since the last success. A refusal of one message is none.
    pub consecutive_failures: u32,
    /// For how long it is asked after all others.
    pub backing_off_for: Option<Duration>,
    /// How long ago it took a message.
    pub last_success: Option<Duration>,
    /// What went wrong last, and how long ago.
    pub last_error: Option<(String, Duration)>,
    /// Counts.
    pub counters: Counters,
}

impl Health {
    /// Takes note of an attempt, and says whether the gateway has just begun to back off.
    pub(crate) fn record(&self, outcome: &Outcome, blame: Blame, now: Instant) -> bool {
        let counter = match outcome {
            Outcome::Accepted { .. } => &self.sent,
            Outcome::Refused { .. } | Outcome::Unreachable { .. } => &self.failed,
            Outcome::Unknown { .. } => &self.unknown,
            Outcome::RateLimited { .. } => &self.rate_limited,
            Outcome::TooLate => return false,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut state = self.now.lock();
        match outcome {
            Outcome::Accepted { .. } => {
                state.consecutive_failures = 0;
                state.backing_off_until = None;
                state.last_success = Some(now);
                false
            }
            Outcome::RateLimited { .. } | Outcome::TooLate => false,
            Outcome::Refused { .. } | Outcome::Unreachable { .. } | Outcome::Unknown { .. } => {
                state.last_error = Some((outcome.to_string(), now));
                match blame {
                    Blame::Gateway => state.fail(now),
                    Blame::Busy => state.fail_at_once(now),
                    Blame::Message | Blame::Recipient => false,
                }
            }
        }
    }

    pub(crate) fn is_backing_off(&self, now: Instant) -> bool {
        self.now.lock().backing_off_until.is_some_and(|until| now < until)
    }

    pub(crate) fn status(&self, name: &str, enabled: bool, unusable: &str, now: Instant) -> GatewayStatus {
        let state = self.now.lock();
        let ago = |then: Instant| now.saturating_duration_since(then);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GatewayStatus {
            name: name.to_owned(),
            enabled,
            unusable: unusable.to_owned(),
            consecutive_failures: state.consecutive_failures,
            backing_off_for: state
                .backing_off_until
                .and_then(|until| until.checked_duration_since(now)),
            last_success: state.last_success.map(ago),
            last_error: state.last_error.clone().map(|(error, then)| (error, ago(then))),
            counters: Counters {
                sent: read(&self.sent),
                failed: read(&self.failed),
                unknown: read(&self.unknown),
                rate_limited: read(&self.rate_limited),
            },
        }
    }
}

impl Now {
    /// As if it had failed often enough already: it asked for it.
    fn fail_at_once(&mut self, now: Instant) -> bool {
        self.consecutive_failures = self.consecutive_failures.max(FAILURES_BEFORE_BACKOFF - 1);
        self.fail(now)
    }

    fn fail(&mut self, now: Instant) -> bool {
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        let Some(beyond) = self.consecutive_failures.checked_sub(FAILURES_BEFORE_BACKOFF) else {
            return false;
        };
        let backoff = BACKOFF.saturating_mul(1 << beyond.min(16)).min(BACKOFF_MAX);
        self.backing_off_until = Some(now + backoff);
        beyond == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable() -> Outcome {
        Outcome::Unreachable {
            reason: "gone".to_owned(),
        }
    }

    #[test]
    fn failures_in_a_row_make_it_back_off_ever_longer() {
        let (health, begun) = (Health::default(), Instant::now());
        let fail = || health.record(&unreachable(), Blame::Gateway, begun);
        assert!(!fail() && !fail() && !health.is_backing_off(begun));
        assert!(fail(), "the third is told");
        assert!(health.is_backing_off(begun) && !health.is_backing_off(begun + BACKOFF));
        assert!(!fail());
        assert!(health.is_backing_off(begun + BACKOFF) && !health.is_backing_off(begun + BACKOFF * 2));
        (0..100).for_each(|_| assert!(!fail()));
        assert!(!health.is_backing_off(begun + BACKOFF_MAX));
        let accepted = Outcome::Accepted {
            answer: String::new(),
            reference: None,
        };
        health.record(&accepted, Blame::Gateway, begun);
        assert!(!health.is_backing_off(begun));
        let status = health.status("a", true, "", begun);
        assert_eq!(
            (
                status.consecutive_failures,
                status.counters.sent,
                status.counters.failed
            ),
            (0, 1, 104)
        );
        assert_eq!(status.last_error.unwrap().0, "unreachable: gone");
    }

    #[test]
    fn who_says_that_it_has_too_much_to_do_is_spared_at_once() {
        let (health, begun) = (Health::default(), Instant::now());
        let refused = Outcome::Refused {
            answer: "too much".to_owned(),
        };
        assert!(health.record(&refused, Blame::Busy, begun), "the first is told");
        assert!(health.is_backing_off(begun) && !health.is_backing_off(begun + BACKOFF));
        assert!(!health.record(&refused, Blame::Busy, begun));
        assert!(health.is_backing_off(begun + BACKOFF) && !health.is_backing_off(begun + BACKOFF * 2));
    }

    #[test]
    fn numbers_that_do_not_exist_are_not_the_gateways_fault() {
        let (health, begun) = (Health::default(), Instant::now());
        let refused = Outcome::Refused {
            answer: "no such number".to_owned(),
        };
        (0..100).for_each(|_| assert!(!health.record(&refused, Blame::Message, begun)));
        assert!(!health.is_backing_off(begun));
        assert_eq!(health.status("a", true, "", begun).counters.failed, 100);
    }
}
