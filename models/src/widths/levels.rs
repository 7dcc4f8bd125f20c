//! How many bits each group of a large network has, from what its rounding costs at the outputs.
//!
//! With each bit a step is half as long, and its square a quarter. So from what a group adds with
//! some bits follows what it adds with others, and those are chosen with which groups of all sizes
//! add as much for each element: that costs least for what they add together.

use super::groups::Group;
use crate::float::graph::{Graph, Operator};
use crate::quantise::settings::Bits;

/// Bits with which groups are tried: few enough that their rounding is felt, enough that it does
/// not drown what they have.
pub(super) const TRIED: Bits = Bits::TEN;
/// Bits that a group may have: equal functions share a table, so that each width has one of its
/// own.
const LEVELS: [u32; 5] = [8, 10, 12, 14, 16];
/// Entries of all functions but saturations together: a circuit has three rows for each.
const ENTRIES: usize = 1 << 18;
/// What outputs may lose in all, in units of what is enough.
const WHOLE: f64 = 1.0;
/// What may be added to the loss that is there in any case, where that alone is nearly too much.
const SHARE: f64 = 0.1;
/// What is left of it after a try that was not close enough.
const LESS: f64 = 0.5;

/// Bits that each group may have at most: 16, and for functions of one value so many that all of
/// their tables together are not too long.
pub(super) fn most(graph: &Graph, groups: &[Group]) -> Vec<Bits> {
    let is_function = |value: usize| {
        let node = graph.producer(value).map(|index| &graph.nodes[index]);
        node.is_some_and(|node| match &node.operator {
            Operator::Activation(activation) => activation.clip().is_none(),
            _ => node.fused.as_ref().is_some_and(|activation| activation.clip().is_none()),
        })
    };
    let functions =
        |group: &Group| group.values.iter().filter(|&&value| is_function(value)).count();
    let count = groups.iter().map(functions).sum::<usize>();
    let bits = (ENTRIES / count.max(1)).max(1).ilog2().clamp(8, 16);
    let limited = |group: &Group| if functions(group) > 0 { bits } else { 16 };
    groups.iter().map(|group| Bits::new(limited(group)).unwrap_or_default()).collect()
}

/// What groups add, and what they may.
pub(super) struct Levels {
    /// Of each group with [`TRIED`] bits.
    added: Vec<f64>,
    sizes: Vec<usize>,
    most: Vec<Bits>,
    /// What all of them may add.
    whole: f64,
}

impl Levels {
    /// Of groups whose rounding to [`TRIED`] bits adds so much to a loss of `floor`.
    pub(super) fn new(floor: f64, added: Vec<f64>, sizes: Vec<usize>, most: Vec<Bits>) -> Self {
        Self { added, sizes, most, whole: (WHOLE - floor).max(SHARE * floor) }
    }

    /// Half as much may be added from now on.
    pub(super) fn tighten(&mut self) {
        self.whole *= LESS;
    }

    /// The bits of the groups: as few as keep what each adds within its share, by its elements, of
    /// what all may.
    pub(super) fn bits(&self) -> Vec<Bits> {
        let elements = self.sizes.iter().sum::<usize>().max(1) as f64;
        let groups = self.added.iter().zip(&self.sizes).zip(&self.most);
        let bits = groups.map(|((added, &size), &most)| {
            let share = self.whole * size as f64 / elements;
            let adds = |bits: u32| added * 4f64.powi(TRIED.count() as i32 - bits as i32);
            let least = LEVELS.into_iter().find(|&bits| adds(bits) <= share);
            least.and_then(Bits::new).unwrap_or(Bits::SIXTEEN).min(most)
        });
        bits.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(floor: f64, added: &[f64], sizes: &[usize]) -> Vec<u32> {
        let most = vec![Bits::SIXTEEN; added.len()];
        let levels = Levels::new(floor, added.to_vec(), sizes.to_vec(), most);
        levels.bits().into_iter().map(Bits::count).collect()
    }

    #[test]
    fn each_group_has_the_bits_that_its_share_asks_for() {
        // Half of what may be added is each group's: with 8 bits it is 16 times what is tried.
        assert_eq!(bits(0.0, &[0.5 / 16.0, 0.51 / 16.0], &[1, 1]), [8, 10]);
        assert_eq!(bits(0.0, &[8.0, 0.0], &[1, 1]), [12, 8]);
        assert_eq!(bits(0.0, &[1e9, 0.0], &[1, 1]), [16, 8]);
        // The share of a larger group is larger.
        assert_eq!(bits(0.0, &[0.5, 0.5], &[9, 1]), [10, 12]);
        // Where nothing is left, a tenth of what is there in any case.
        assert_eq!(bits(10.0, &[0.5, 0.51], &[1, 1]), [10, 12]);
    }

    #[test]
    fn a_try_that_was_not_close_enough_leaves_less() {
        let most = vec![Bits::SIXTEEN, Bits::TEN];
        let mut levels = Levels::new(0.0, vec![0.5, 0.5], vec![1, 1], most);
        assert_eq!(levels.bits(), [Bits::TEN; 2]);
        levels.tighten();
        assert_eq!(levels.bits(), [Bits::TWELVE, Bits::TEN], "no more than there may be");
    }
}
