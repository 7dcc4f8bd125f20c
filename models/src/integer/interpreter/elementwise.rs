//! Operators on several tensors of one shape, element by element.

use ndarray::{ArrayD, Zip};

/// `function(a, b)` of each pair.
pub(super) fn zip(
    left: &ArrayD<i64>,
    right: &ArrayD<i64>,
    function: impl Fn(i64, i64) -> i64,
) -> ArrayD<i64> {
    Zip::from(left).and(right).map_collect(|&a, &b| function(a, b))
}

/// All inputs combined, from left to right.
pub(super) fn reduce(inputs: &[&ArrayD<i64>], function: impl Fn(i64, i64) -> i64) -> ArrayD<i64> {
    let others = inputs[1..].iter();
    others.fold(inputs[0].clone(), |result, next| zip(&result, next, &function))
}

/// `yes` where the condition is 1, `no` where it is 0.
pub(super) fn select(condition: &ArrayD<i64>, yes: &ArrayD<i64>, no: &ArrayD<i64>) -> ArrayD<i64> {
    Zip::from(condition).and(yes).and(no).map_collect(|&c, &yes, &no| if c == 1 { yes } else { no })
}
