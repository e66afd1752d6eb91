//! Figures that tests and benches print: percentiles, and the gap in a series of accepts.

use std::time::{Duration, Instant};

/// The value below which `part` (0 to 1) of `sorted` lies; zero for none.
pub fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * part).round() as usize)
        .copied()
        .unwrap_or_default()
}

/// The longest time without an accept from `begun` until `window` later, or until the last accept seen if none came
/// so late. `accepts` need not be sorted.
pub fn longest_gap(accepts: &[Instant], begun: Instant, window: Duration) -> Duration {
    let mut seen: Vec<Instant> = accepts
        .iter()
        .copied()
        .filter(|at| *at >= begun && *at <= begun + window)
        .collect();
    seen.sort_unstable();
    let mut gap = Duration::ZERO;
    let mut before = begun;
    for at in seen {
        gap = gap.max(at - before);
        before = at;
    }
    gap
}

pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn percentiles_of_a_hundred() {
        let sorted: Vec<Duration> = (1..=101).map(|n| n * MS).collect();
        assert_eq!(
            (percentile(&sorted, 0.5), percentile(&sorted, 0.99)),
            (51 * MS, 100 * MS)
        );
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn the_gap_is_the_longest_silence_within_the_window() {
        let begun = Instant::now() + Duration::from_secs(1);
        let accepts: Vec<Instant> = [0, 2, 4, 300, 301, 5000].map(|at| begun + at * MS).to_vec();
        assert_eq!(longest_gap(&accepts, begun, 1000 * MS), 296 * MS);
    }
}
