//! Random choices from a seed (SplitMix64), so that a case is named by its number.

use pasta_curves::Fp;

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    /// Between both, included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (u128::from(self.next()) % ((high - low) as u128 + 1)) as i64
    }

    /// True once in so many times.
    pub fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    pub fn element(&mut self) -> Fp {
        Fp::from_raw([self.next(), self.next(), self.next(), self.next() >> 2])
    }
}
