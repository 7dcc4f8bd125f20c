//! The adjoint check's column: the running sum `S` of `Σ κ·cell + Σ π·u·v`.

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::adjoint::WeightCotangent;
use zkinfer_verifier::sheet::{Pattern, Sheet};

use crate::commit::Context;
use crate::sealed::{ShownColumn, combine};

/// Values of columns and their cotangents, in pairs, one entry per row at least up to the usable ones.
pub struct Products<'a> {
    /// Cells with `κ`.
    pub linear: Vec<(&'a [Fp], &'a [Fp])>,
    /// `u`, `v` with `π`.
    pub bilinear: Vec<([&'a [Fp]; 2], &'a [Fp])>,
}

/// The running sum `S`, one row longer than the usable rows: the target at its end if every linear equation holds.
pub fn running_sum(products: &Products<'_>, usable: usize) -> Vec<Fp> {
    let mut steps = vec![Fp::ZERO; usable];
    for (cells, kappa) in &products.linear {
        for ((step, cell), kappa) in steps.iter_mut().zip(*cells).zip(*kappa) {
            *step += *kappa * cell;
        }
    }
    for ([u, v], separator) in &products.bilinear {
        for (((step, u), v), separator) in steps.iter_mut().zip(*u).zip(*v).zip(*separator) {
            *step += *separator * u * v;
        }
    }
    let mut sum = Fp::ZERO;
    let mut running = vec![sum];
    running.extend(steps.into_iter().map(|step| {
        sum += step;
        sum
    }));
    running
}

/// Columns that stand for a sheet of sealed weights in the adjoint sum, each with its `κ`.
///
/// `Σ_c κ_c·a_c` over a sheet's columns, with `κ_c = Σ units_o·K_m` over the units in the column and their patterns, is `Σ_m K_m·A_m` with
/// `A_m = Σ units_o·a_c`: as many products as patterns instead of columns. Where columns are fewer, they stand for themselves.
pub fn fold_weights(
    context: &Context<'_>,
    sheet: &Sheet,
    cotangent: &WeightCotangent,
    columns: &[ShownColumn<'_>],
) -> Vec<(Vec<Fp>, Vec<Fp>)> {
    let patterns = sheet.patterns();
    let taps = |kappa: &mut [Fp], pattern: &Pattern, unit: Fp| {
        let taps = &cotangent.taps[pattern.start..];
        kappa[pattern.rows.clone()].iter_mut().zip(taps).for_each(|(kappa, tap)| *kappa = *tap * unit);
    };
    if columns.len() <= patterns.len() {
        let alone = |(index, column): (usize, &ShownColumn<'_>)| {
            let mut kappa = vec![Fp::ZERO; context.usable];
            for (pattern, unit) in sheet.members(index) {
                taps(&mut kappa, &patterns[pattern], cotangent.units[unit]);
            }
            (context.small_column(column.integers, &column.randomness), kappa)
        };
        return columns.iter().enumerate().map(alone).collect();
    }
    let mut members: Vec<Vec<(&ShownColumn<'_>, Fp)>> = vec![Vec::new(); patterns.len()];
    for (index, column) in columns.iter().enumerate() {
        for (pattern, unit) in sheet.members(index) {
            members[pattern].push((column, cotangent.units[unit]));
        }
    }
    let fold = |(pattern, members): (&Pattern, Vec<(&ShownColumn<'_>, Fp)>)| {
        let mut kappa = vec![Fp::ZERO; context.usable];
        taps(&mut kappa, pattern, Fp::ONE);
        (combine(context.rows, members.into_iter()), kappa)
    };
    patterns.par_iter().zip(members).map(fold).collect()
}
