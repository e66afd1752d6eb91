//! Replicated time never runs backwards, along the log and so on every node.

use std::collections::BTreeMap;

use crate::world::World;

#[derive(Default)]
pub struct Watch {
    stamps: BTreeMap<u64, u64>,
}

impl Watch {
    pub fn look(&mut self, world: &World) -> Result<(), String> {
        for (host, view, applied) in world.applied() {
            let stamp = view.state.stamp().ms;
            self.stamps.insert(applied.index, stamp);
            let before = self.stamps.range(..applied.index).next_back();
            if before.is_some_and(|(_, earlier)| *earlier > stamp) {
                return Err(format!(
                    "at {} node {} has an earlier time than before",
                    applied.index, host.id
                ));
            }
        }
        Ok(())
    }
}
