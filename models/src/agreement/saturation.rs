//! Integers at an end of their range whose numbers should lie beyond it.

use ndarray::ArrayD;

use crate::integer::graph::{Graph, ValueId};

/// How many elements of a value stand at an end of the integers that it can take, while what they
/// should be lies beyond that end by more than a step: rounding alone does not do that. `meant` is
/// what the integers stand for.
pub(super) fn saturated(
    graph: &Graph,
    ranges: &[(i64, i64)],
    value: ValueId,
    integers: &ArrayD<i64>,
    meant: &ArrayD<f64>,
    expected: &ArrayD<f64>,
) -> usize {
    let (low, high) = ranges[value];
    let meaning = graph.meaning(value);
    let elements = integers.iter().zip(meant).zip(expected).enumerate();
    let beyond = elements.filter(|&(element, ((&integer, &meant), &expected))| {
        let step = meaning.of(element).scale;
        (integer == low && expected < meant - step) || (integer == high && expected > meant + step)
    });
    beyond.count()
}
