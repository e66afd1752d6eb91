//! Processor time and memory of each node while something is measured.

use std::time::{Duration, Instant};

use anyhow::Result;
use cluster_tests::{Cluster, process::Usage};

/// A measurement that has begun.
pub struct Watch {
    begun: Instant,
    nodes: Vec<(u32, Usage)>,
    own: Usage,
}

/// What was used meanwhile.
pub struct Used {
    /// Processor time per second of wall time, one per node: 1.0 is a whole processor.
    pub node_processors: Vec<f64>,
    pub node_bytes: Vec<u64>,
    pub own_processors: f64,
    /// Processor time of all nodes together.
    pub nodes_total: Duration,
}

impl Watch {
    pub fn start(cluster: &Cluster) -> Result<Self> {
        let pids = cluster
            .running()
            .map(|node| cluster.nodes[node].pid())
            .collect::<Result<Vec<u32>>>()?;
        let nodes = pids
            .into_iter()
            .map(|pid| Ok((pid, Usage::of(pid)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            begun: Instant::now(),
            nodes,
            own: Usage::of(std::process::id())?,
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
        };
        for (pid, before) in self.nodes {
            let now = Usage::of(pid)?;
            let time = now.processor - before.processor;
            used.nodes_total += time;
            used.node_processors.push(time.as_secs_f64() / wall);
            used.node_bytes.push(now.resident_bytes);
        }
        Ok(used)
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
