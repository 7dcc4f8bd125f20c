//! The combination `A` of all columns, which is opened in their stead.

use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::argument::combination::Combination;
use zkinfer_verifier::field::integers::Slice;

use crate::columns::{Cells, Columns, SealedColumn, combine};
use crate::commit::{BlindedColumn, Column, Committer, Content};

/// The combination of a proof's columns; the coefficients of those with sealed `weights` are apart.
pub fn combine_columns(
    committer: &Committer<'_>,
    columns: &Columns<'_>,
    coefficients: &Combination,
    weights: &[Fp],
) -> BlindedColumn {
    let (cells, rest) = coefficients.cells.split_at(columns.cells.len());
    let (dense, factors) = rest.split_at(columns.dense.len());
    let mut terms = Terms::default();
    let fresh = [
        (&columns.cells, cells),
        (&columns.factors, factors),
        (&columns.multiplicities, &coefficients.multiplicities),
        (&columns.helpers, &coefficients.helpers),
    ];
    for (columns, coefficients) in fresh {
        columns
            .iter()
            .zip(coefficients)
            .for_each(|(column, coefficient)| terms.add(column, *coefficient));
    }
    for (columns, coefficients) in [(&columns.dense, dense), (&columns.weights, weights)] {
        columns
            .iter()
            .zip(coefficients)
            .for_each(|(column, coefficient)| terms.add_sealed(column, *coefficient));
    }
    terms.combine(committer)
}

/// Columns with coefficients, by what they hold.
#[derive(Default)]
struct Terms<'a> {
    integers: Vec<(Cells<'a>, Fp)>,
    elements: Vec<(&'a [Fp], Fp)>,
    random: Vec<(&'a [Fp], Fp)>,
    blind: Fp,
}

impl<'a> Terms<'a> {
    /// Adds a column.
    fn add(&mut self, column: &'a Column<'_>, coefficient: Fp) {
        match &column.content {
            Content::Small(cells) => {
                self.integers.push((Cells::Dense(Slice::Words(cells)), coefficient));
            }
            Content::Full(elements) => self.elements.push((elements, coefficient)),
        }
        self.random.push((&column.random, coefficient));
        self.blind += column.blind * coefficient;
    }

    /// Adds a column of integers that has no random rows.
    fn add_sealed(&mut self, column: &SealedColumn<'a>, coefficient: Fp) {
        self.integers.push((Cells::Sealed(*column), coefficient));
        self.blind += column.blind * coefficient;
    }

    /// `A`.
    fn combine(&self, committer: &Committer<'_>) -> BlindedColumn {
        let mut values = combine(committer.rows, &self.integers);
        let (usable, behind) = values.split_at_mut(committer.usable);
        const CHUNK: usize = 256;
        usable.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
            for (elements, coefficient) in &self.elements {
                let elements = &elements[chunk * CHUNK..];
                values
                    .iter_mut()
                    .zip(elements)
                    .for_each(|(value, element)| *value += *coefficient * element);
            }
        });
        for (random, coefficient) in &self.random {
            behind
                .iter_mut()
                .zip(*random)
                .for_each(|(value, random)| *value += *coefficient * random);
        }
        BlindedColumn { values, blind: self.blind }
    }
}
