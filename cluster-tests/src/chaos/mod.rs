//! All faults at once, as chance has it.
//!
//! A cluster whose every node has a machine, a disk and a clock of its own, and a relay on every link, is driven through *storms*: for
//! some twenty seconds faults begin and end, overlapping, on any nodes, a majority or all of them included. Then everything is set right and
//! processes that ended are started again, as a service manager would; nothing else is done, and the cluster must heal before the next
//! storm. All the time a contested load and an administrator are at work, and in the end [`trial`] asks its questions.
//!
//! The seed decides which faults come, where and for how long; the machine decides the rest, so a run is not repeated exactly.
//! Needs root.

mod fault;
mod report;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use self::fault::{Active, Kind};
pub use self::report::Report;
use crate::{
    Cluster,
    dice::Dice,
    faketime::Clocks,
    figures::longest_gap,
    load::Load,
    namespaces::Network,
    people::{self, Person},
    relay::Relay,
    trial,
};

/// How long faults begin in a storm.
const STORM: Duration = Duration::from_secs(20);

/// A fault lasts from a moment to twice an election and more.
const LASTS_MS: std::ops::Range<u64> = 200..6_000;

/// From the beginning of one fault to that of the next: several overlap.
const BETWEEN_MS: std::ops::Range<u64> = 100..3_000;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub duration: Duration,
    pub nodes: usize,
    pub seed: u64,
}

/// What happened, as far as it went.
#[derive(Debug, Default)]
pub struct Diary {
    /// How often each kind of fault was begun, and how long it lasted in all.
    pub faults: BTreeMap<Kind, (u64, Duration)>,
    /// Most faults at the same time.
    pub overlap: usize,
    /// Processes that ended by themselves: their disk failed, or they found it damaged.
    pub ended_by_themselves: u64,
    /// From the end of each storm until every node had let somebody in.
    pub healed_in: Vec<Duration>,
    /// The longest time without an accept in each storm.
    pub gaps: Vec<Duration>,
}

/// Makes a cluster, drives it through storms, and asks whether everything is as it must be.
///
/// # Errors
/// The cluster could not be built. What was found wrong is in the report.
pub fn run(options: Options) -> Result<Report> {
    let network = Network::build(options.nodes)?;
    network.at_router(|| {
        let mut cluster = build(&network, options)?;
        let mut diary = Diary::default();
        let verdict = trial::under_load(&mut cluster, |cluster, load| {
            let mut storms = Storms {
                network: &network,
                dice: Dice::new(options.seed),
                diary: &mut diary,
            };
            storms.run(cluster, load, options.duration)
        });
        if verdict.is_err() {
            cluster.explain();
        }
        Ok(Report {
            options,
            diary,
            verdict,
        })
    })
}

fn build(network: &Network, options: Options) -> Result<Cluster> {
    let mut cluster = Cluster::empty(Network::SOURCES)?;
    cluster.ground.disks = true;
    cluster.ground.relay = Some(Relay::start(options.nodes, Network::SOURCES.gateway, options.seed)?);
    for machine in 0..options.nodes {
        // Every other node has a monotonic clock that can be shifted, too.
        let which = if machine % 2 == 0 {
            Clocks::Realtime
        } else {
            Clocks::All
        };
        cluster.ground.clocks = Some(which);
        let (address, name) = (Network::address(machine), Some(network.machine(machine)));
        match machine {
            0 => cluster.found(address, name)?,
            _ => drop(cluster.join(address, name)?),
        }
    }
    Ok(cluster)
}

/// The maker of storms.
struct Storms<'a> {
    network: &'a Network,
    dice: Dice,
    diary: &'a mut Diary,
}

impl Storms<'_> {
    fn run(&mut self, cluster: &mut Cluster, load: &Load, duration: Duration) -> Result<()> {
        let until = Instant::now() + duration;
        // Nobody has three codes in the time of two storms: they take turns.
        let mut witnesses = people::import(&cluster.api()?, "storm-witness", 2 * cluster.nodes.len())?;
        while Instant::now() < until {
            let begun = Instant::now();
            self.storm(cluster)?;
            let count = cluster.nodes.len();
            witnesses.rotate_left(count);
            self.calm(cluster, load, &mut witnesses[..count], begun)?;
        }
        Ok(())
    }

    /// Faults begin and end; what is still on at the end is ended by the calm.
    fn storm(&mut self, cluster: &mut Cluster) -> Result<()> {
        let until = Instant::now() + STORM;
        let mut active: Vec<Active> = Vec::new();
        while Instant::now() < until {
            let next = Instant::now() + self.millis(BETWEEN_MS);
            let kind = *self.dice.pick(&Kind::ALL);
            let lasts = self.millis(LASTS_MS);
            self.note_ends(cluster)?;
            if let Some(fault) = fault::begin(kind, cluster, self.network, &mut self.dice, lasts)? {
                let (times, in_all) = self.diary.faults.entry(kind).or_default();
                *times += 1;
                *in_all += lasts;
                active.push(fault);
                self.diary.overlap = self.diary.overlap.max(active.len());
            }
            while let Some(first) = soonest(&active).filter(|at| active[*at].ends <= next) {
                let ending = active.swap_remove(first);
                std::thread::sleep(ending.ends.saturating_duration_since(Instant::now()));
                ending.end(cluster, self.network)?;
            }
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        active
            .into_iter()
            .try_for_each(|fault| fault.end(cluster, self.network))
    }

    /// Nothing is wrong any more but what the storm has left: that has to heal.
    fn calm(&mut self, cluster: &mut Cluster, load: &Load, witnesses: &mut [Person], begun: Instant) -> Result<()> {
        let calm = Instant::now();
        self.note_ends(cluster)?;
        fault::set_everything_right(cluster, self.network)?;
        self.diary.ended_by_themselves += trial::healed(cluster, witnesses).context("after a storm")?;
        self.diary.healed_in.push(calm.elapsed());
        trial::accepts_more(load, trial::PER_SECOND)?;
        let gap = longest_gap(&load.so_far().accepts, begun, begun.elapsed());
        self.diary.gaps.push(gap);
        eprintln!(
            "storm {}: healed in {:?}, longest gap {gap:?}",
            self.diary.gaps.len(),
            calm.elapsed()
        );
        Ok(())
    }

    fn note_ends(&mut self, cluster: &mut Cluster) -> Result<()> {
        for node in &mut cluster.nodes {
            self.diary.ended_by_themselves += u64::from(node.has_ended()?);
        }
        Ok(())
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.dice.of(range))
    }
}

fn soonest(active: &[Active]) -> Option<usize> {
    (0..active.len()).min_by_key(|at| active[*at].ends)
}
