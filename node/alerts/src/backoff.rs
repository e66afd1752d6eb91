//! How long to wait before trying again. Pure: randomness is passed in.

use std::sync::Arc;
use std::time::Duration;

/// Random numbers for jitter. They need not be fit for keys.
pub type Dice = Arc<dyn Fn() -> u32 + Send + Sync>;

/// Twice as long each time up to a limit, and each time a random part less, so that what failed together does not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Begins with `first` and ends with `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Backoff {
            first,
            longest,
            failures: 0,
        }
    }

    /// The pause after one more failure: between half and all of what is due.
    pub fn pause(&mut self, dice: u32) -> Duration {
        let due = self.first.saturating_mul(1 << self.failures.min(20)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        due / 2 + due.mul_f64(f64::from(dice) / f64::from(u32::MAX) / 2.0)
    }

    /// It worked: the next failure is the first again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_limit_and_jitters_downwards() {
        let mut least = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
        let mut most = least.clone();
        for due in [1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            assert_eq!(least.pause(0).as_millis(), due / 2);
            assert_eq!(most.pause(u32::MAX).as_millis(), due);
        }
        most.reset();
        assert_eq!(most.pause(u32::MAX), Duration::from_secs(1));
    }

    #[test]
    fn any_number_of_failures_is_no_overflow() {
        let mut backoff = Backoff::new(Duration::from_secs(3_600), Duration::MAX);
        for _ in 0..100 {
            let _ = backoff.pause(u32::MAX / 2);
        }
    }
}
