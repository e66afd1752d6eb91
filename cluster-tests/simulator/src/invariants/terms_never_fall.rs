//! No node goes back to an earlier term, not even by restarting: a vote that was given stays given.

use std::collections::BTreeMap;

use crate::world::World;

#[derive(Default)]
pub struct Watch {
    /// The highest vote of each node that was durable.
    votes: BTreeMap<u64, (u64, u64)>,
}

impl Watch {
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        for host in &world.hosts {
            let Some(vote) = host.disk.durable_vote() else { continue };
            let vote = (vote.term, vote.node);
            let highest = self.votes.entry(host.id).or_insert(vote);
            if vote < *highest {
                return Err(format!("node {} went from {highest:?} to {vote:?}", host.id));
            }
            *highest = vote;
        }
        Ok(())
    }
}
