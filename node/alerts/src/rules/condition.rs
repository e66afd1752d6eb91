//! One thing that is on or off, and when that is worth a message.
//!
//! ```text
//!          on                  after + hold-down: begun
//! Quiet ────────▶ Pending ───────────────────────────────▶ Raised ─┐ happened again, once an interval: continues
//!   ▲ ▲  off early  │ │                                     │   ▲──┘
//!   │ └─────────────┘ │ off, but it counted: over           │
//!   └─────────────────┴──────────────────────────────── off for a while: over
//! ```
//!
//! What comes on and goes off again shortly after is one course, and counted.

use super::Phase;
use crate::limits;

/// How long a course that does not change stays unmentioned: a reminder a day.
const REMIND_MS: u64 = 86_400_000;

/// When messages are due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// It must have lasted so long to be worth a word.
    pub after_ms: u64,
    /// Between two messages that it began or goes on.
    pub interval_ms: u64,
}

/// See above.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    state: State,
    /// When the last message was due that is subject to hold-down.
    told_ms: Option<u64>,
    /// Times it came on since the last message.
    count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Quiet,
    /// Nobody knows yet. `off_ms` if it is over, and counted.
    Pending {
        since_ms: u64,
        off_ms: Option<u64>,
    },
    /// Somebody was told.
    Raised {
        since_ms: u64,
        off_ms: Option<u64>,
    },
}

/// What is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct News {
    pub phase: Phase,
    pub count: u64,
    pub since_ms: u64,
}

impl Condition {
    pub fn new() -> Self {
        Condition {
            state: State::Quiet,
            told_ms: None,
            count: 0,
        }
    }

    pub fn is_on(&self) -> bool {
        matches!(
            self.state,
            State::Pending { off_ms: None, .. } | State::Raised { off_ms: None, .. }
        )
    }

    /// Nothing is known of it that will ever be said, and nothing is held down.
    pub fn is_forgettable(&self, now_ms: u64, pace: Pace) -> bool {
        let held = self
            .told_ms
            .is_some_and(|told| now_ms < told.saturating_add(pace.interval_ms));
        self.state == State::Quiet && !held
    }

    /// It is on; `times` says how often it happened.
    pub fn on(&mut self, now_ms: u64, times: u64) {
        self.count = self.count.saturating_add(times);
        self.state = match self.state {
            State::Quiet => State::Pending {
                since_ms: now_ms,
                off_ms: None,
            },
            State::Pending { since_ms, .. } => State::Pending { since_ms, off_ms: None },
            State::Raised { since_ms, .. } => State::Raised { since_ms, off_ms: None },
        };
    }

    /// It is off.
    pub fn off(&mut self, now_ms: u64, pace: Pace) {
        self.state = match self.state {
            State::Pending { since_ms, off_ms: None } if now_ms < since_ms.saturating_add(pace.after_ms) => {
                self.count = 0;
                State::Quiet
            }
            State::Pending { since_ms, off_ms: None } => State::Pending {
                since_ms,
                off_ms: Some(now_ms),
            },
            State::Raised { since_ms, off_ms: None } => State::Raised {
                since_ms,
                off_ms: Some(now_ms),
            },
            unchanged => unchanged,
        };
    }

    /// What is to be said now.
    pub fn due(&mut self, now_ms: u64, pace: Pace) -> Option<News> {
        let free = self
            .told_ms
            .is_none_or(|told| now_ms >= told.saturating_add(pace.interval_ms));
        let over_after_ms = limits::OVER_AFTER_MS.min(pace.interval_ms);
        match self.state {
            State::Pending { since_ms, off_ms: None } if free && now_ms >= since_ms.saturating_add(pace.after_ms) => {
                self.state = State::Raised { since_ms, off_ms: None };
                self.told_ms = Some(now_ms);
                Some(self.news(Phase::Begun, since_ms))
            }
            State::Pending {
                since_ms,
                off_ms: Some(_),
            } if free => {
                self.state = State::Quiet;
                self.told_ms = Some(now_ms);
                Some(self.news(Phase::Over, since_ms))
            }
            State::Raised { since_ms, off_ms: None } if free && (self.count > 0 || self.is_to_be_reminded(now_ms)) => {
                self.told_ms = Some(now_ms);
                Some(self.news(Phase::Continues, since_ms))
            }
            State::Raised {
                since_ms,
                off_ms: Some(off_ms),
            } if now_ms >= off_ms.saturating_add(over_after_ms) => {
                self.state = State::Quiet;
                Some(self.news(Phase::Over, since_ms))
            }
            _ => None,
        }
    }

    fn is_to_be_reminded(&self, now_ms: u64) -> bool {
        self.told_ms
            .is_some_and(|told| now_ms >= told.saturating_add(REMIND_MS))
    }

    fn news(&mut self, phase: Phase, since_ms: u64) -> News {
        News {
            phase,
            count: std::mem::take(&mut self.count),
            since_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACE: Pace = Pace {
        after_ms: 0,
        interval_ms: 900_000,
    };

    fn news(phase: Phase, count: u64, since_ms: u64) -> Option<News> {
        Some(News { phase, count, since_ms })
    }

    #[test]
    fn it_begins_once_and_is_over_once() {
        let mut condition = Condition::new();
        assert_eq!(condition.due(0, PACE), None);
        condition.on(10, 1);
        assert_eq!(condition.due(10, PACE), news(Phase::Begun, 1, 10));
        condition.on(20, 0);
        assert_eq!(condition.due(2_000_000, PACE), None, "it only lasts");
        condition.off(2_000_000, PACE);
        assert_eq!(condition.due(2_059_999, PACE), None);
        assert_eq!(condition.due(2_060_000, PACE), news(Phase::Over, 0, 10));
        assert_eq!(condition.due(9_000_000, PACE), None);
        assert!(condition.is_forgettable(9_000_000, PACE));
    }

    #[test]
    fn a_flapping_line_is_one_alert_with_a_count() {
        let mut condition = Condition::new();
        let mut said = Vec::new();
        for second in 0..2_000 {
            let now = second * 1_000;
            if second % 2 == 0 {
                condition.on(now, 1)
            } else {
                condition.off(now, PACE)
            }
            said.extend(condition.due(now, PACE));
        }
        said.extend(condition.due(3_000_000, PACE));
        let phases: Vec<(Phase, u64)> = said.iter().map(|news| (news.phase, news.count)).collect();
        assert_eq!(
            phases,
            [
                (Phase::Begun, 1),
                (Phase::Continues, 450),
                (Phase::Continues, 450),
                (Phase::Over, 99)
            ]
        );
    }

    #[test]
    fn what_is_shorter_than_it_has_to_be_is_nothing() {
        let pace = Pace {
            after_ms: 30_000,
            ..PACE
        };
        let mut condition = Condition::new();
        condition.on(0, 1);
        assert_eq!(condition.due(29_999, pace), None);
        condition.off(29_999, pace);
        assert_eq!(condition.due(10_000_000, pace), None);
    }

    #[test]
    fn what_began_and_ended_while_held_down_is_told_afterwards() {
        let mut condition = Condition::new();
        condition.on(0, 1);
        assert_eq!(condition.due(0, PACE).map(|news| news.phase), Some(Phase::Begun));
        condition.off(1_000, PACE);
        assert_eq!(condition.due(61_000, PACE).map(|news| news.phase), Some(Phase::Over));
        condition.on(100_000, 1);
        condition.off(110_000, PACE);
        assert_eq!(condition.due(899_999, PACE), None);
        assert_eq!(condition.due(900_000, PACE), news(Phase::Over, 1, 100_000));
    }

    #[test]
    fn what_lasts_for_days_is_remembered_daily() {
        let mut condition = Condition::new();
        condition.on(0, 1);
        let said = (0..3 * 86_400)
            .filter_map(|second| condition.due(second * 1_000, PACE))
            .count();
        assert_eq!(said, 3);
    }

    proptest! {
        /// However it comes and goes: no flood, no over without a course, and nothing that happened goes unsaid.
        #[test]
        fn hold_down_forgets_nothing(steps in prop::collection::vec((0u64..400_000, any::<bool>()), 1..200)) {
            let mut condition = Condition::new();
            let (mut now, mut happened, mut said) = (0, 0, 0);
            let mut told: Option<u64> = None;
            let mut begun = false;
            let check = |news: News, now: u64, told: &mut Option<u64>, begun: &mut bool| {
                let held = news.phase != Phase::Over || !*begun;
                if held {
                    prop_assert!(told.is_none_or(|told| now - told >= PACE.interval_ms), "too soon: {news:?}");
                    *told = Some(now);
                }
                match news.phase {
                    Phase::Begun => prop_assert!(!std::mem::replace(begun, true)),
                    Phase::Continues => prop_assert!(*begun),
                    Phase::Over => *begun = false,
                }
                Ok(())
            };
            for (pause, on) in steps {
                now += pause;
                if on {
                    if !condition.is_on() {
                        condition.on(now, 1);
                        happened += 1;
                    }
                } else {
                    condition.off(now, PACE);
                }
                if let Some(news) = condition.due(now, PACE) {
                    check(news, now, &mut told, &mut begun)?;
                    said += news.count;
                }
            }
            condition.off(now, PACE);
            for _ in 0..3 {
                now += PACE.interval_ms;
                if let Some(news) = condition.due(now, PACE) {
                    check(news, now, &mut told, &mut begun)?;
                    said += news.count;
                }
            }
            prop_assert_eq!(said, happened);
            prop_assert!(condition.is_forgettable(now + PACE.interval_ms, PACE));
        }
    }
}
