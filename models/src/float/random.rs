//! Pseudo-random numbers that are the same everywhere.

/// Steele, Lea and Flood's SplitMix64: fixed, so that compiling a model twice gives one key.
pub(super) struct Random(pub(super) u64);

/// What its state grows by.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Where it stands after so many numbers.
    pub(super) fn after(&self, numbers: usize) -> Self {
        Self(self.0.wrapping_add(STEP.wrapping_mul(numbers as u64)))
    }

    /// A number in `[0, 1)`, of 24 bits.
    pub(super) fn fraction(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(STEP);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_fixed() {
        let mut random = Random(1);
        let drawn: Vec<f32> = (0..1000).map(|_| random.fraction()).collect();
        assert!(drawn.iter().all(|x| (0.0..1.0).contains(x)));
        let mean: f32 = drawn.iter().sum::<f32>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
        assert_eq!(Random(1).fraction(), drawn[0]);
        for (place, &number) in drawn.iter().enumerate() {
            assert_eq!(Random(1).after(place).fraction(), number);
        }
    }
}
