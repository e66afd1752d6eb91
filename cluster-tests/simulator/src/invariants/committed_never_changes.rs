//! What one node has applied at an index, every node applies there, for ever: log matching, and no lost commit. The leader ids
//! of committed entries never fall.

use std::hash::{DefaultHasher, Hash, Hasher};

use quorate_raft::LogId;
use quorate_raft::ports::Log;

use super::Ledger;
use crate::world::World;

#[derive(Default)]
pub struct Watch {
    pub ledger: Ledger,
}

impl Watch {
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        for host in &world.hosts {
            let Some(parts) = host.parts() else { continue };
            let Some(applied) = parts.published.view().applied else {
                continue;
            };
            let known = self.ledger.keys().next_back().copied().unwrap_or(0);
            // Everything new, and the last few again.
            let from = known.min(applied.index).saturating_sub(30);
            let Ok(entries) = host.disk.read(from..applied.index + 1, usize::MAX) else {
                continue;
            };
            for (id, bytes) in entries {
                self.compare(host.id, id, hash_of(&bytes))?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, host: u64, id: LogId, hash: u64) -> Result<(), String> {
        let entry = *self.ledger.entry(id.index).or_insert((id, hash));
        if entry != (id, hash) {
            return Err(format!(
                "node {host} has applied {id:?} where {:?} was committed",
                entry.0
            ));
        }
        let before = self.ledger.range(..id.index).next_back();
        match before {
            Some((_, (former, _))) if (former.term, former.node) > (id.term, id.node) => {
                Err(format!("{id:?} follows {former:?}"))
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
