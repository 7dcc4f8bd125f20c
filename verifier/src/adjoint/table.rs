//! Steps back through tables that are read at public indices: all linear, for the verifier knows
//! where each element stands.

use ff::Field;
use pasta_curves::Fp;

use super::cotangent::{Cotangent, WeightCotangent};
use super::pass::Backward;
use crate::circuit::description::{Contract, OneHot};
use crate::circuit::facts::Facts;

impl Backward<'_> {
    /// The column of the table that each element of an input names.
    fn places(&self, OneHot { input, first, .. }: OneHot) -> Vec<usize> {
        let value = self.statement.inputs.get(input);
        let indices = value.map_or(&[][..], |value| value.integers());
        let place =
            |&index: &i64| index.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        // The statement's check refuses an index outside its input's range.
        indices.iter().map(|index| place(index).unwrap_or(usize::MAX)).collect()
    }

    /// `Σ cotangent·[x[p] = first + t]`, which is public.
    pub(super) fn one_hot(&mut self, indices: OneHot, facts: &Facts, cotangent: &Cotangent) {
        let (_, columns) = facts.matrix();
        let at = |values: &[Fp], place| values.get(place).copied().unwrap_or(Fp::ZERO);
        let terms = self.places(indices).into_iter().enumerate();
        let known: Fp = match cotangent {
            Cotangent::Outer { rows, .. } => {
                terms.map(|(p, t)| at(rows, t) * at(&self.sigma, p)).sum()
            }
            Cotangent::Dense(values) => {
                terms.map(|(p, t)| at(values, t.saturating_mul(columns).saturating_add(p))).sum()
            }
        };
        self.constant(known);
    }

    /// Sealed weights `W[o, x[p] − first]` under `row_o·σ^p`: `κ = row_o·Σ σ^p` over the `p` that
    /// name the column.
    pub(super) fn table(&mut self, id: usize, contract: &Contract, rows: Vec<Fp>) {
        let Some(&indices) = self.key.description().table(contract) else { return };
        let mut taps = vec![Fp::ZERO; indices.count];
        for (place, sigma) in self.places(indices).into_iter().zip(&self.sigma) {
            taps.get_mut(place).into_iter().for_each(|tap| *tap += *sigma);
        }
        self.weights.insert(id, WeightCotangent { taps, units: rows });
    }
}
