//! From a range to scale and zero point.

use crate::float::range::Range;
use crate::integer::graph::Quantisation;
use crate::integer::rounding::{INT8_MAX, INT8_MIN, half_up};
use crate::integer::signature::Grid;

/// Steps between the smallest and the largest int8 number.
pub(super) const STEPS: f64 = (INT8_MAX - INT8_MIN) as f64;

/// The scale of a value that is always zero: any would do.
const ZERO_SCALE: f64 = 1.0 / STEPS;

/// Per-tensor asymmetric int8: the range's ends fall on −128 and 127, up to the rounding of the
/// zero point.
pub(super) fn activation(range: Range) -> Grid {
    let (low, high) = (f64::from(range.minimum), f64::from(range.maximum));
    let scale = (high - low) / STEPS;
    let scale = if scale > 0.0 { scale } else { ZERO_SCALE };
    let zero_point = half_up(INT8_MIN as f64 - low / scale);
    let quantisation =
        Quantisation { scale, zero_point: (zero_point as i64).clamp(INT8_MIN, INT8_MAX) };
    Grid { quantisation, minimum: INT8_MIN, maximum: INT8_MAX }
}

/// The same in more steps, `2^bits − 1`: for what a table reads behind whose result the file has a
/// grid of its own, so that reading it costs no step of that.
pub(super) fn fine(range: Range, bits: u32) -> Grid {
    let (low, high) = (f64::from(range.minimum), f64::from(range.maximum));
    let last = (1i64 << bits) - 1;
    let scale = (high - low) / last as f64;
    let scale = if scale > 0.0 { scale } else { ZERO_SCALE };
    let zero_point = (half_up(-low / scale) as i64).clamp(0, last);
    Grid { quantisation: Quantisation { scale, zero_point }, minimum: 0, maximum: last }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn relu_ranges_begin_at_minus_128() {
        let range = Range { minimum: 0.0, maximum: 6.0 };
        let quantisation = activation(range);
        assert_eq!(quantisation.quantisation.zero_point, -128);
        assert_eq!(quantisation.quantise(6.0), 127);
        assert_eq!(activation(Range::ZERO).quantise(0.0), -128);
    }

    proptest! {
        #[test]
        fn zero_is_exact_and_ends_are_within_a_step(low in -1e3f32..=0.0, high in 0.0f32..1e3) {
            let quantisation = activation(Range { minimum: low, maximum: high });
            prop_assert_eq!(quantisation.dequantise(quantisation.quantise(0.0)), 0.0);
            for end in [low, high] {
                let error = quantisation.dequantise(quantisation.quantise(end.into(
                    ))) - f64::from(end);
                prop_assert!(error.abs() <= quantisation.quantisation.scale * (1.0 + 1e-9));
            }
        }
    }
}
