//! Combinations of a few generators that never change: the masks and blinds of every column.

use ff::PrimeField;
use group::{Curve, Group};
use pasta_curves::{Eq, EqAffine, Fp};
use rayon::prelude::*;

/// Bits of a window.
const WINDOW: usize = 4;
/// Multiples of a window's place, without the zeroth.
const MULTIPLES: usize = (1 << WINDOW) - 1;

/// Generators with tables for multiplying them.
pub struct FixedBases<const COUNT: usize> {
    /// Per generator and window, its multiples `1..=15` by the window's place.
    tables: Vec<Vec<[EqAffine; MULTIPLES]>>,
}

impl<const COUNT: usize> FixedBases<COUNT> {
    /// Tables for generators.
    pub fn new(generators: [EqAffine; COUNT]) -> Self {
        let table = |generator: &EqAffine| {
            let mut base = Eq::from(*generator);
            let windows = Fp::NUM_BITS.div_ceil(WINDOW as u32) as usize;
            let mut points = Vec::with_capacity(windows * MULTIPLES);
            for _ in 0..windows {
                let multiples = std::iter::successors(Some(base), |point| Some(point + base));
                points.extend(multiples.take(MULTIPLES));
                base = (0..WINDOW).fold(base, |point, _| point.double());
            }
            let mut affine = vec![EqAffine::default(); points.len()];
            Eq::batch_normalize(&points, &mut affine);
            affine.as_chunks().0.to_vec()
        };
        Self { tables: generators.par_iter().map(table).collect() }
    }

    /// `Σ_i scalars_i·generator_i`.
    pub fn combine(&self, scalars: &[Fp; COUNT]) -> Eq {
        let mut sum = Eq::identity();
        for (table, scalar) in self.tables.iter().zip(scalars) {
            let bytes = scalar.to_repr();
            let digits = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
            for (multiples, digit) in table.iter().zip(digits) {
                if digit > 0 {
                    sum += multiples[digit as usize - 1];
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::Field;

    #[test]
    fn tables_give_the_combination_of_the_generators() {
        let generators =
            [Eq::generator(), Eq::generator() * Fp::from(77)].map(|point| point.to_affine());
        let bases = FixedBases::new(generators);
        for scalars in [
            [Fp::ONE, -Fp::ONE],
            [Fp::ZERO, Fp::from(0x1234_5678_9abc_def0)],
            [-Fp::from(77).square(), Fp::ZERO],
            [Fp::ZERO; 2],
        ] {
            let expected: Eq =
                generators.iter().zip(scalars).map(|(generator, scalar)| *generator * scalar).sum();
            assert_eq!(bases.combine(&scalars), expected);
        }
    }
}
