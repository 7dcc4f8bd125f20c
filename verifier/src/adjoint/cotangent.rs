//! Cotangents of tensors on their way back, and `κ`, where they end.

use std::ops::Range;
use std::sync::Arc;

use ff::Field;
use pasta_curves::Fp;

use crate::circuit::place::{Piece, add};
use crate::circuit::sheet::{Pattern, Sheet};
use crate::threads::for_each_chunk;

/// `κ` of sealed weights: `units[o]·taps[i]` for element `i` of unit `o`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightCotangent {
    /// One per element of a unit: powers of `τ`, or of a table's columns sums of powers of `σ`.
    pub taps: Vec<Fp>,
    /// One per unit.
    pub units: Vec<Fp>,
}

impl WeightCotangent {
    /// `κ_c(x)` of each column of the sheet, from the Lagrange basis at `x`: a polynomial per
    /// pattern, combined by the units in the column.
    pub fn evaluate(&self, sheet: &Sheet, basis: &[Fp]) -> Vec<Fp> {
        let pattern = |pattern: Pattern| {
            let basis = basis.get(pattern.rows).unwrap_or_default();
            basis
                .iter()
                .zip(self.taps.iter().skip(pattern.start))
                .map(|(l, tap)| *l * tap)
                .sum::<Fp>()
        };
        let patterns: Vec<Fp> = sheet.patterns().into_iter().map(pattern).collect();
        let term = |(pattern, unit)| Some(*patterns.get(pattern)? * self.units.get(unit)?);
        (0..sheet.columns.len())
            .map(|column| sheet.members(column).filter_map(term).sum())
            .collect()
    }
}

/// The cotangent of a tensor. `σ` is given as its powers, as many as the widest tensor has columns.
#[derive(Clone)]
pub(crate) enum Cotangent {
    /// `rows[o]·σ^p` over the tensor as a matrix of so many columns.
    Outer { rows: Vec<Fp>, columns: usize },
    /// One per element.
    Dense(Vec<Fp>),
}

/// `1, σ, …` along the columns of a tensor.
pub(crate) fn along(sigma: &[Fp], columns: usize) -> &[Fp] {
    sigma.get(..columns).unwrap_or(sigma)
}

impl Cotangent {
    /// Every entry times a factor.
    pub(crate) fn scaled(&self, factor: Fp) -> Self {
        let times = |values: &[Fp]| values.iter().map(|value| *value * factor).collect();
        match self {
            Self::Dense(values) => Self::Dense(times(values)),
            Self::Outer { rows, columns } => Self::Outer { rows: times(rows), columns: *columns },
        }
    }

    /// One entry per element.
    pub(crate) fn dense(self, sigma: &[Fp]) -> Vec<Fp> {
        match self {
            Self::Dense(values) => values,
            Self::Outer { rows, columns: 1 } => rows,
            Self::Outer { rows, columns } => {
                let mut values = vec![Fp::ZERO; rows.len().saturating_mul(columns)];
                add_outer(&mut values, &rows, along(sigma, columns));
                values
            }
        }
    }

    /// The sum over all elements.
    pub(crate) fn sum(&self, sigma: &[Fp]) -> Fp {
        let total = |values: &[Fp]| values.iter().sum::<Fp>();
        match self {
            Self::Dense(values) => total(values),
            Self::Outer { rows, columns } => total(rows) * total(along(sigma, *columns)),
        }
    }

    /// The sum of two cotangents of one tensor: of rank one as long as both are, over the same
    /// matrix.
    pub(crate) fn plus(self, other: Self, sigma: &[Fp]) -> Self {
        match (self, other) {
            (Self::Outer { rows: mut sum, columns: a }, Self::Outer { rows, columns: b })
                if a == b =>
            {
                sum.iter_mut().zip(rows).for_each(|(to, from)| *to += from);
                Self::Outer { rows: sum, columns: a }
            }
            (Self::Dense(mut sum), Self::Outer { rows, columns })
            | (Self::Outer { rows, columns }, Self::Dense(mut sum)) => {
                add_outer(&mut sum, &rows, along(sigma, columns));
                Self::Dense(sum)
            }
            (this, other) => {
                let mut sum = this.dense(sigma);
                sum.iter_mut().zip(other.dense(sigma)).for_each(|(to, from)| *to += from);
                Self::Dense(sum)
            }
        }
    }
}

/// What is still to be added to a column of `κ`: elements `first..` of a cotangent of rank one.
struct Pending {
    place: Range<usize>,
    first: usize,
    rows: Arc<Vec<Fp>>,
    columns: usize,
}

/// `κ` or `π` in the making. Cotangents of rank one are most of the work, and the pass reads none
/// of it: the columns are filled side by side at the end.
pub(crate) struct Kappa {
    columns: Vec<Vec<Fp>>,
    pending: Vec<Vec<Pending>>,
}

impl Kappa {
    /// All zero.
    pub(crate) fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns: zeros(columns, rows),
            pending: std::iter::repeat_with(Vec::new).take(columns).collect(),
        }
    }

    /// Adds values, one per element, to the cells of a tensor.
    pub(crate) fn add(&mut self, pieces: impl Iterator<Item = Piece>, values: &[Fp]) {
        add(&mut self.columns, pieces, values);
    }

    /// Adds `factor·cotangent` to the cells of a tensor.
    pub(crate) fn place(
        &mut self,
        pieces: impl Iterator<Item = Piece>,
        cotangent: &Cotangent,
        factor: Fp,
    ) {
        let scaled = if factor == Fp::ONE { None } else { Some(cotangent.scaled(factor)) };
        match scaled.as_ref().unwrap_or(cotangent) {
            Cotangent::Dense(values) => self.add(pieces, values),
            Cotangent::Outer { rows, columns } => {
                let rows = Arc::new(rows.clone());
                for Piece { column, rows: place, elements } in pieces {
                    let (first, rows, columns) = (elements.start, Arc::clone(&rows), *columns);
                    let pending = self.pending.get_mut(column);
                    pending.into_iter().for_each(|list| {
                        list.push(Pending {
                            place: place.clone(),
                            first,
                            rows: rows.clone(),
                            columns,
                        })
                    });
                }
            }
        }
    }

    /// The columns, with what is pending.
    pub(crate) fn fill(mut self, sigma: &[Fp]) -> Vec<Vec<Fp>> {
        let mut columns: Vec<_> = self.columns.iter_mut().zip(self.pending).collect();
        for_each_chunk(&mut columns, 1, |_, columns| {
            for (kappa, pending) in columns {
                for Pending { place, first, rows, columns } in pending {
                    let values = kappa.get_mut(place.clone()).unwrap_or_default();
                    add_elements(values, *first, rows, along(sigma, *columns));
                }
            }
        });
        self.columns
    }
}

/// Columns of zeros, made side by side: the system clears their pages when they are first written
/// to.
fn zeros(count: usize, rows: usize) -> Vec<Vec<Fp>> {
    let mut columns = vec![Vec::new(); count];
    for_each_chunk(&mut columns, 1, |_, column| column.fill(vec![Fp::ZERO; rows]));
    columns
}

/// Adds `rows ⊗ columns` to a tensor.
fn add_outer(values: &mut [Fp], rows: &[Fp], columns: &[Fp]) {
    /// Elements that are worth a thread.
    const SHARE: usize = 2048;
    for_each_chunk(values, SHARE, |share, values| {
        add_elements(values, share.saturating_mul(SHARE), rows, columns)
    });
}

/// Adds the elements `first..` of `rows ⊗ columns`.
fn add_elements(mut values: &mut [Fp], first: usize, rows: &[Fp], columns: &[Fp]) {
    let (row, mut skipped) = (
        first.checked_div(columns.len()).unwrap_or(0),
        first.checked_rem(columns.len()).unwrap_or(0),
    );
    for row in rows.iter().skip(row) {
        let columns = columns.get(skipped..).unwrap_or_default();
        let (line, rest) = values.split_at_mut(columns.len().min(values.len()));
        line.iter_mut().zip(columns).for_each(|(to, column)| *to += *row * column);
        (values, skipped) = (rest, 0);
        if values.is_empty() {
            return;
        }
    }
}
