//! Processor time and memory of each process while something is measured, and what the machine itself had to give.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cluster_tests::{Cluster, process::Usage};

/// A measurement that has begun.
pub struct Watch {
    begun: Instant,
    nodes: Vec<(u32, Usage)>,
    own: Usage,
    machine: Ticks,
}

/// What was used meanwhile.
pub struct Used {
    /// Processor time per second of wall time, one per node: 1.0 is a whole processor.
    pub node_processors: Vec<f64>,
    pub node_bytes: Vec<u64>,
    pub own_processors: f64,
    /// Processor time of all nodes together.
    pub nodes_total: Duration,
    pub own_total: Duration,
    /// Part of the processors' time that the host gave to other machines, 0 to 1.
    pub stolen: f64,
    /// Part of it that neither these processes nor this one used: interrupts, and whoever else works here.
    pub elsewhere: f64,
}

/// The processes of a cluster's nodes that run.
pub fn pids(cluster: &Cluster) -> Result<Vec<u32>> {
    cluster.running().map(|node| cluster.nodes[node].pid()).collect()
}

impl Watch {
    pub fn start(pids: Vec<u32>) -> Result<Self> {
        let nodes = pids
            .into_iter()
            .map(|pid| Ok((pid, Usage::of(pid)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            begun: Instant::now(),
            nodes,
            own: Usage::of(std::process::id())?,
            machine: Ticks::now()?,
        })
    }

    pub fn stop(self) -> Result<Used> {
        let wall = self.begun.elapsed().as_secs_f64();
        let own = Usage::of(std::process::id())?.processor - self.own.processor;
        let mut used = Used {
            node_processors: Vec::new(),
            node_bytes: Vec::new(),
            own_processors: own.as_secs_f64() / wall,
            nodes_total: Duration::ZERO,
            own_total: own,
            stolen: 0.0,
            elsewhere: 0.0,
        };
        for (pid, before) in self.nodes {
            let now = Usage::of(pid)?;
            let time = now.processor - before.processor;
            used.nodes_total += time;
            used.node_processors.push(time.as_secs_f64() / wall);
            used.node_bytes.push(now.resident_bytes);
        }
        let machine = Ticks::now()?;
        used.stolen = machine.stolen_since(self.machine);
        used.elsewhere = machine.busy_since(self.machine, used.nodes_total + used.own_total);
        Ok(used)
    }
}

/// The first line of /proc/stat, in clock ticks of all processors.
#[derive(Clone, Copy)]
pub struct Ticks {
    idle: u64,
    stolen: u64,
    all: u64,
}

impl Ticks {
    pub fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        // user, nice, system, idle, iowait, irq, softirq, steal; the guests' are counted in user and nice already.
        let line = stat.lines().next().context("/proc/stat is empty")?;
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).flat_map(str::parse).collect();
        Ok(Self {
            idle: ticks.iter().skip(3).take(2).sum(),
            stolen: *ticks.get(7).context("/proc/stat tells no stolen time")?,
            all: ticks.iter().sum(),
        })
    }

    pub fn stolen_since(self, before: Self) -> f64 {
        (self.stolen - before.stolen) as f64 / (self.all - before.all).max(1) as f64
    }

    /// Part of the time in which a processor worked, `known` work aside.
    fn busy_since(self, before: Self, known: Duration) -> f64 {
        let all = (self.all - before.all).max(1) as f64;
        let quiet = (self.idle + self.stolen).saturating_sub(before.idle + before.stolen) as f64;
        let known = known.as_secs_f64() * rustix::param::clock_ticks_per_second() as f64;
        ((all - quiet - known) / all).max(0.0)
    }
}

impl Used {
    /// `45+44+52 %`.
    pub fn processors(&self) -> String {
        join(self.node_processors.iter().map(|part| format!("{:.0}", part * 100.0)))
    }

    /// `110+108+109`, in MB.
    pub fn megabytes(&self) -> String {
        join(
            self.node_bytes
                .iter()
                .map(|bytes| format!("{:.0}", *bytes as f64 / 1e6)),
        )
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("+")
}
