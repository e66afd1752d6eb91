//! Two nodes that have applied the same index have the same state, to the byte.

use std::collections::BTreeMap;

use crate::world::World;

#[derive(Default)]
pub struct Watch {
    digests: BTreeMap<u64, [u8; 32]>,
}

impl Watch {
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        for (host, view, applied) in world.applied() {
            let digest = view.state.digest();
            if *self.digests.entry(applied.index).or_insert(digest) != digest {
                return Err(format!("node {} has another state at {}", host.id, applied.index));
            }
        }
        // Only states near each other are compared.
        while self.digests.len() > 500 {
            self.digests.pop_first();
        }
        Ok(())
    }
}
