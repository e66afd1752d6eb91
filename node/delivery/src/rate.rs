//! A token bucket, kept as the one instant at which it would be full (the generic cell rate algorithm of ITU-T I.371).

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::settings::Rate;

/// A bucket of `burst` messages that fills with `per_minute`.
pub(crate) struct Bucket {
    interval: Duration,
    depth: Duration,
    full_at: Mutex<Option<Instant>>,
}

impl Bucket {
    pub(crate) fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(60) / rate.per_minute.max(1);
        Self {
            interval,
            depth: interval.saturating_mul(rate.burst.max(1) - 1),
            full_at: Mutex::new(None),
        }
    }

    /// Takes one message out, or says how long there will be none.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock();
        let full = full_at.unwrap_or(now).max(now);
        let missing = full.duration_since(now);
        if missing > self.depth {
            return Err(missing - self.depth);
        }
        *full_at = Some(full + self.interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let bucket = Bucket::new(Rate {
            per_minute: 60,
            burst: 3,
        });
        let begun = Instant::now();
        let at = |seconds: f64| begun + Duration::from_secs_f64(seconds);
        assert!((0..3).all(|_| bucket.take(at(0.0)).is_ok()));
        assert_eq!(bucket.take(at(0.0)), Err(Duration::from_secs(1)));
        assert_eq!(bucket.take(at(0.5)), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(at(1.0)), Ok(()));
        assert!(bucket.take(at(1.5)).is_err());
        assert!(
            (0..3).all(|_| bucket.take(at(60.0)).is_ok()),
            "it fills up, and not higher"
        );
        assert!(bucket.take(at(60.0)).is_err());
    }

    #[test]
    fn extremes_do_not_panic() {
        let begun = Instant::now();
        for (per_minute, burst) in [(u32::MAX, u32::MAX), (1, u32::MAX), (u32::MAX, 1), (0, 0)] {
            let bucket = Bucket::new(Rate { per_minute, burst });
            assert!(bucket.take(begun).is_ok());
            let _ = bucket.take(begun);
        }
    }
}
