//! Columns that stand for sealed weights in the adjoint check.

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::adjoint::WeightCotangent;
use zkinfer_verifier::circuit::sheet::{Pattern, Sheet};

use crate::columns::SealedColumn;
use crate::commit::Committer;
use crate::integers::combine;

/// A column by itself takes some six field multiplications a row in all rounds, a sum of columns a
/// small product for each row and column: by count, 32 of these cost as much.
const MANY: usize = 32;

/// Columns that stand for a sheet of sealed weights in the row sum, each with its `κ`, on all rows.
///
/// `Σ_c κ_c·a_c` over a sheet's columns, with `κ_c = Σ units_o·K_m` over the units in the column
/// and their patterns, is `Σ_m K_m·A_m` with `A_m = Σ units_o·a_c`: as many products as patterns
/// instead of columns. But every `A_m` takes all columns, so where patterns are many, or columns
/// few, these stand for themselves.
pub fn fold_weights(
    committer: &Committer<'_>,
    sheet: &Sheet,
    cotangent: &WeightCotangent,
    columns: &[SealedColumn<'_>],
) -> Vec<[Vec<Fp>; 2]> {
    let patterns = sheet.patterns();
    let taps = |kappa: &mut [Fp], pattern: &Pattern, unit: Fp| {
        let taps = &cotangent.taps[pattern.start..];
        kappa[pattern.rows.clone()]
            .iter_mut()
            .zip(taps)
            .for_each(|(kappa, tap)| *kappa = *tap * unit);
    };
    let zeros = || vec![Fp::ZERO; committer.rows];
    if columns.len() <= patterns.len() || patterns.len() > MANY {
        let alone = |(index, column): (usize, &SealedColumn<'_>)| {
            let mut kappa = zeros();
            for (pattern, unit) in sheet.members(index) {
                taps(&mut kappa, &patterns[pattern], cotangent.units[unit]);
            }
            [combine(committer.rows, &[(column.integers, Fp::ONE)]), kappa]
        };
        return columns.par_iter().enumerate().map(alone).collect();
    }
    let mut members: Vec<Vec<(&[i64], Fp)>> = vec![Vec::new(); patterns.len()];
    for (index, column) in columns.iter().enumerate() {
        for (pattern, unit) in sheet.members(index) {
            members[pattern].push((column.integers, cotangent.units[unit]));
        }
    }
    let fold = |(pattern, members): (&Pattern, Vec<(&[i64], Fp)>)| {
        let mut kappa = zeros();
        taps(&mut kappa, pattern, Fp::ONE);
        [combine(committer.rows, &members), kappa]
    };
    patterns.par_iter().zip(members).map(fold).collect()
}
