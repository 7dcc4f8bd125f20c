//! `κ` and `π` in the making: as columns, which a prover needs, or only the sum over each column
//! times the weights of its rows, which is all that a verifier asks of it.

use std::ops::Range;
use std::sync::Arc;

use ff::Field;
use pasta_curves::Fp;

use super::cotangent::{Cotangent, add_elements, along};
use crate::circuit::place::{Piece, add};
use crate::field::multilinear::inner_product;
use crate::threads::for_each_chunk;

/// What the cotangents of cells become, column by column.
enum Target<'a> {
    Columns(Vec<Vec<Fp>>),
    /// `Σ weights[row]·κ[row]`.
    Sums(&'a [Fp], Vec<Fp>),
}

/// What is still to be added to a column: `factor` times the elements `first..` of a cotangent of
/// rank one.
struct Pending {
    place: Range<usize>,
    first: usize,
    rows: Arc<Vec<Fp>>,
    columns: usize,
    factor: Fp,
}

/// Cotangents of rank one are most of the work, and the pass reads none of it: the columns take
/// them side by side at the end.
pub(super) struct Kappa<'a> {
    target: Target<'a>,
    pending: Vec<Vec<Pending>>,
}

impl<'a> Kappa<'a> {
    /// All zero: columns of so many rows, or sums where the rows have weights.
    pub(super) fn new(columns: usize, rows: usize, weights: Option<&'a [Fp]>) -> Self {
        let target = match weights {
            None => Target::Columns(zeros(columns, rows)),
            Some(weights) => Target::Sums(weights, vec![Fp::ZERO; columns]),
        };
        Self { target, pending: std::iter::repeat_with(Vec::new).take(columns).collect() }
    }

    /// Adds values, one per element, to the cells of a tensor.
    pub(super) fn add(&mut self, pieces: impl Iterator<Item = Piece>, values: &[Fp]) {
        self.add_scaled(pieces, values, Fp::ONE);
    }

    fn add_scaled(&mut self, pieces: impl Iterator<Item = Piece>, values: &[Fp], factor: Fp) {
        match &mut self.target {
            Target::Columns(columns) if factor == Fp::ONE => add(columns, pieces, values),
            Target::Columns(columns) => {
                let scaled: Vec<Fp> = values.iter().map(|value| *value * factor).collect();
                add(columns, pieces, &scaled);
            }
            Target::Sums(weights, sums) => {
                for Piece { column, rows, elements } in pieces {
                    let (weights, values) = (weights.get(rows), values.get(elements));
                    let Some((weights, values)) = weights.zip(values) else { continue };
                    let sum = shared_inner_product(values, weights) * factor;
                    sums.get_mut(column).into_iter().for_each(|to| *to += sum);
                }
            }
        }
    }

    /// Adds one value to all cells of a tensor of so many elements.
    pub(super) fn add_constant(
        &mut self,
        pieces: impl Iterator<Item = Piece>,
        value: Fp,
        elements: usize,
    ) {
        match &mut self.target {
            Target::Columns(columns) => add(columns, pieces, &vec![value; elements]),
            Target::Sums(weights, sums) => {
                for Piece { column, rows, .. } in pieces {
                    let sum: Fp = weights.get(rows).unwrap_or_default().iter().sum();
                    sums.get_mut(column).into_iter().for_each(|to| *to += sum * value);
                }
            }
        }
    }

    /// Adds `factor·cotangent` to the cells of a tensor.
    pub(super) fn place(
        &mut self,
        pieces: impl Iterator<Item = Piece>,
        cotangent: &Cotangent,
        factor: Fp,
    ) {
        let (rows, columns) = match cotangent {
            Cotangent::Dense(values) => return self.add_scaled(pieces, values, factor),
            Cotangent::Outer { rows, columns } => (rows, *columns),
        };
        // Columns take a multiplication for each cell: the rows are scaled before.
        let (rows, factor) = match &self.target {
            Target::Columns(_) if factor != Fp::ONE => {
                (rows.iter().map(|row| *row * factor).collect(), Fp::ONE)
            }
            _ => (rows.clone(), factor),
        };
        let rows = Arc::new(rows);
        for Piece { column, rows: place, elements } in pieces {
            let rows = Arc::clone(&rows);
            let pending = Pending { place, first: elements.start, rows, columns, factor };
            if let Some(list) = self.pending.get_mut(column) {
                list.push(pending);
            }
        }
    }

    /// The columns, with what is pending.
    pub(super) fn columns(self, sigma: &[Fp]) -> Vec<Vec<Fp>> {
        let Target::Columns(mut columns) = self.target else { return Vec::new() };
        let mut targets: Vec<_> = columns.iter_mut().zip(self.pending).collect();
        for_each_chunk(&mut targets, 1, |_, targets| {
            for (kappa, pending) in targets {
                for Pending { place, first, rows, columns, .. } in pending {
                    let values = kappa.get_mut(place.clone()).unwrap_or_default();
                    add_elements(values, *first, rows, along(sigma, *columns));
                }
            }
        });
        columns
    }

    /// The sums, with what is pending.
    pub(super) fn sums(self, sigma: &[Fp]) -> Vec<Fp> {
        let Target::Sums(weights, mut sums) = self.target else { return Vec::new() };
        let mut targets: Vec<_> = sums.iter_mut().zip(self.pending).collect();
        for_each_chunk(&mut targets, 1, |_, targets| {
            for (sum, pending) in targets {
                for Pending { place, first, rows, columns, factor } in pending {
                    let weights = weights.get(place.clone()).unwrap_or_default();
                    let columns = along(sigma, *columns);
                    **sum += sum_elements(weights, *first, rows, columns) * *factor;
                }
            }
        });
        sums
    }
}

/// Columns of zeros, made side by side: the system clears their pages when they are first written
/// to.
fn zeros(count: usize, rows: usize) -> Vec<Vec<Fp>> {
    let mut columns = vec![Vec::new(); count];
    for_each_chunk(&mut columns, 1, |_, column| column.fill(vec![Fp::ZERO; rows]));
    columns
}

/// The sum over the elements `first..` of `rows ⊗ columns`, each times a weight. `columns` are
/// powers, so the first of them is one.
fn sum_elements(mut weights: &[Fp], first: usize, rows: &[Fp], columns: &[Fp]) -> Fp {
    let length = columns.len().max(1);
    let (row, mut skipped) =
        (first.checked_div(length).unwrap_or(0), first.checked_rem(length).unwrap_or(0));
    let mut sum = Fp::ZERO;
    for row in rows.iter().skip(row) {
        let (line, rest) = weights.split_at(length.saturating_sub(skipped).min(weights.len()));
        let along = match (skipped, line.split_first()) {
            (0, Some((one, line))) => {
                *one + inner_product(line, columns.get(1..).unwrap_or_default())
            }
            _ => inner_product(line, columns.get(skipped..).unwrap_or_default()),
        };
        sum += *row * along;
        (weights, skipped) = (rest, 0);
        if weights.is_empty() {
            break;
        }
    }
    sum
}

/// An inner product, of long vectors on all cores.
fn shared_inner_product(values: &[Fp], weights: &[Fp]) -> Fp {
    /// Products that are worth a thread.
    const SHARE: usize = 2048;
    let shares = values.chunks(SHARE).zip(weights.chunks(SHARE));
    let mut shares: Vec<_> = shares.map(|(values, weights)| (values, weights, Fp::ZERO)).collect();
    for_each_chunk(&mut shares, 1, |_, shares| {
        shares.iter_mut().for_each(|(values, weights, sum)| *sum = inner_product(values, weights));
    });
    shares.into_iter().map(|(_, _, sum)| sum).sum()
}
