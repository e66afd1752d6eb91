//! At the moment an accept is answered its command is durable on a majority of the voters: nobody answers before commit, nobody
//! without a quorum.

use quorate_app::Decision;

use crate::world::World;

#[derive(Default)]
pub struct Watch {
    seen: usize,
}

impl Watch {
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        let history = world.book.history.lock();
        let new = &history.answers[self.seen..];
        self.seen = history.answers.len();
        for answer in new {
            if answer.decision != Decision::Accept || answer.replayed {
                continue;
            }
            let fingerprint = history.logins[answer.login].fingerprint.0;
            let views = world.hosts.iter().filter_map(|host| host.parts());
            let applied = views.filter_map(|parts| parts.published.view().applied).max();
            let holders: Vec<_> = world
                .hosts
                .iter()
                .filter(|host| {
                    let content = host.disk.durable();
                    // A node that has purged further holds it in its snapshot.
                    let purged = content.purged.map(|at| at.index) >= applied.map(|at| at.index);
                    let mut newest_first = content.entries.values().rev();
                    purged || newest_first.any(|(_, bytes)| bytes.windows(16).any(|window| window == fingerprint))
                })
                .collect();
            // Who votes is a matter of the log, too: a node that does not hold the entry may not have heard of the latest voters.
            let mut views = holders.iter().filter_map(|host| host.parts()).peekable();
            let is_majority = |voters: &[u64]| {
                let voting = holders.iter().filter(|host| voters.contains(&host.id)).count();
                voting * 2 > voters.len()
            };
            if views.peek().is_some() && !views.any(|parts| is_majority(&parts.raft.status().voters)) {
                let holders: Vec<u64> = holders.iter().map(|host| host.id).collect();
                return Err(format!(
                    "{answer:?} is durable on {holders:?}, by nobody's view a majority"
                ));
            }
        }
        Ok(())
    }
}
