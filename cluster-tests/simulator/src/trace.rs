//! What happens in a run, for whoever looks for the reason of a finding: one line whenever a node is not what it was.

use std::collections::BTreeMap;

use quorate_raft::ports::Log;

use crate::host::Host;
use crate::world::World;

/// Remembers what was told last of each node.
pub struct Trace {
    wanted: bool,
    told: BTreeMap<u64, String>,
}

impl Trace {
    pub fn new(wanted: bool) -> Self {
        Self {
            wanted,
            told: BTreeMap::new(),
        }
    }

    pub fn look(&mut self, world: &World) {
        if !self.wanted {
            return;
        }
        for host in &world.hosts {
            let line = line(host);
            if self.told.get(&host.id) != Some(&line) {
                eprintln!("{:>6} {line}", world.now_ms());
                self.told.insert(host.id, line);
            }
        }
    }
}

/// A node in one line.
pub fn line(host: &Host) -> String {
    let Some(parts) = host.parts() else {
        return format!("node {} down", host.id);
    };
    let status = parts.raft.status();
    let id = |id: quorate_raft::LogId| format!("{}.{}:{}", id.term, id.node, id.index);
    format!(
        "node {} {:?} term {} leader {:?} log {} durable {} applied {:?} vote {:?} voters {:?} {:?}{}{}",
        host.id,
        status.role,
        status.term,
        status.leader,
        status.last_log.map_or("-".to_owned(), id),
        host.disk.durable_last().map_or("-".to_owned(), id),
        status.applied.map(|at| at.index),
        host.disk.vote().map(|vote| (vote.term, vote.node, vote.committed)),
        status.voters,
        status.standing,
        if status.clock.in_time { "" } else { " out of time" },
        if host.is_paused() { " paused" } else { "" },
    )
}
