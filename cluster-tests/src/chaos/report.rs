//! What a run of chaos came to, for people.

use std::{fmt, time::Duration};

use anyhow::Result;

use super::{Diary, Options};
use crate::{
    codes::Outcome,
    figures::{milliseconds, percentile},
    trial::Verdict,
};

pub struct Report {
    pub options: Options,
    pub diary: Diary,
    pub verdict: Result<Verdict>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { duration, nodes, seed } = self.options;
        let minutes = duration.as_secs_f64() / 60.0;
        writeln!(
            f,
            "# Chaos: all faults at once, {minutes} minutes, {nodes} nodes, seed {seed}\n"
        )?;
        writeln!(
            f,
            "`ops/chaos --minutes {minutes} --nodes {nodes} --seed {seed}`: real processes, each with a machine (network namespace), a disk \
             (FUSE) and a clock (libfaketime) of its own, and a relay on every link. Faults overlap at random; between storms everything is set \
             right, processes that ended are started again, and the cluster has to heal by itself. All the time logins and administrative \
             changes go on, and codes are tried twice.\n"
        )?;
        self.diary.fmt(f)?;
        match &self.verdict {
            Ok(verdict) => verdict.fmt(f),
            Err(error) => writeln!(f, "## Found wrong\n\n{error:?}"),
        }
    }
}

impl fmt::Display for Diary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| fault | times | seconds in all |\n|---|---:|---:|")?;
        for (kind, (times, lasted)) in &self.faults {
            writeln!(f, "| {} | {times} | {:.0} |", kind.words(), lasted.as_secs_f64())?;
        }
        let faults: u64 = self.faults.values().map(|(times, _)| times).sum();
        writeln!(
            f,
            "\n{faults} faults, up to {} at the same time, in {} storms; {} times a node ended by itself, with a sentence, because its disk \
             failed or was damaged.\n",
            self.overlap,
            self.gaps.len(),
            self.ended_by_themselves
        )?;
        let [healed, gaps] = [&self.healed_in, &self.gaps].map(|times| {
            let mut times = times.clone();
            times.sort_unstable();
            let ms = |part| milliseconds(percentile(&times, part));
            format!("median {} ms, longest {} ms", ms(0.5), ms(1.0))
        });
        writeln!(
            f,
            "* From the end of a storm until every node had let somebody in: {healed}."
        )?;
        writeln!(f, "* The longest time without an accept, storm by storm: {gaps}.")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |which: fn(Outcome) -> bool| self.history.count(which);
        let mut latencies: Vec<Duration> = self.account.latencies.clone();
        latencies.sort_unstable();
        writeln!(
            f,
            "* {} logins begun, {} of them never answered within four tries or lost in a storm.",
            self.account.sent,
            self.account.lost.len()
        )?;
        writeln!(
            f,
            "* Uses of codes: {} accepted, {} rejected (used before, by a rival or earlier), {} unknown; median latency of an accept {} ms.",
            count(|outcome| matches!(outcome, Outcome::Accepted(_))),
            count(|outcome| matches!(outcome, Outcome::Rejected(_))),
            count(|outcome| outcome == Outcome::Unknown),
            milliseconds(percentile(&latencies, 0.5))
        )?;
        writeln!(
            f,
            "* Administrative changes: {} acknowledged, {} not.\n",
            self.changes.made.len() + self.changes.disabled.len(),
            self.changes.unknown
        )?;
        writeln!(
            f,
            "**Nothing was found wrong**: one order explains every use of every code (so each was accepted at most once, and never after a \
             later one), every node refuses used codes, every acknowledged change is on every node, the audit has every accept, and its chain \
             holds and ends alike on all nodes."
        )
    }
}
