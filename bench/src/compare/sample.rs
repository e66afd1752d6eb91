//! One measurement of one system, and the median of several.

use std::time::Duration;

use cluster_tests::figures::percentile;

use crate::{
    generator::Outcome,
    table::{milliseconds, whole},
    usage::Used,
};

pub struct Sample {
    pub clients: usize,
    /// Codes accepted per second.
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub refused: usize,
    pub lost: usize,
    /// Processor time per accepted code: of the nodes together, and of this process.
    pub nodes_us: f64,
    pub client_us: f64,
    /// Part of the processors' time that the host gave to others.
    pub stolen: f64,
    /// Part of it that went neither to the system nor to this process.
    pub elsewhere: f64,
    /// One fdatasync just before.
    pub sync: Duration,
}

impl Sample {
    pub fn of(clients: usize, outcome: &Outcome, used: &Used, sync: Duration) -> Self {
        let each_us = |total: Duration| total.as_secs_f64() * 1e6 / outcome.accepted.max(1) as f64;
        Self {
            clients,
            rate: outcome.per_second(),
            p50: percentile(&outcome.latencies, 0.5),
            p99: percentile(&outcome.latencies, 0.99),
            refused: outcome.refused,
            lost: outcome.lost,
            nodes_us: each_us(used.nodes_total),
            client_us: each_us(used.own_total),
            stolen: used.stolen,
            elsewhere: used.elsewhere,
            sync,
        }
    }

    pub fn said(&self) -> String {
        format!(
            "{}/s, p50 {} ms, p99 {} ms, {:.0} % stolen, {:.0} % elsewhere",
            whole(self.rate),
            milliseconds(self.p50),
            milliseconds(self.p99),
            self.stolen * 100.0,
            self.elsewhere * 100.0
        )
    }
}

/// The middle one, or the mean of the two in the middle; `None` for none.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len().is_multiple_of(2) {
        Some((values[middle - 1] + upper) / 2.0)
    } else {
        Some(upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_few() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
