//! What one node has applied at an index, every node applies there, for ever: log matching, and no lost commit. The leader ids
//! of committed entries never fall.

use std::hash::{DefaultHasher, Hash, Hasher};

use quorate_raft::ports::Log;

use super::{Committed, Ledger};
use crate::world::World;

#[derive(Default)]
pub struct Watch {
    pub ledger: Ledger,
}

impl Watch {
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        for (host, _, applied) in world.applied() {
            let known = self.ledger.keys().next_back().copied().unwrap_or(0);
            // Everything new, and the last few again.
            let from = known.min(applied.index).saturating_sub(30);
            let Ok(entries) = host.disk.read(from..applied.index + 1, usize::MAX) else {
                continue;
            };
            let under = host.disk.vote().map_or((0, 0), |vote| (vote.term, vote.node));
            for (id, bytes) in entries {
                let hash = hash_of(&bytes);
                self.compare(host.id, Committed { id, hash, under })?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, host: u64, applied: Committed) -> Result<(), String> {
        let id = applied.id;
        let known = *self.ledger.entry(id.index).or_insert(applied);
        if (known.id, known.hash) != (id, applied.hash) {
            return Err(format!(
                "node {host} has applied {id:?} where {:?} was committed",
                known.id
            ));
        }
        match self.ledger.range(..id.index).next_back() {
            Some((_, former)) if (former.id.term, former.id.node) > (id.term, id.node) => {
                Err(format!("{id:?} follows {:?}", former.id))
            }
            _ => Ok(()),
        }
    }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
