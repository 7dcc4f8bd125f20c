//! Sums of columns of small integers, each times a field element.

use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::field::small::SmallSums;

use super::sealed::SealedColumn;

/// Columns of small integers.
#[derive(Clone, Copy)]
pub enum Cells<'a> {
    /// From the first row on; those after them are zero.
    Dense(&'a [i64]),
    /// Sealed ones.
    Sealed(SealedColumn<'a>),
}

/// `Σ coefficient·cells` on `rows` rows: every integer times a field element, and nothing
/// transformed.
pub fn combine(rows: usize, terms: &[(Cells<'_>, Fp)]) -> Vec<Fp> {
    const CHUNK: usize = 256;
    let starts: Vec<usize> = (0..rows).step_by(CHUNK).collect();
    let chunk = |start: usize| {
        let end = rows.min(start + CHUNK);
        let mut sums = SmallSums::new(end - start);
        for (cells, coefficient) in terms {
            match cells {
                Cells::Dense(cells) => {
                    if let Some(cells) = cells.get(start..cells.len().min(end)) {
                        sums.add(cells, *coefficient);
                    }
                }
                Cells::Sealed(column) => sums.add(&column.cells(start..end), *coefficient),
            }
        }
        sums.finish()
    };
    starts.into_par_iter().map(chunk).collect::<Vec<_>>().concat()
}
