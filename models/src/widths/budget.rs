//! Which groups keep 8 bits, from what their rounding costs at the outputs.
//!
//! Rounding adds noise, and noise that comes in at different places adds up. What has more than 8
//! bits takes more to prove the more elements it has. So those keep 8 that add least noise for an
//! element, as many as leave the outputs close enough.

use crate::quantise::settings::Bits;

/// What outputs may lose in all, in units of what is enough.
const WHOLE: f64 = 1.0;
/// What may be added to the loss that is there in any case, where that alone is nearly too much.
const SHARE: f64 = 0.05;
/// What is left of it after a try that was not close enough.
const LESS: f64 = 0.5;

#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// What each group adds with 8 bits, and its elements.
    losses: Vec<f64>,
    sizes: Vec<usize>,
    /// What all of them may add.
    added: f64,
}

impl Budget {
    /// Of groups whose rounding to 8 bits adds so much to a loss of `floor`.
    pub(super) fn new(floor: f64, losses: Vec<f64>, sizes: Vec<usize>) -> Self {
        Self { losses, sizes, added: (WHOLE - floor).max(SHARE * floor) }
    }

    /// Half as much is added from now on.
    pub(super) fn tighten(&mut self) {
        self.added *= LESS;
    }

    /// The bits of the groups, where those that need more than 8 have `wide`.
    pub(super) fn bits(&self, wide: Bits) -> Vec<Bits> {
        let mut bits = vec![wide; self.losses.len()];
        let worth = |&group: &usize| self.losses[group] / self.sizes[group].max(1) as f64;
        let mut order: Vec<usize> = (0..bits.len()).collect();
        order.sort_by(|a, b| worth(a).total_cmp(&worth(b)));
        let mut added = 0.0;
        for group in order {
            if added + self.losses[group] <= self.added {
                added += self.losses[group];
                bits[group] = Bits::EIGHT;
            }
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(floor: f64, losses: &[f64], sizes: &[usize]) -> Vec<u32> {
        let budget = Budget::new(floor, losses.to_vec(), sizes.to_vec());
        budget.bits(Bits::TWELVE).into_iter().map(Bits::count).collect()
    }

    #[test]
    fn what_adds_least_for_an_element_keeps_8() {
        assert_eq!(bits(0.2, &[0.3, 0.3], &[1, 1]), [8, 8], "all that can");
        assert_eq!(bits(0.2, &[0.6, 0.3], &[1, 1]), [12, 8]);
        // The same noise of more elements costs less for each.
        assert_eq!(bits(0.2, &[0.6, 0.6], &[1, 10]), [12, 8]);
        // What is too much for what is left leaves room for others.
        assert_eq!(bits(0.0, &[2.0, 0.5, 0.1], &[9, 1, 1]), [12, 8, 8]);
        // Where nothing is left, what adds nothing.
        assert_eq!(bits(7.0, &[0.0, 1.0], &[1, 1]), [8, 12]);
    }

    #[test]
    fn a_try_that_was_not_close_enough_leaves_less() {
        let mut budget = Budget::new(0.2, vec![0.5, 0.1], vec![1, 1]);
        assert_eq!(budget.bits(Bits::TWELVE), [Bits::EIGHT; 2]);
        budget.tighten();
        assert_eq!(budget.bits(Bits::TWELVE), [Bits::TWELVE, Bits::EIGHT]);
    }
}
