//! Cotangents of tensors on their way back.

use std::ops::Range;

use ff::Field;
use pasta_curves::Fp;

use crate::circuit::sheet::{Sheet, Slot};
use crate::field::multilinear::{inner_product, weights};
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
    /// `κ̂_c` of each column of the sheet at a point: the low coordinates choose among a part's
    /// elements, the others among slots.
    pub fn evaluate(&self, sheet: &Sheet, point: &[Fp]) -> Vec<Fp> {
        let bits = usize::try_from(sheet.bits()).unwrap_or(usize::MAX);
        let (low, high) = point.split_at_checked(bits).unwrap_or((point, &[]));
        let [low, high] = [low, high].map(weights);
        let part =
            |part: Range<usize>| inner_product(self.taps.get(part).unwrap_or_default(), &low);
        let parts: Vec<Fp> = sheet.parts().map(part).collect();
        let column = |column| {
            let term = |(slot, high): (Slot, &Fp)| {
                Some(*parts.get(slot.part)? * self.units.get(slot.unit)? * high)
            };
            sheet.slots(column).zip(&high).filter_map(term).sum()
        };
        (0..sheet.columns.len()).map(column).collect()
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

/// Adds `rows ⊗ columns` to a tensor.
fn add_outer(values: &mut [Fp], rows: &[Fp], columns: &[Fp]) {
    /// Elements that are worth a thread.
    const SHARE: usize = 2048;
    for_each_chunk(values, SHARE, |share, values| {
        add_elements(values, share.saturating_mul(SHARE), rows, columns)
    });
}

/// Adds the elements `first..` of `rows ⊗ columns`.
pub(super) fn add_elements(mut values: &mut [Fp], first: usize, rows: &[Fp], columns: &[Fp]) {
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
