//! Stands in for the crate `base2histogram` 0.2 below `raft-log`, which counts how long flushes take.
//!
//! That crate, on the first use of any histogram, fills tables for sixteen resolutions of which one is used: 26 MB of
//! a node that otherwise idles with less. This one offers what `chunked-wal` calls, and counts in 252 numbers.
//! It can go when the original makes its tables on demand.
#![forbid(unsafe_code)]

/// Steps between one power of two and the next: a percentile is at most an eighth too low.
const STEPS: u64 = 4;
const BUCKETS: usize = 252;

/// Counts values in buckets that grow with them.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: [u64; BUCKETS],
}

/// Values at some percentiles; each is the least of its bucket, and 0 without samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PercentileStats {
    pub samples: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS] }
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
    }

    /// What was counted so far.
    pub fn percentile_stats(&self) -> PercentileStats {
        let samples: u64 = self.counts.iter().sum();
        let at = |percent: u64| {
            let mut left = (samples * percent).div_ceil(100).max(1);
            let place = self.counts.iter().position(|count| {
                let reached = *count >= left;
                left = left.saturating_sub(*count);
                reached
            });
            place.map_or(0, least)
        };
        PercentileStats {
            samples,
            p50: at(50),
            p90: at(90),
            p99: at(99),
        }
    }
}

/// Below [`STEPS`] each value has a bucket of its own; above, each power of two has as many as steps.
fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let power = u64::from(value.ilog2());
    let step = (value >> (power - 2)) - STEPS;
    ((power - 1) * STEPS + step) as usize
}

fn least(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    (STEPS + bucket % STEPS) << (bucket / STEPS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_with_its_least_value() {
        for power in 0..64 {
            for near in [-1_i64, 0, 1, 3] {
                let value = (1_u64 << power).wrapping_add_signed(near);
                let place = bucket(value);
                assert!(place < BUCKETS);
                let low = least(place);
                assert!(low <= value && value - low <= value / 4, "{value} in {low}");
                assert!(low == 0 || bucket(low - 1) < place);
            }
        }
        assert_eq!(bucket(u64::MAX), 251);
    }

    #[test]
    fn percentiles_are_those_of_what_was_counted() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_stats().p99, 0);
        (1..=100).for_each(|value| histogram.record(value));
        let stats = histogram.percentile_stats();
        assert_eq!((stats.samples, stats.p50, stats.p90, stats.p99), (100, 48, 80, 96));
    }
}
