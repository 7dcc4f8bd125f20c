//! Sums of columns of small integers, each times a field element.

use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::field::integers::Slice;
use zkinfer_verifier::field::small::SmallSums;

use super::sealed::SealedColumn;

/// Columns of small integers.
#[derive(Clone, Copy)]
pub enum Cells<'a> {
    /// From the first row on; those after them are zero.
    Dense(Slice<'a>),
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
                    add(&mut sums, cells.get(start..cells.len().min(end)), *coefficient);
                }
                Cells::Sealed(column) => {
                    let cells = column.cells(start..end);
                    add(&mut sums, Some(cells.as_slice()), *coefficient);
                }
            }
        }
        sums.finish()
    };
    starts.into_par_iter().map(chunk).collect::<Vec<_>>().concat()
}

/// Adds cells, if there are any, times a coefficient.
fn add(sums: &mut SmallSums, cells: Option<Slice<'_>>, coefficient: Fp) {
    match cells {
        Some(Slice::Bytes(cells)) => sums.add(cells, coefficient),
        Some(Slice::Words(cells)) => sums.add(cells, coefficient),
        None => {}
    }
}
