//! The lookups' columns: multiplicities, denominators `f`, helpers `h`.

use ff::{BatchInvert, Field};
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::argument::row_sum::fraction;
use zkinfer_verifier::challenges::{Beta, Theta};
use zkinfer_verifier::circuit::place::Lookup;
use zkinfer_verifier::{LOOKUPS_PER_HELPER, VerifyingKey};

use crate::commit::Committer;
use crate::error::ProveError;

/// Counts how often each row of the table slots is looked up, and names the first tuple that is in
/// no table.
pub fn multiplicities(
    key: &VerifyingKey,
    columns: &[Vec<i64>],
) -> (Vec<Vec<i64>>, Result<(), ProveError>) {
    let layout = key.layout();
    let mut counts = vec![vec![0i64; layout.usable]; layout.slots];
    let mut verdict = Ok(());
    for (index, lookup) in layout.lookups.iter().enumerate() {
        for (row, tag) in row_tags(lookup, layout.usable).into_iter().enumerate() {
            let mut tuple = [0; 3];
            tuple
                .iter_mut()
                .zip(&columns[lookup.columns.clone()])
                .for_each(|(cell, column)| *cell = column[row]);
            match key.tables().find(tag, tuple) {
                Some(at) => counts[at / layout.usable][at % layout.usable] += 1,
                None if verdict.is_ok() => {
                    verdict = Err(ProveError::Lookup { lookup: index, row, tag, tuple })
                }
                None => {}
            }
        }
    }
    (counts, verdict)
}

/// The tag of every usable row.
fn row_tags(lookup: &Lookup, usable: usize) -> Vec<usize> {
    let mut tags = vec![0; usable];
    for (rows, tag) in &lookup.tags {
        tags[rows.clone()].fill(*tag);
    }
    tags
}

/// The lookups of one proof by row, after `θ` and `β` are drawn.
pub struct Lookups {
    /// The denominators `f` of every lookup in all rows.
    pub denominators: Vec<Vec<Fp>>,
    /// The public columns `R_s`.
    pub inverses: Vec<Vec<Fp>>,
}

impl Lookups {
    /// From the columns as the row sum sees them.
    pub fn new(
        key: &VerifyingKey,
        committer: &Committer<'_>,
        cells: &[Vec<Fp>],
        theta: Theta,
        beta: Beta,
    ) -> Result<Self, ProveError> {
        let inverses = key.table_inverses(theta, beta).ok_or(ProveError::DegenerateChallenge)?;
        let denominators = |lookup: &Lookup| {
            let mut denominators = vec![*beta; committer.rows];
            for (rows, tag) in &lookup.tags {
                let tag = Fp::from(*tag as u64);
                denominators[rows.clone()].iter_mut().for_each(|f| *f += tag);
            }
            let mut power = *theta;
            for column in &cells[lookup.columns.clone()] {
                denominators.iter_mut().zip(column).for_each(|(f, cell)| *f += power * cell);
                power *= *theta;
            }
            denominators
        };
        Ok(Self {
            denominators: key.layout().lookups.par_iter().map(denominators).collect(),
            inverses,
        })
    }

    /// Helpers, one column per group of lookups: `Σ 1/f` in every usable row.
    pub fn helpers(&self, usable: usize) -> Result<Vec<Vec<Fp>>, ProveError> {
        let helper = |group: &[Vec<Fp>]| {
            let mut values = Vec::with_capacity(LOOKUPS_PER_HELPER);
            let fractions = (0..usable).map(|row| {
                values.clear();
                values.extend(group.iter().map(|f| f[row]));
                fraction(&values)
            });
            let (sums, mut products): (Vec<Fp>, Vec<Fp>) = fractions.unzip();
            if products.iter().any(|product| bool::from(product.is_zero())) {
                return Err(ProveError::DegenerateChallenge);
            }
            products.iter_mut().batch_invert();
            Ok(products.iter().zip(sums).map(|(inverse, sum)| *inverse * sum).collect())
        };
        self.denominators.par_chunks(LOOKUPS_PER_HELPER).map(helper).collect()
    }
}
