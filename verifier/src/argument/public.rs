//! The public columns at the point of the row sum, and what follows from them: which combination of
//! columns is opened, and what it must sum to.

use core::ops::Range;

use pasta_curves::Fp;

use crate::adjoint::Adjoint;
use crate::argument::tables::tag_value;
use crate::challenges::{Coordinate, LookupChallenges};
use crate::circuit::key::VerifyingKey;
use crate::circuit::layout::Layout;
use crate::error::Rejection;
use crate::field::multilinear::{inner_product, weights};
use crate::field::powers;

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
    pub fn sealed_weights<T>(&self, layout: &Layout, adjoint: &Adjoint<T>) -> Vec<Fp> {
        let sheets = layout.weight_sheets().zip(&adjoint.weights);
        sheets.flat_map(|(sheet, cotangent)| cotangent.evaluate(sheet, &self.point)).collect()
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
    /// Evaluates every column; those of the adjoint check are, at the same rows.
    pub fn evaluate(
        key: &VerifyingKey,
        rows: &Rows,
        adjoint: &Adjoint<Fp>,
        challenges: &LookupChallenges,
    ) -> Result<Self, Rejection> {
        let layout = key.layout();
        let inverses = key.table_sums(challenges.theta, challenges.beta, &rows.weights);
        let inverses = inverses.ok_or(Rejection::DegenerateChallenge { part: "table" })?;
        Ok(Self {
            weight: inner_product(&powers(*challenges.zeta, layout.usable), &rows.weights),
            active: rows.active(layout),
            tags: rows.tags(layout),
            kappa: adjoint.kappa.clone(),
            separators: adjoint.separators.clone(),
            inverses,
        })
    }
}
