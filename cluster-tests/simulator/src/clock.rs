//! Wall clocks and entropy of simulated nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use quorate_app::{Clock, Entropy};
use quorate_raft::WallClock;

use crate::dice::Dice;

/// When the simulation begins, in ms since 1970: at the beginning of a timestep.
pub const BEGIN_MS: u64 = 1_800_000_000_000;

/// A node's wall clock: the true time, and how far it is off.
#[derive(Clone, Default)]
pub struct NodeClock(Arc<ClockState>);

#[derive(Default)]
struct ClockState {
    true_ms: AtomicU64,
    off_ms: AtomicI64,
}

impl NodeClock {
    /// The simulation's time, in ms from its beginning.
    pub fn set_true(&self, now_ms: u64) {
        self.0.true_ms.store(now_ms, Ordering::Relaxed);
    }

    /// How far this clock is ahead, in ms.
    pub fn set_off(&self, off_ms: i64) {
        self.0.off_ms.store(off_ms, Ordering::Relaxed);
    }

    /// How far this clock is ahead, in ms.
    pub fn off_ms(&self) -> i64 {
        self.0.off_ms.load(Ordering::Relaxed)
    }

    fn read(&self) -> u64 {
        (BEGIN_MS + self.0.true_ms.load(Ordering::Relaxed)).saturating_add_signed(self.off_ms())
    }
}

impl Clock for NodeClock {
    fn now_ms(&self) -> u64 {
        self.read()
    }
}

impl WallClock for NodeClock {
    fn now_ms(&self) -> u64 {
        self.read()
    }
}

/// A node's entropy, from the seed.
pub struct NodeEntropy(Mutex<Dice>);

impl NodeEntropy {
    pub fn new(dice: Dice) -> Self {
        Self(Mutex::new(dice))
    }
}

impl Entropy for NodeEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock();
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&dice.draw().to_be_bytes()[..chunk.len()]);
        }
    }
}
