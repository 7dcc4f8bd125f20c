//! Operators on several tensors of one shape, element by element.

use ndarray::{ArrayD, Zip};

use crate::integer::integers::Integers;
use crate::tensor::moves::from_elements;

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

/// For each element the column of a table that it is the number of, counted from `minimum`.
pub(super) fn look_up(
    input: &ArrayD<i64>,
    minimum: i64,
    values: &Integers,
    shape: &[usize],
) -> ArrayD<i64> {
    let rows = shape[shape.len() - 1];
    let columns = values.len() / rows;
    let column = |&x: &i64| {
        let place = (x - minimum) as usize;
        (0..rows).map(move |row| i64::from(values.get(row * columns + place)))
    };
    from_elements(shape, input.iter().flat_map(column).collect())
}
