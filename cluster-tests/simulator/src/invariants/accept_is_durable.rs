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
            let host = world.hosts.iter().find(|host| host.id == answer.host);
            let Some(parts) = host.and_then(|host| host.parts()) else {
                continue;
            };
            let voters = parts.raft.status().voters;
            let holders = world.hosts.iter().filter(|host| {
                voters.contains(&host.id) && {
                    let content = host.disk.durable();
                    // A node that has purged further holds it in its snapshot.
                    let purged = content.purged.map_or(0, |at| at.index);
                    let applied = parts.published.view().applied.map_or(0, |at| at.index);
                    purged >= applied
                        || content
                            .entries
                            .values()
                            .rev()
                            .any(|(_, bytes)| bytes.windows(16).any(|window| window == fingerprint))
                }
            });
            let holders = holders.count();
            if holders * 2 <= voters.len() {
                return Err(format!("{answer:?} is durable on {holders} of {voters:?}"));
            }
        }
        Ok(())
    }
}
