//! Whether this node's disk can take on what a member takes on, and what follows when it cannot.
//!
//! Two things can be wrong. *There is no room* beside the reserve: then the node hands leadership over, receives no entries, and has a
//! snapshot built so that its own log can shrink; were it to go on until a write fails, that failure would end it. *A write has waited for
//! too long*: then it hands over, too, and does not campaign; the others commit without it meanwhile.
//!
//! Both end by themselves. A write that *fails* does not: consensus stops for good, because what is on disk is no longer known (a second
//! fsync may report success for pages that the first one threw away).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::limits;
use crate::ports::{Space, Waiting};
use crate::types::Engine;

/// A node's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStanding {
    /// Too little room is left: the node takes on nothing new.
    pub short: bool,
    /// Free bytes beside the reserve, at the last look.
    pub free_bytes: Option<u64>,
    /// A write has waited longer than a disk in order would take.
    pub stalled: bool,
    /// How long the oldest write has waited, in ms; 0 without one.
    pub waiting_ms: u64,
}

impl DiskStanding {
    /// Whether the node may lead and campaign, as far as its disk is concerned.
    #[must_use]
    pub fn in_order(&self) -> bool {
        !self.short && !self.stalled
    }
}

/// What is known of this node's disk.
#[derive(Default)]
pub struct Disk(Mutex<State>);

#[derive(Default)]
struct State {
    short: bool,
    free_bytes: Option<u64>,
    begun: u64,
    waiting: BTreeMap<u64, Instant>,
}

/// A write under way; it is over when this is dropped.
pub struct Write {
    disk: Arc<Disk>,
    number: u64,
}

impl Drop for Write {
    fn drop(&mut self) {
        self.disk.0.lock().waiting.remove(&self.number);
    }
}

impl Disk {
    /// Notes that a write begins.
    pub fn begin_write(self: &Arc<Self>) -> Write {
        let mut state = self.0.lock();
        state.begun += 1;
        let number = state.begun;
        state.waiting.insert(number, Instant::now());
        Write {
            disk: self.clone(),
            number,
        }
    }

    pub fn standing(&self) -> DiskStanding {
        let state = self.0.lock();
        let waiting = state
            .waiting
            .first_key_value()
            .map_or(Duration::ZERO, |(_, since)| since.elapsed());
        let waiting_ms = u64::try_from(waiting.as_millis()).unwrap_or(u64::MAX);
        DiskStanding {
            short: state.short,
            free_bytes: state.free_bytes,
            stalled: waiting_ms > limits::DISK_STALL_MS,
            waiting_ms,
        }
    }

    pub fn is_short(&self) -> bool {
        self.0.lock().short
    }
}

/// Looks at the room that is left, now and then. Never returns.
pub async fn watch(disk: Arc<Disk>, space: Arc<dyn Space>, waiting: Waiting, engine: Engine) {
    loop {
        let looking = space.clone();
        match waiting.run(move || looking.look()).await {
            Ok(room) => {
                let was_short = {
                    let mut state = disk.0.lock();
                    state.free_bytes = Some(room.free_bytes);
                    std::mem::replace(&mut state.short, !room.enough)
                };
                match (was_short, room.enough) {
                    (false, false) => {
                        tracing::error!(
                            free_bytes = room.free_bytes,
                            "the disk is nearly full: this node steps aside until there is room again"
                        );
                        // The log before a snapshot can go.
                        let _ = engine.trigger().snapshot().await;
                    }
                    (true, true) => tracing::info!(free_bytes = room.free_bytes, "there is room on the disk again"),
                    _ => {}
                }
            }
            Err(error) => tracing::warn!(%error, "how much room the disk has is not known"),
        }
        sleep(Duration::from_millis(limits::SPACE_CHECK_MS)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_write_counts() {
        let disk = Arc::new(Disk::default());
        let stall = Duration::from_millis(limits::DISK_STALL_MS + 1);
        let first = disk.begin_write();
        tokio::time::advance(stall / 2).await;
        let second = disk.begin_write();
        assert!(disk.standing().in_order());
        tokio::time::advance(stall / 2).await;
        assert!(disk.standing().stalled);
        drop(first);
        assert!(disk.standing().in_order());
        tokio::time::advance(stall / 2).await;
        assert!(disk.standing().stalled);
        drop(second);
        assert_eq!(disk.standing(), DiskStanding::default());
    }
}
