//! Weights, biases and multipliers of Convolution and Linear.
//!
//! The real factor of channel `o` from its integer sum to output steps is `r = s_x·s_w[o] / s_y`.
//! Rounding `r` to `m / 2^shift` would leave an error that grows with the sum, unless `m` had many
//! bits, and each bit costs the circuit. Instead the channel's weight scale is enlarged a little
//! until the factor *is* `m / 2^shift`, with a small integer `m`, and weights and bias are
//! quantised with the enlarged scale. No multiplier error is left.

use crate::integer::rounding::half_up;

/// The smallest and largest int8 weight: symmetric, so that no product needs more room on one side.
const WEIGHT_LIMIT: f64 = 127.0;
/// The shift that usually suffices.
const SHIFT: u32 = 12;
/// No shift is made larger than this.
const SHIFT_LIMIT: u32 = 24;
/// The largest multiplier is at least this, if the shift can be raised that far: snapping then
/// enlarges its scale by an eighth at most.
const MULTIPLIER_FLOOR: f64 = 8.0;
/// The largest multiplier of an accumulator that is put out raw.
const RAW_MULTIPLIER: f64 = 64.0;
/// Multipliers are rounded up, except from just above an integer, where floating point would play
/// dice.
const CEILING_SLACK: f64 = 1e-9;

/// A layer's integer parameters.
#[derive(Debug)]
pub(super) struct Channels {
    pub(super) weights: Vec<i32>,
    pub(super) bias: Vec<i64>,
    pub(super) multipliers: Vec<i64>,
    /// Real worth of one unit of the scaled accumulator.
    pub(super) unit: f64,
}

/// Parameters for an accumulator that is requantised to `output_scale`, and the shift of the
/// requantisation.
pub(super) fn snapped(
    weights: &[f32],
    bias: &[f32],
    input_scale: f64,
    output_scale: f64,
) -> (Channels, u32) {
    let shift = snapping_shift(weights, input_scale / output_scale);
    let unit = output_scale / f64::from(shift).exp2();
    (quantised(weights, bias, input_scale, unit), shift)
}

/// The shift that leaves room to snap: `ratio` is input scale over output scale.
pub(super) fn snapping_shift(weights: &[f32], ratio: f64) -> u32 {
    let largest = largest_weight(weights) / WEIGHT_LIMIT * ratio;
    let mut shift = SHIFT;
    while largest * f64::from(shift).exp2() < MULTIPLIER_FLOOR && shift < SHIFT_LIMIT {
        shift += 2;
    }
    shift
}

/// Parameters for an accumulator that is put out as it is, all channels at one scale.
pub(super) fn raw(weights: &[f32], bias: &[f32], input_scale: f64) -> Channels {
    let largest = largest_weight(weights) / WEIGHT_LIMIT * input_scale;
    let unit = match largest / RAW_MULTIPLIER {
        unit if unit > 0.0 => unit,
        // Nothing but biases: fine enough for the largest.
        _ => match bias.iter().fold(0.0, |most: f64, &b| most.max(f64::from(b).abs())) {
            0.0 => 1.0,
            most => most / f64::from(1 << 20),
        },
    };
    quantised(weights, bias, input_scale, unit)
}

fn largest_weight(weights: &[f32]) -> f64 {
    weights.iter().fold(0.0, |most, &w| most.max(f64::from(w).abs()))
}

/// Parameters for an accumulator whose unit, after the multiplier, is given.
pub(super) fn quantised(weights: &[f32], bias: &[f32], input_scale: f64, unit: f64) -> Channels {
    let terms = weights.len() / bias.len();
    let mut channels = Channels {
        weights: Vec::with_capacity(weights.len()),
        bias: Vec::with_capacity(bias.len()),
        multipliers: Vec::with_capacity(bias.len()),
        unit,
    };
    for (row, &bias) in weights.chunks(terms).zip(bias) {
        let bias = f64::from(bias);
        let fits_weights = largest_weight(row) / WEIGHT_LIMIT * input_scale / unit;
        let fits_bias = bias.abs() / unit / f64::from(i32::MAX);
        let multiplier = ceiling(fits_weights).max(ceiling(fits_bias)).max(1.0);
        // Real worth of one unit of the sum before the multiplier: input scale times snapped weight
        // scale.
        let step = multiplier * unit;
        channels.multipliers.push(multiplier as i64);
        channels.bias.push(half_up(bias / step) as i64);
        channels.weights.extend(row.iter().map(|&weight| {
            let steps = half_up(f64::from(weight) * input_scale / step);
            steps.clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i32
        }));
    }
    channels
}

fn ceiling(x: f64) -> f64 {
    (x * (1.0 - CEILING_SLACK)).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tiny_channels_keep_multiplier_one() {
        let (channels, shift) = snapped(&[1.0, 1e-6], &[0.0, 0.5], 0.01, 0.05);
        assert_eq!(shift, 14);
        assert_eq!(channels.multipliers[1], 1);
        let bias = channels.bias[1] as f64 * channels.unit;
        assert!((bias - 0.5).abs() < channels.unit);
    }

    #[test]
    fn a_small_factor_raises_the_shift() {
        let (channels, shift) = snapped(&[1e-5], &[0.0], 0.01, 1.0);
        assert_eq!(shift, SHIFT_LIMIT);
        assert_eq!(channels.multipliers, [1]);
        let (channels, shift) = snapped(&[1.0], &[0.0], 0.01, 0.2);
        assert_eq!(shift, 16);
        assert_eq!(channels.multipliers, [26]);
    }

    #[test]
    fn huge_biases_enlarge_the_multiplier() {
        let (channels, _) = snapped(&[1e-3], &[1e9], 1e-3, 1e-3);
        // The slack of the ceiling is worth a few units.
        assert!(channels.bias[0] <= i64::from(i32::MAX) + 4);
        let bias = channels.bias[0] as f64 * channels.multipliers[0] as f64 * channels.unit;
        assert!((bias / 1e9 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn all_zero_layers_are_fine() {
        let channels = raw(&[0.0; 2], &[0.0, 3.0], 0.1);
        let bias = channels.bias[1] as f64 * channels.multipliers[1] as f64 * channels.unit;
        assert!((bias - 3.0).abs() < 1e-5);
        assert_eq!(raw(&[0.0], &[0.0], 0.1).multipliers, [1]);
    }

    proptest! {
        #[test]
        fn parameters_are_within_half_a_snapped_step(
            weights in prop::collection::vec(-2.0f32..2.0, 6),
            bias in prop::collection::vec(-3.0f32..3.0, 2),
            input_scale in 1e-3f64..0.1, output_scale in 1e-3f64..0.5, put_out_raw: bool,
        ) {
            let channels = if put_out_raw {
                raw(&weights, &bias, input_scale)
            } else {
                snapped(&weights, &bias, input_scale, output_scale).0
            };
            for o in 0..2 {
                let step = channels.multipliers[o] as f64 * channels.unit;
                for t in 0..3 {
                    let real = f64::from(weights[3 * o + t]);
                    let integer = f64::from(channels.weights[3 * o + t]);
                    prop_assert!((integer * step / input_scale - real).abs(
                        ) <= 0.5 * step / input_scale * 1.0001);
                }
                let error = channels.bias[o] as f64 * step - f64::from(bias[o]);
                prop_assert!(error.abs() <= 0.5 * step * 1.0001);
                // Snapping enlarges by less than one unit: the scale is never more than doubled
                // beyond the first unit.
                let needed = weights[3 * o..][..3].iter().fold(0.0f64, |m,
                    &w| m.max(f64::from(w).abs()));
                let needed = needed / 127.0 * input_scale;
                prop_assert!(step <= needed + channels.unit * 1.0001
                    || channels.multipliers[o] == 1);
            }
        }
    }
}
