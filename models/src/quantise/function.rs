//! Saturation and activations as functions of one small integer.

use crate::float::activation::Activation;
use crate::float::binary::BinaryOperator;
use crate::float::range::Range;
use crate::integer::graph::{BinaryFunction, Function};
use crate::integer::signature::Grid;

/// What follows the rounding of an accumulator.
pub(super) struct Rescaling {
    /// Real worth of an integer before the function.
    pub(super) scale: f64,
    /// Zero point added before the function.
    pub(super) zero_point: i64,
    pub(super) function: Function,
    /// Whether the function only saturates, so that the accumulator is rounded to the result's own
    /// grid.
    pub(super) saturates: bool,
}

impl Rescaling {
    /// What the rounded accumulator ranges over before the zero point is added and the function
    /// applied: outside, it saturates.
    pub(super) fn ends(&self, output: Grid) -> (i64, i64) {
        let (minimum, maximum) = match self.saturates {
            true => (output.minimum, output.maximum),
            false => {
                let first = self.function.minimum;
                (first, first + self.function.values.len() as i64 - 1)
            }
        };
        (minimum - self.zero_point, maximum - self.zero_point)
    }
}

/// Rescaling to `output`, with the activation that was fused. Functions that only saturate are
/// carried out on the output's scale; the others read their argument at a scale of its own:
/// `whole`, or of the range `argument` and of
/// so many bits, in more steps where the output is `given` by the file.
pub(super) fn rescaling(
    activation: Option<&Activation>,
    argument: Range,
    whole: Option<Grid>,
    bits: u32,
    output: Grid,
    given: bool,
) -> Rescaling {
    let saturate = |low: i64, high: i64| Rescaling {
        scale: output.quantisation.scale,
        zero_point: output.quantisation.zero_point,
        function: Function::clamp(low, high),
        saturates: true,
    };
    let Some(activation) = activation else {
        return saturate(output.minimum, output.maximum);
    };
    if let Some((low, high)) = activation.clip() {
        return saturate(output.quantise(low), output.quantise(high));
    }
    let argument = whole.unwrap_or_else(|| match given {
        true if output.count() > 1 << 8 => super::scale::fine(argument, 16),
        true => super::scale::fine(argument, 12),
        false => super::scale::activation(argument, bits),
    });
    Rescaling {
        scale: argument.quantisation.scale,
        zero_point: argument.quantisation.zero_point,
        function: table(activation, argument, output),
        saturates: false,
    }
}

/// The activation of each integer of a grid. Where it is not defined the result is that of the
/// nearest integer where it is.
pub(super) fn table(activation: &Activation, argument: Grid, output: Grid) -> Function {
    let values = (argument.minimum..=argument.maximum)
        .map(|integer| activation.apply(argument.dequantise(integer)));
    Function { minimum: argument.minimum, values: defined(values.collect(), output) }
}

/// The function of each pair of integers of two grids.
pub(super) fn binary(
    operator: BinaryOperator,
    left: Grid,
    right: Grid,
    output: Grid,
) -> BinaryFunction {
    let row = |a: i64| {
        let values = (right.minimum..=right.maximum)
            .map(move |b| operator.apply(left.dequantise(a), right.dequantise(b)));
        defined(values.collect(), output)
    };
    BinaryFunction {
        minimum: [left.minimum, right.minimum],
        counts: [left.count(), right.count()],
        values: (left.minimum..=left.maximum).flat_map(row).collect(),
    }
}

/// Real numbers on a grid; each that is not a number becomes the nearest one that is, or zero if
/// none is.
fn defined(values: Vec<f64>, output: Grid) -> Vec<i64> {
    let known: Vec<usize> = (0..values.len()).filter(|&index| !values[index].is_nan()).collect();
    let nearest = |index: usize| {
        let (before, after) = known.split_at(known.partition_point(|&known| known < index));
        let neighbours = before.last().into_iter().chain(after.first());
        neighbours.min_by_key(|known| known.abs_diff(index)).map_or(0.0, |&near| values[near])
    };
    let value =
        |(index, &value): (usize, &f64)| if value.is_nan() { nearest(index) } else { value };
    values.iter().enumerate().map(value).map(|value| output.quantise(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::activation::Plain;
    use crate::integer::graph::Quantisation;

    fn grid(scale: f64, zero_point: i64) -> Grid {
        Grid { quantisation: Quantisation { scale, zero_point }, minimum: -128, maximum: 127 }
    }

    #[test]
    fn undefined_values_take_the_nearest_defined_one() {
        let log = table(&Activation::Plain(Plain::Log), grid(0.1, 0), grid(0.05, 0));
        assert_eq!(log.values[127..131], [-128, -128, -46, -32]);
        assert_eq!(log.values[0], -128);
    }

    const UNIT: Range = Range { minimum: -1.0, maximum: 1.0 };

    #[test]
    fn relu_narrows_the_clamp_to_zero_and_above() {
        let output = grid(0.1, -28);
        let relu = rescaling(Some(&Activation::Relu), UNIT, None, 8, output, true);
        assert_eq!(relu.function, Function::clamp(-28, 127));
        let clip = Activation::Clip { minimum: f32::NEG_INFINITY, maximum: 1.0 };
        assert_eq!(
            rescaling(Some(&clip), UNIT, None, 8, output, true).function,
            Function::clamp(-128, -18)
        );
    }

    #[test]
    fn sigmoid_is_tabulated_over_its_argument() {
        let output = grid(1.0 / 255.0, -128);
        let wide = Range { minimum: -7.0, maximum: 7.0 };
        let sigmoid = rescaling(Some(&Activation::Sigmoid), wide, None, 8, output, false);
        assert_eq!(sigmoid.function.values.len(), 256);
        assert_eq!((sigmoid.function.values[0], sigmoid.function.values[255]), (-128, 127));
        // The argument saturates where the function does.
        assert!(sigmoid.scale < 0.06);
        assert_eq!(sigmoid.function.apply(1000), 127);
    }
}
