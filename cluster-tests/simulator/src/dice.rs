//! The one source of chance: SplitMix64 from the seed.

use std::ops::Range;

/// A generator of its own for each part of the simulation, so that one part's draws do not shift another's.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x5155_4f52_4154_4521)
    }

    /// Another one, that depends on this one's seed and a name.
    pub fn fork(&mut self, name: u64) -> Dice {
        Dice(self.draw() ^ name.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of the range.
    pub fn of(&mut self, range: Range<u64>) -> u64 {
        range.start + self.draw() % (range.end - range.start)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.draw().is_multiple_of(times)
    }

    /// True in so many of a thousand times.
    pub fn permille(&mut self, share: u64) -> bool {
        self.draw() % 1_000 < share
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[(self.draw() % of.len() as u64) as usize]
    }
}
