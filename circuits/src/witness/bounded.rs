//! Bounded nodes: what an honest prover puts there, and its limbs.
//!
//! What their bits cannot hold is left in the highest limb, where no table has it.

use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::circuit::description::{Bounded, Hint, Source};

/// The elements, from those of the node that is read or looked at, whose rows are so long.
pub(super) fn values(bounded: &Bounded, input: &[i64], row: usize) -> Vec<i64> {
    let maximum = (1i64 << bounded.bits) - 1;
    let each = |of: &dyn Fn(i64) -> i64| input.iter().map(|&x| of(x)).collect::<Vec<i64>>();
    let values = match bounded.source {
        Source::Equal { .. } => return input.to_vec(),
        Source::Hint { hint: Hint::Shifted { offset, shift }, .. } => {
            each(&|x| (x + offset) >> shift)
        }
        Source::Hint { hint: Hint::Reciprocal { bits }, .. } => {
            each(&|x| (1i64 << bits).checked_div_euclid(x).unwrap_or(maximum))
        }
        Source::Hint { hint: Hint::Root { offset }, .. } => {
            each(&|x| (x + offset).checked_isqrt().unwrap_or(0))
        }
        Source::Hint { hint: Hint::Maximum { offset, shift }, .. } => {
            let largest = |row: &[i64]| row.iter().max().map_or(0, |x| (x + offset) >> shift);
            input.chunks(row.max(1)).map(largest).collect()
        }
    };
    values.into_iter().map(|value| value.clamp(0, maximum)).collect()
}

/// Fills the limbs of a node.
pub(super) fn place(
    key: &VerifyingKey,
    node: usize,
    bounded: &Bounded,
    values: &[i64],
    columns: &mut [Vec<i64>],
) {
    let Some(cells) = &key.layout().nodes[node] else { return };
    let width = key.description().limb_bits;
    let mask = (1i64 << width) - 1;
    for (shift, run) in (0u32..).step_by(width as usize).zip(&cells.limbs) {
        let highest = shift + width >= bounded.bits;
        let limb = |value: &i64| if highest { value >> shift } else { value >> shift & mask };
        let limbs: Vec<i64> = values.iter().map(limb).collect();
        key.layout().add(columns, run, 0, &limbs);
    }
}
