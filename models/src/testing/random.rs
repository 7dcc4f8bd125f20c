//! A fixed stream of pseudo-random numbers (SplitMix64).

use ndarray::ArrayD;

/// The stream's state.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream that depends on nothing but its seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number from `0` to `bound − 1`; `bound` is positive.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low) + 1;
        low + (self.bits() % span) as i64
    }

    /// A real number in `low..high`.
    pub fn real(&mut self, low: f32, high: f32) -> f32 {
        let fraction = (self.bits() >> 40) as f32 / (1u32 << 24) as f32;
        low + (high - low) * fraction
    }

    /// Real numbers in `low..high`.
    pub fn reals(&mut self, count: usize, low: f32, high: f32) -> Vec<f32> {
        (0..count).map(|_| self.real(low, high)).collect()
    }

    /// A tensor of real numbers in `low..high`.
    pub fn tensor(&mut self, shape: &[usize], low: f32, high: f32) -> ArrayD<f32> {
        let count = shape.iter().product();
        crate::tensor::moves::from_elements(shape, self.reals(count, low, high))
    }
}
