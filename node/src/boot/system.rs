//! The two ports that only the system can fill: time and randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use quorate_app::{Clock, Entropy};
use quorate_raft::WallClock;

/// The system's real-time clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        // A clock before 1970 reads as 1970: such a node judges nothing, because every stamp is far ahead of it.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64)
    }
}

impl WallClock for SystemClock {
    fn now_ms(&self) -> u64 {
        Clock::now_ms(self)
    }
}

/// The kernel's random numbers.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("invariant: the kernel gives random numbers once it has booted");
    }
}
