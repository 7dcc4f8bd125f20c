//! From a range to scale and zero point.

use crate::float::range::Range;
use crate::integer::graph::Quantisation;
use crate::integer::rounding::half_up;
use crate::integer::signature::Grid;

/// Steps between the smallest and the largest signed number of so many bits.
pub(super) fn steps(bits: u32) -> f64 {
    f64::from(bits).exp2() - 1.0
}

/// The smallest and the largest signed number of so many bits.
pub(super) fn ends(bits: u32) -> [i64; 2] {
    [-1 << (bits - 1), (1 << (bits - 1)) - 1]
}

/// The numbers that a grid's integers stand for, and zero.
pub(super) fn span(grid: Grid) -> Range {
    let ends = [grid.minimum, grid.maximum].map(|end| grid.dequantise(end) as f32);
    Range::ZERO.including(ends.into_iter())
}

/// Per-tensor asymmetric integers of so many bits: the range's ends fall on the smallest and the
/// largest, −128 and 127 for 8 bits, up to the rounding of the zero point.
pub(super) fn activation(range: Range, bits: u32) -> Grid {
    let [minimum, maximum] = ends(bits);
    let (low, high) = (f64::from(range.minimum), f64::from(range.maximum));
    let scale = (high - low) / steps(bits);
    // Of a value that is always zero: any would do.
    let scale = if scale > 0.0 { scale } else { 1.0 / steps(bits) };
    let zero_point = half_up(minimum as f64 - low / scale);
    let quantisation =
        Quantisation { scale, zero_point: (zero_point as i64).clamp(minimum, maximum) };
    Grid { quantisation, minimum, maximum }
}

/// The same in more steps, `2^bits − 1`: for what a table reads behind whose result the file has a
/// grid of its own, so that reading it costs no step of that.
pub(super) fn fine(range: Range, bits: u32) -> Grid {
    let (low, high) = (f64::from(range.minimum), f64::from(range.maximum));
    let last = (1i64 << bits) - 1;
    let scale = (high - low) / last as f64;
    let scale = if scale > 0.0 { scale } else { 1.0 / steps(8) };
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
        let quantisation = activation(range, 8);
        assert_eq!(quantisation.quantisation.zero_point, -128);
        assert_eq!(quantisation.quantise(6.0), 127);
        assert_eq!(activation(Range::ZERO, 8).quantise(0.0), -128);
    }

    proptest! {
        #[test]
        fn zero_is_exact_and_ends_are_within_a_step(
            low in -1e3f32..=0.0, high in 0.0f32..1e3, bits in 8u32..=16,
        ) {
            let quantisation = activation(Range { minimum: low, maximum: high }, bits);
            prop_assert_eq!(quantisation.count(), 1 << bits);
            prop_assert_eq!(quantisation.dequantise(quantisation.quantise(0.0)), 0.0);
            for end in [low, high] {
                let error = quantisation.dequantise(quantisation.quantise(end.into(
                    ))) - f64::from(end);
                prop_assert!(error.abs() <= quantisation.quantisation.scale * (1.0 + 1e-9));
            }
        }
    }
}
