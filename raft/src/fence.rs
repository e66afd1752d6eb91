//! Whether this node's wall clock can be believed, and what time the cluster has.
//!
//! Each probe brings a peer's clock. Where a majority of the voters agree within the tolerance, their median is the cluster's time, and is
//! remembered against the monotonic clock (the *anchor*); where no majority can be seen to agree (a peer is down, the others differ), time
//! goes on from the anchor. So a clock that jumps is noticed at once and by its own node, also while nobody else can be asked.
//!
//! A node out of tolerance judges no time-based codes, does not campaign, and hands leadership over; a stamp is never further from the anchor
//! than the tolerance, whatever the wall clock says.
//!
//! Caveat: a node that has just started has no anchor. It does not campaign before it has one, unless it is the only voter.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{WallClock, limits};

/// A node's clock against the cluster's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockStanding {
    /// Within the tolerance of the cluster's time, as far as that is known.
    pub in_time: bool,
    /// How far this clock is ahead of the cluster's time, in ms; none while that is not known.
    pub ahead_ms: Option<i64>,
}

/// The cluster's time at one moment of the monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: Instant,
    cluster_ms: u64,
}

impl Anchor {
    /// The cluster's time now, by the monotonic clock; but no more of it at once than can have passed between two looks. A machine that was
    /// suspended, or restored from a snapshot, may find that clock far ahead: its first stamp must not take the cluster's time along.
    fn now_ms(&self) -> u64 {
        let passed_ms = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.cluster_ms.saturating_add(passed_ms.min(limits::ANCHOR_STEP_MS))
    }

    /// The same time, looked at now.
    fn moved_on(&self) -> Self {
        Self {
            at: Instant::now(),
            cluster_ms: self.now_ms(),
        }
    }
}

/// Compares this node's clock with the others'.
pub struct Fence {
    clock: Arc<dyn WallClock>,
    tolerance_ms: u64,
    anchor: Mutex<Option<Anchor>>,
}

impl Fence {
    pub fn new(clock: Arc<dyn WallClock>, tolerance_ms: u64) -> Self {
        Self {
            clock,
            tolerance_ms,
            anchor: Mutex::new(None),
        }
    }

    /// This node's wall clock, right or wrong, in ms since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Takes note of what the clocks of voters say now, in ms since 1970, as far as they are known; this node's among them, if it votes.
    /// Has to be called well within [`limits::ANCHOR_STEP_MS`] again.
    pub fn compare(&self, clocks_ms: Vec<u64>, voters: usize) {
        let mut anchor = self.anchor.lock();
        *anchor = match agreed(clocks_ms, voters, self.tolerance_ms) {
            Some(cluster_ms) => Some(Anchor {
                at: Instant::now(),
                cluster_ms,
            }),
            None => anchor.as_ref().map(Anchor::moved_on),
        };
    }

    /// The cluster's time now, in ms since 1970, if it is known.
    fn cluster_ms(&self) -> Option<u64> {
        self.anchor.lock().map(|anchor| anchor.now_ms())
    }

    /// Whether the cluster's time is known.
    pub fn is_anchored(&self) -> bool {
        self.anchor.lock().is_some()
    }

    pub fn standing(&self) -> ClockStanding {
        let Some(cluster_ms) = self.cluster_ms() else {
            return ClockStanding {
                in_time: true,
                ahead_ms: None,
            };
        };
        let ahead_ms = self.wall_ms().wrapping_sub(cluster_ms).cast_signed();
        ClockStanding {
            in_time: ahead_ms.unsigned_abs() <= self.tolerance_ms,
            ahead_ms: Some(ahead_ms),
        }
    }

    /// Whether another clock, which says this now, is within the tolerance of the cluster's time.
    pub fn is_in_time(&self, other_ms: u64) -> bool {
        self.cluster_ms()
            .is_none_or(|cluster_ms| cluster_ms.abs_diff(other_ms) <= self.tolerance_ms)
    }

    /// The time to write into the log, in ms since 1970: this node's, no further from the cluster's than the tolerance.
    pub fn stamp_ms(&self) -> u64 {
        let wall_ms = self.wall_ms();
        #[cfg(feature = "mutants")]
        if quorate_mutants::is_planted(quorate_mutants::Mutant::StampNotClamped) {
            return wall_ms;
        }
        match self.cluster_ms() {
            None => wall_ms,
            Some(cluster_ms) => wall_ms.clamp(
                cluster_ms.saturating_sub(self.tolerance_ms),
                cluster_ms.saturating_add(self.tolerance_ms),
            ),
        }
    }
}

/// The time on which a majority of the voters agree, in ms since 1970.
fn agreed(mut clocks: Vec<u64>, voters: usize, tolerance_ms: u64) -> Option<u64> {
    clocks.sort_unstable();
    // The middle of the smallest span that holds a majority: two liars of five cannot move it, and one who is far off is not in it.
    let majority = voters / 2 + 1;
    let spans = clocks.windows(majority);
    let closest = spans.min_by_key(|span| span[majority - 1] - span[0])?;
    (closest[majority - 1] - closest[0] <= tolerance_ms).then(|| closest[(majority - 1) / 2])
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Watch(AtomicU64);

    impl WallClock for Watch {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn fence(now_ms: u64) -> (Arc<Watch>, Fence) {
        let watch = Arc::new(Watch(AtomicU64::new(now_ms)));
        (watch.clone(), Fence::new(watch, 5_000))
    }

    #[test]
    fn a_majority_decides_and_less_does_not() {
        const OWN: u64 = 10_000_000;
        let agreed = |others: &[i64], voters| {
            let others = others.iter().map(|ahead| OWN.saturating_add_signed(*ahead));
            agreed(others.chain([OWN]).collect(), voters, 5_000).map(|ms| ms.cast_signed() - OWN.cast_signed())
        };
        assert_eq!(agreed(&[100, -100], 3), Some(-100));
        assert_eq!(agreed(&[3_600_000, 50], 3), Some(0));
        assert_eq!(agreed(&[3_600_000, 3_600_050], 3), Some(3_600_000));
        assert_eq!(agreed(&[3_600_000], 3), None);
        assert_eq!(agreed(&[], 3), None);
        assert_eq!(agreed(&[], 1), Some(0));
        assert_eq!(agreed(&[9_000, 9_000, 9_100, -70_000], 5), Some(9_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_is_noticed_without_anybody_else() {
        let (watch, fence) = fence(1_000_000);
        assert!(fence.standing().in_time && !fence.is_anchored());
        fence.compare(vec![1_000_010, 999_990, 1_000_000], 3);
        watch.0.fetch_add(3_600_000, Ordering::Relaxed);
        // Only one other is left, and who of the two is wrong the clocks alone do not tell.
        fence.compare(vec![1_000_000, 4_600_000], 3);
        assert!(!fence.standing().in_time);
        assert!(fence.stamp_ms() <= 1_000_000 + 5_000);
        assert!(!fence.is_in_time(4_600_000) && fence.is_in_time(1_000_000));
        for _ in 0..60 {
            tokio::time::advance(Duration::from_secs(1)).await;
            fence.compare(vec![1_000_000, 4_600_000], 3);
        }
        assert!(fence.stamp_ms() >= 1_055_000);
        // Set right again.
        watch.0.store(1_060_000, Ordering::Relaxed);
        assert!(fence.standing().in_time);
    }

    #[tokio::test(start_paused = true)]
    async fn both_clocks_jumping_together_take_no_stamp_along() {
        let (watch, fence) = fence(1_000_000);
        fence.compare(vec![1_000_000, 1_000_000, 1_000_000], 3);
        watch.0.fetch_add(90_000, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(90)).await;
        let most = 1_000_000 + limits::ANCHOR_STEP_MS + 5_000;
        assert!(fence.stamp_ms() <= most && !fence.standing().in_time);
        // The others' answers are too old to be believed, until there are new ones.
        fence.compare(vec![1_090_000], 3);
        assert!(fence.stamp_ms() <= most && !fence.standing().in_time);
        fence.compare(vec![1_090_000, 1_000_100, 1_000_100], 3);
        assert_eq!(fence.standing().ahead_ms, Some(89_900));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_alone_against_the_majority_is_out_of_time() {
        let (_, fence) = fence(1_000_000);
        fence.compare(vec![1_000_000, 1_030_000, 1_030_100], 3);
        assert_eq!(
            fence.standing(),
            ClockStanding {
                in_time: false,
                ahead_ms: Some(-30_000)
            }
        );
        assert_eq!(fence.stamp_ms(), 1_025_000);
    }
}
