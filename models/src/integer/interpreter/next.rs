//! Greedy: the next ids of a language model.

use ndarray::ArrayD;

use crate::tensor::{moves, order};

/// The index of the largest element of each row; of hidden ids by how much the next ones differ
/// from it.
pub(super) fn greedy(inputs: &[&ArrayD<i64>], hidden: bool, shape: &[usize]) -> ArrayD<i64> {
    let logits = inputs[0];
    let last = logits.ndim() - 1;
    let best = order::arg_max(logits, last, false, false, &logits.shape()[..last]);
    let best = moves::reshape(&best, shape);
    if hidden { moves::reshape(inputs[1], shape) - best } else { best }
}
