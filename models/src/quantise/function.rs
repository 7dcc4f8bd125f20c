//! Saturation and activations as functions of one small integer.

use crate::activation::Activation;
use crate::calibrate::Range;
use crate::quantised::{Function, Quantisation};
use crate::rounding::{INT8_MAX, INT8_MIN};

/// What follows the rounding of an accumulator.
pub(super) struct Rescaling {
    /// Real worth of an integer before the function.
    pub(super) scale: f64,
    /// Zero point added before the function.
    pub(super) zero_point: i64,
    pub(super) function: Function,
}

/// Rescaling to `output`, with the activation that was fused. Functions that only saturate are carried out on the output's scale; the
/// others read their argument at a scale of its own, calibrated as `argument`.
pub(super) fn rescaling(activation: Option<Activation>, argument: Range, output: Quantisation) -> Rescaling {
    let saturate = |low: i64, high: i64| Rescaling {
        scale: output.scale,
        zero_point: output.zero_point,
        function: Function::clamp(low, high),
    };
    let Some(activation) = activation else {
        return saturate(INT8_MIN, INT8_MAX);
    };
    if let Some((low, high)) = activation.clip() {
        return saturate(output.quantise(low), output.quantise(high));
    }
    let limit = activation.saturation() as f32;
    let argument =
        super::scale::activation(Range { minimum: argument.minimum.max(-limit), maximum: argument.maximum.min(limit) });
    Rescaling { scale: argument.scale, zero_point: argument.zero_point, function: table(activation, argument, output) }
}

/// The activation of each int8 argument.
pub(super) fn table(activation: Activation, argument: Quantisation, output: Quantisation) -> Function {
    let values = (INT8_MIN..=INT8_MAX).map(|integer| output.quantise(activation.apply(argument.dequantise(integer))));
    Function { minimum: INT8_MIN, values: values.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Range = Range { minimum: -1.0, maximum: 1.0 };

    #[test]
    fn relu_narrows_the_clamp_to_zero_and_above() {
        let output = Quantisation { scale: 0.1, zero_point: -28 };
        let relu = rescaling(Some(Activation::Relu), UNIT, output);
        assert_eq!(relu.function, Function::clamp(-28, 127));
        let clip = Activation::Clip { minimum: f32::NEG_INFINITY, maximum: 1.0 };
        assert_eq!(rescaling(Some(clip), UNIT, output).function, Function::clamp(-128, -18));
    }

    #[test]
    fn sigmoid_is_tabulated_over_its_argument() {
        let output = Quantisation { scale: 1.0 / 255.0, zero_point: -128 };
        let wide = Range { minimum: -50.0, maximum: 50.0 };
        let sigmoid = rescaling(Some(Activation::Sigmoid), wide, output);
        assert_eq!(sigmoid.function.values.len(), 256);
        assert_eq!((sigmoid.function.values[0], sigmoid.function.values[255]), (-128, 127));
        // The argument saturates where the function does.
        assert!(sigmoid.scale < 0.06);
        assert_eq!(sigmoid.function.apply(1000), 127);
    }
}
