//! Which combination of all columns is opened.
//!
//! At the point `r` of the [row sum](crate::argument::row_sum) a proof claims evaluations `f̂` of
//! every lookup, `ĥ` of every helper, `û` and `v̂` of every operand and factor, and, hidden in a
//! [message](crate::argument::messages), `e = Σ_c κ̂_c·â_c − y^(H+1)·Σ_s R̂_s·m̂_s`. All of them
//! are weighted sums over rows of combinations of columns, with the same weights `E`. So one
//! combination `A` of all columns, by powers of `γ`, is left: `Σ_row E[row]·A[row] = value + e`.

use pasta_curves::Fp;

use crate::argument::public::Public;
use crate::argument::row_sum::Evaluations;
use crate::challenges::{Gamma, LookupChallenges};
use crate::circuit::layout::Layout;

/// Coefficients of columns in `A`; those of sealed weights are their `κ̂`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combination {
    /// Columns up to the factors.
    pub cells: Vec<Fp>,
    /// Multiplicities.
    pub multiplicities: Vec<Fp>,
    /// Helpers.
    pub helpers: Vec<Fp>,
    /// What the known evaluations say that `A` sums to.
    pub value: Fp,
    /// The first power of `γ` that nothing uses.
    pub next: Fp,
}

impl Combination {
    /// The combination by powers of `gamma`: 1 for `e`, then lookups, helpers, operands, factors.
    pub fn new(
        layout: &Layout,
        public: &Public,
        evaluations: Evaluations<'_>,
        challenges: &LookupChallenges,
        gamma: Gamma,
    ) -> Self {
        let mut cells = public.kappa.to_vec();
        let balance = challenges.balance(evaluations.helpers.len());
        let multiplicities = public.inverses.iter().map(|inverse| -(balance * inverse)).collect();
        let (mut power, mut value) = (*gamma, Fp::zero());
        for ((lookup, evaluation), tag) in
            layout.lookups.iter().zip(evaluations.lookups).zip(&public.tags)
        {
            let mut weight = power * *challenges.theta;
            for cell in cells.get_mut(lookup.columns.clone()).unwrap_or_default() {
                *cell += weight;
                weight *= *challenges.theta;
            }
            value += power * (*evaluation - *challenges.beta - tag);
            power *= *gamma;
        }
        let mut next = |evaluation: &Fp| {
            let coefficient = power;
            value += power * evaluation;
            power *= *gamma;
            coefficient
        };
        let helpers = evaluations.helpers.iter().map(&mut next).collect();
        for (column, evaluation) in layout.multiplied_columns().zip(evaluations.factors) {
            let weight = next(evaluation);
            cells.get_mut(column).into_iter().for_each(|cell| *cell += weight);
        }
        Self { cells, multiplicities, helpers, value, next: power }
    }
}
