//! Leader completeness: who leads has everything that was committed under earlier leader ids (term, node: openraft may have several leaders in a
//! term, of which only the last can commit). And of one leader id there is one leader.

use std::collections::BTreeMap;

use quorate_raft::Role;
use quorate_raft::ports::Log;

use super::Ledger;
use crate::world::World;

#[derive(Default)]
pub struct Watch {
    /// Which life of which node led in a term.
    led: BTreeMap<(u64, u64), u64>,
}

impl Watch {
    pub fn look(&mut self, world: &World, ledger: &Ledger) -> Result<(), String> {
        for host in &world.hosts {
            let Some(parts) = host.parts() else { continue };
            let status = parts.raft.status();
            if status.role != Role::Leader {
                continue;
            }
            let life = *self.led.entry((status.term, host.id)).or_insert(host.lives);
            if life != host.lives {
                return Err(format!("node {} led term {} in two lives", host.id, status.term));
            }
            let purged = host.disk.purged().map_or(0, |at| at.index);
            let earlier = ledger
                .range(purged + 1..)
                .filter(|(_, entry)| entry.under < (status.term, host.id));
            let Some((index, _)) = earlier.clone().next() else {
                continue;
            };
            let own = host.disk.read(*index..u64::MAX, usize::MAX).unwrap_or_default();
            let own: BTreeMap<u64, _> = own.into_iter().map(|(id, _)| (id.index, id)).collect();
            for (index, entry) in earlier {
                if own.get(index) != Some(&entry.id) {
                    return Err(format!(
                        "node {} leads term {} with {:?} where {:?} is committed",
                        host.id,
                        status.term,
                        own.get(index),
                        entry.id
                    ));
                }
            }
        }
        Ok(())
    }
}
