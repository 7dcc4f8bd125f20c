//! The lookup argument's columns: multiplicities, helpers `h`, running sum `φ`.

use ff::{BatchInvert, Field};
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::constraints::{Challenges, denominator, product_and_sum};
use zkinfer_verifier::layout::Lookup;
use zkinfer_verifier::{LOOKUPS_PER_HELPER, VerifyingKey};

use crate::commit::Column;
use crate::error::ProveError;

/// Counts how often each row of the table slots is looked up, and names the first tuple that is in no table.
pub fn multiplicities(key: &VerifyingKey, columns: &[Vec<i64>]) -> (Vec<Vec<i64>>, Result<(), ProveError>) {
    let layout = key.layout();
    let mut counts = vec![vec![0i64; layout.usable]; layout.slots];
    let mut verdict = Ok(());
    for (index, lookup) in layout.lookups.iter().enumerate() {
        for (row, tag) in row_tags(lookup, layout.usable).into_iter().enumerate() {
            let mut tuple = [0; 3];
            tuple.iter_mut().zip(&columns[lookup.columns.clone()]).for_each(|(cell, column)| *cell = column[row]);
            match key.tables().find(tag, tuple) {
                Some(at) => counts[at / layout.usable][at % layout.usable] += 1,
                None if verdict.is_ok() => verdict = Err(ProveError::Lookup { lookup: index, row, tag, tuple }),
                None => {}
            }
        }
    }
    (counts, verdict)
}

/// The tag of every usable row.
pub fn row_tags(lookup: &Lookup, usable: usize) -> Vec<usize> {
    let mut tags = vec![0; usable];
    for (rows, tag) in &lookup.tags {
        tags[rows.clone()].fill(*tag);
    }
    tags
}

/// Helpers, one column per three lookups: `Σ 1/f`.
pub fn helpers(
    key: &VerifyingKey,
    cells: &[Column],
    tags: &[Vec<Fp>],
    challenges: Challenges,
) -> Result<Vec<Vec<Fp>>, ProveError> {
    let layout = key.layout();
    let groups: Vec<_> = layout.lookups.chunks(LOOKUPS_PER_HELPER).zip(tags.chunks(LOOKUPS_PER_HELPER)).collect();
    groups
        .into_par_iter()
        .map(|(group, tags)| {
            let (mut products, sums): (Vec<Fp>, Vec<Fp>) = (0..layout.usable)
                .map(|row| {
                    product_and_sum(group.iter().zip(tags).map(|(lookup, tags)| {
                        let mut tuple = [Fp::ZERO; 3];
                        let columns = &cells[lookup.columns.clone()];
                        tuple.iter_mut().zip(columns).for_each(|(cell, column)| *cell = column.values[row]);
                        let here = Lookup { columns: 0..columns.len(), tags: Vec::new() };
                        denominator(&here, tags[row], &tuple, challenges)
                    }))
                })
                .unzip();
            if products.iter().any(|product| bool::from(product.is_zero())) {
                return Err(ProveError::DegenerateChallenge);
            }
            products.iter_mut().batch_invert();
            Ok(products.iter().zip(sums).map(|(inverse, sum)| *inverse * sum).collect())
        })
        .collect()
}

/// The running sum `φ` of helpers minus `m·R`, one row longer than the usable rows: zero at its end if every tuple is in its table.
pub fn running_sum(helpers: &[Vec<Fp>], multiplicities: &[Column], inverses: &[Vec<Fp>], usable: usize) -> Vec<Fp> {
    let mut sum = Fp::ZERO;
    let mut phi = vec![sum];
    phi.extend((0..usable).map(|row| {
        let table: Fp = multiplicities.iter().zip(inverses).map(|(m, inverse)| m.values[row] * inverse[row]).sum();
        sum += helpers.iter().map(|helper| helper[row]).sum::<Fp>() - table;
        sum
    }));
    phi
}
