//! The adjoint check's column: the running sum `S` of `Σ κ·cell`.

use ff::Field;
use pasta_curves::Fp;

use crate::commit::Column;

/// The running sum `S`, one row longer than the usable rows: the target at its end if every linear equation holds.
pub fn running_sum(kappa: &[Vec<Fp>], cells: &[Column], usable: usize) -> Vec<Fp> {
    let mut steps = vec![Fp::ZERO; usable];
    for (kappa, cells) in kappa.iter().zip(cells) {
        for ((step, kappa), cell) in steps.iter_mut().zip(kappa).zip(cells.values.iter()) {
            *step += *kappa * cell;
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
