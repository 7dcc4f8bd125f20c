//! Sealed weights in the row sum.
//!
//! A sheet's cotangent at a cell is the unit's times the tap's, and the lowest bits of a row choose
//! the tap: `Σ κ·a` over all its columns is `Σ_t tap_t·(Σ_o unit_o·W[o, t])`, for each part of the
//! taps a sum over as many bits as a slot has rows. So the rounds over these bits see one vector a
//! part instead of the columns. Behind them a slot of a column is one row.

use std::ops::Range;

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::adjoint::WeightCotangent;
use zkinfer_verifier::circuit::sheet::Sheet;
use zkinfer_verifier::field::integers::Slice;
use zkinfer_verifier::field::multilinear::weights;
use zkinfer_verifier::field::small::Elements;

use crate::columns::{Cells, SealedColumn, combine};

/// Values with their public coefficients, on as many rows as are left.
pub type Linear = [Vec<Fp>; 2];

/// The columns of a sheet of sealed weights in the row sum.
#[derive(Clone)]
pub struct SheetSum<'a> {
    sheet: &'a Sheet,
    columns: &'a [SealedColumn<'a>],
    units: &'a [Fp],
    /// Rows of a column.
    rows: usize,
    /// What was answered of the bits within a slot.
    point: Vec<Fp>,
    /// Before these bits are done: for each part its elements summed over the units, with its taps.
    /// Then every column, a row for each slot.
    pub tables: Vec<Linear>,
}

impl<'a> SheetSum<'a> {
    /// A sheet with its columns of so many rows.
    pub fn new(
        rows: usize,
        sheet: &'a Sheet,
        cotangent: &'a WeightCotangent,
        columns: &'a [SealedColumn<'a>],
    ) -> Self {
        let (taps, units) = (&cotangent.taps, cotangent.units.as_slice());
        let elements = columns.first().map_or(Slice::Bytes(&[]), |column| column.elements);
        let matrix = elements.rows(taps.len()).map(Cells::Dense);
        let terms: Vec<_> = matrix.zip(units.iter().copied()).collect();
        let summed = combine(taps.len(), &terms);
        let part = |part: Range<usize>| {
            [&summed, taps].map(|values| {
                let mut values = values[part.clone()].to_vec();
                values.resize(1 << sheet.bits(), Fp::ZERO);
                values
            })
        };
        let tables = sheet.parts().map(part).collect();
        let mut sum = Self { sheet, columns, units, rows, point: Vec::new(), tables };
        sum.unfold();
        sum
    }

    /// What follows from a round's challenge, once the tables are folded by it.
    pub fn answered(&mut self, challenge: Fp) {
        self.point.push(challenge);
        self.unfold();
    }

    /// The columns, as soon as every part is one value.
    fn unfold(&mut self) {
        if self.point.len() != self.sheet.bits() as usize {
            return;
        }
        let parts: Vec<Fp> = self.tables.iter().map(|[_, taps]| taps[0]).collect();
        let (low, rows) = (Elements::new(weights(&self.point)), self.rows >> self.sheet.bits());
        let column = |column: &SealedColumn<'_>| {
            let mut table = [vec![Fp::ZERO; rows], vec![Fp::ZERO; rows]];
            let [values, coefficients] = &mut table;
            let places = values.iter_mut().zip(coefficients);
            for (slot, (value, coefficient)) in self.sheet.slots(column.index).zip(places) {
                *value = match column.elements {
                    Slice::Bytes(elements) => low.dot(&elements[slot.elements]),
                    Slice::Words(elements) => low.dot(&elements[slot.elements]),
                };
                *coefficient = parts[slot.part] * self.units[slot.unit];
            }
            table
        };
        self.tables = self.columns.par_iter().map(column).collect();
    }
}

#[cfg(test)]
mod tests {
    use zkinfer_verifier::circuit::description::{Quantisation, Scheme};
    use zkinfer_verifier::circuit::sheet::{Role, SealedTensor};
    use zkinfer_verifier::field::integer;
    use zkinfer_verifier::usable_rows;

    use super::*;

    fn powers(base: Fp) -> impl Iterator<Item = Fp> {
        std::iter::successors(Some(Fp::ONE), move |power| Some(*power * base))
    }

    /// Sums over the even rows, the odd rows, and of both differences' products.
    fn sums<'t>(tables: impl IntoIterator<Item = &'t Linear>) -> [Fp; 3] {
        let mut sums = [Fp::ZERO; 3];
        for [values, coefficients] in tables {
            let pairs = values.as_chunks().0.iter().zip(coefficients.as_chunks().0);
            for ([a, b], [c, d]) in pairs {
                let terms = [*a * c, *b * d, (*b - a) * (*d - c)];
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
        }
        sums
    }

    fn fold(tables: &mut [Linear], challenge: Fp) {
        for table in tables.iter_mut().flatten() {
            *table = table.as_chunks().0.iter().map(|[a, b]| *a + challenge * (*b - a)).collect();
        }
    }

    #[test]
    fn sheets_send_and_leave_what_their_columns_would() {
        const K: u32 = 7;
        let usable = usable_rows(K);
        // One column and several, units of one part and of several, the last one short or not;
        // slots of a row, of a few, of a whole column.
        for (units, length) in [(1, 1), (3, 1), (9, 32), (40, 9), (5, 100), (6, 77), (2, 300)] {
            let tensor = SealedTensor {
                name: "w".into(),
                shape: vec![units, length],
                minimum: -128,
                maximum: 127,
                quantisation: Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 }),
            };
            let sheet = Sheet::new(Role::Weights(0), tensor, 0, usable);
            let elements: Vec<i8> =
                (0..units * length).map(|i| (i * 89 % 256) as u8 as i8).collect();
            let cotangent = WeightCotangent {
                taps: powers(Fp::from(0x1234_5678_9abc)).take(length).collect(),
                units: powers(-Fp::from(77)).take(units).collect(),
            };
            let columns: Vec<SealedColumn<'_>> = (0..sheet.columns.len())
                .map(|index| SealedColumn {
                    sheet: &sheet,
                    index,
                    elements: Slice::Bytes(&elements),
                    blind: Fp::ONE,
                })
                .collect();
            let mut kappa = vec![vec![Fp::ZERO; 1 << K]; columns.len()];
            for piece in sheet.pieces() {
                for (row, element) in piece.rows.zip(piece.elements) {
                    kappa[piece.column][row] =
                        cotangent.units[element / length] * cotangent.taps[element % length];
                }
            }
            let cells = |column: &SealedColumn<'_>| -> Vec<Fp> {
                column.cells(0..1 << K).as_slice().iter().map(integer).collect()
            };
            let mut plain: Vec<Linear> =
                columns.iter().zip(kappa).map(|(column, kappa)| [cells(column), kappa]).collect();

            let mut sum = SheetSum::new(1 << K, &sheet, &cotangent, &columns);
            for round in 0..u64::from(K) {
                assert_eq!(sums(&sum.tables), sums(&plain), "{units} of {length}, round {round}");
                let challenge = Fp::from(round * round + 5).square();
                fold(&mut sum.tables, challenge);
                sum.answered(challenge);
                fold(&mut plain, challenge);
            }
            assert_eq!(sum.tables, plain, "{units} of {length}");
        }
    }
}
