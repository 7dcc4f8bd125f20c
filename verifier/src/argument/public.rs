//! The public columns at the point of the row sum, and what follows from them: which combination of
//! columns is opened, and what it must sum to.

use core::ops::Range;

use ff::{BatchInvert, Field};
use pasta_curves::Fp;

use crate::adjoint::Adjoint;
use crate::challenges::{Beta, Coordinate, LookupChallenges, Theta};
use crate::circuit::key::VerifyingKey;
use crate::circuit::layout::Layout;
use crate::circuit::tables::{Tuple, compress_tuple, tag_value};
use crate::error::Rejection;
use crate::field::multilinear::{inner_product, weights};
use crate::field::powers;
use crate::threads::for_each_chunk;

/// The weights of rows at the point of the row sum.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The point.
    pub point: Vec<Fp>,
    /// `E`: zero from the boundary row on.
    pub weights: Vec<Fp>,
    /// `Σ` of the first `i` weights.
    sums: Vec<Fp>,
}

impl Rows {
    /// The weights at a point.
    pub fn new(point: &[Coordinate], layout: &Layout) -> Self {
        let point: Vec<Fp> = point.iter().map(|coordinate| **coordinate).collect();
        let mut weights = weights(&point);
        weights.truncate(layout.boundary());
        let mut sum = Fp::zero();
        let mut sums = vec![sum];
        sums.extend(weights.iter().map(|weight| {
            sum += *weight;
            sum
        }));
        Self { point, weights, sums }
    }

    /// The column that is 1 on `rows` and 0 elsewhere.
    fn range(&self, rows: Range<usize>) -> Fp {
        let sum = |end| self.sums.get(end).copied().unwrap_or(Fp::zero());
        sum(rows.end) - sum(rows.start)
    }

    /// `âct`.
    pub fn active(&self, layout: &Layout) -> Fp {
        self.range(0..layout.usable)
    }

    /// The tags of every lookup.
    pub fn tags(&self, layout: &Layout) -> Vec<Fp> {
        let tag = |(rows, tag): &(Range<usize>, usize)| tag_value(*tag) * self.range(rows.clone());
        layout.lookups.iter().map(|lookup| lookup.tags.iter().map(tag).sum()).collect()
    }

    /// `κ̂` of every column of sealed weights.
    pub fn sealed_weights(&self, layout: &Layout, adjoint: &Adjoint) -> Vec<Fp> {
        let sheets = layout.weight_sheets().zip(&adjoint.weights);
        sheets.flat_map(|(sheet, cotangent)| cotangent.evaluate(sheet, &self.weights)).collect()
    }
}

/// Public columns at the point of the row sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    /// `ŵ`.
    pub weight: Fp,
    /// `âct`.
    pub active: Fp,
    /// The tags of every lookup.
    pub tags: Vec<Fp>,
    /// `κ̂`, one per column up to the factors.
    pub kappa: Vec<Fp>,
    /// `π̂`, one per pair of columns that are multiplied.
    pub separators: Vec<Fp>,
    /// `R̂_s`, one per table slot.
    pub inverses: Vec<Fp>,
}

impl Public {
    /// Evaluates every column: one multiplication a cell.
    pub fn evaluate(
        key: &VerifyingKey,
        rows: &Rows,
        adjoint: &Adjoint,
        challenges: &LookupChallenges,
    ) -> Result<Self, Rejection> {
        let layout = key.layout();
        let evaluate = |columns: &[Vec<Fp>]| {
            let mut values: Vec<(&Vec<Fp>, Fp)> =
                columns.iter().map(|column| (column, Fp::zero())).collect();
            for_each_chunk(&mut values, 1, |_, values| {
                values
                    .iter_mut()
                    .for_each(|(column, value)| *value = inner_product(column, &rows.weights));
            });
            values.into_iter().map(|(_, value)| value).collect()
        };
        let inverses = key.table_inverses(challenges.theta, challenges.beta);
        let inverses = inverses.ok_or(Rejection::DegenerateChallenge { part: "table" })?;
        Ok(Self {
            weight: inner_product(&powers(*challenges.zeta, layout.usable), &rows.weights),
            active: rows.active(layout),
            tags: rows.tags(layout),
            kappa: evaluate(&adjoint.kappa),
            separators: evaluate(&adjoint.separators),
            inverses: evaluate(&inverses),
        })
    }
}

impl VerifyingKey {
    /// The public columns `R_s = 1/(β + t_s)`, one per slot, `u` rows each; none if a denominator
    /// is zero.
    ///
    /// Rows of the last slot that no table fills repeat the all-zero tuple, which is always valid.
    pub fn table_inverses(&self, theta: Theta, beta: Beta) -> Option<Vec<Vec<Fp>>> {
        let layout = self.layout();
        let tuples: Vec<(usize, Tuple)> = self.tables().tuples().collect();
        let slots = tuples.chunks(layout.usable.max(1));
        let mut columns: Vec<_> = slots.map(|tuples| (tuples, Vec::new())).collect();
        for_each_chunk(&mut columns, 1, |_, columns| {
            for (tuples, inverses) in columns {
                inverses.extend(
                    tuples.iter().map(|(tag, tuple)| *beta + compress_tuple(*tag, *tuple, *theta)),
                );
                inverses.resize(layout.usable, *beta);
                inverses.iter_mut().batch_invert();
            }
        });
        // What is zero stays zero.
        let inverses: Vec<Vec<Fp>> = columns.into_iter().map(|(_, inverses)| inverses).collect();
        let degenerate = inverses.iter().flatten().any(|value| bool::from(value.is_zero()));
        (!degenerate).then_some(inverses)
    }
}
