//! Weights, biases and multipliers of Convolution and Linear.
//!
//! The real factor of channel `o` from its integer sum to output steps is `r = s_x·s_w[o] / s_y`.
//! Rounding `r` to `m / 2^shift` would leave an error that grows with the sum, unless `m` had many
//! bits, and each bit costs the circuit. Instead the channel's weight scale is enlarged a little
//! until the factor *is* `m / 2^shift`, with a small integer `m`, and weights and bias are
//! quantised with the enlarged scale. No multiplier error is left.

use super::settings::{Bits, NARROW};
use crate::integer::rounding::half_up;

/// The largest weight of two digits base 256, each between −128 and 127.
const TWO_DIGITS: f64 = 127.0 * 257.0;
/// The shift that usually suffices.
const SHIFT: u32 = 12;
/// No shift is made larger than this.
const SHIFT_LIMIT: u32 = 24;
/// The largest multiplier is at least this, if the shift can be raised that far: snapping then
/// enlarges its scale by an eighth at most.
const MULTIPLIER_FLOOR: f64 = 8.0;
/// The same of results of 10 bits or more, for whose sake it should be less.
const FINE_FLOOR: f64 = 128.0;
/// The largest multiplier of an accumulator that is put out raw.
const RAW_MULTIPLIER: f64 = 64.0;
/// A channel whose weights are finer than the coarsest by this loses three bits of them.
const FINER: f64 = 8.0;
/// Multipliers are rounded up, except from just above an integer, where floating point would play
/// dice.
const CEILING_SLACK: f64 = 1e-9;

/// A layer's integer parameters.
#[derive(Debug)]
pub(super) struct Channels {
    pub(super) weights: Vec<i32>,
    pub(super) bias: Vec<i64>,
    pub(super) multipliers: Vec<i64>,
    /// Real worth of a weight's step.
    pub(super) scales: Vec<f64>,
}

/// Bits of a layer's weights and of what their sums are rescaled to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precision {
    /// The largest weight in size: symmetric, so that no product needs more room on one side.
    limit: f64,
    /// Bits of the result.
    result: u32,
}

impl Precision {
    pub(super) fn new(weights: Bits, result: u32) -> Self {
        let limit = (f64::from(weights.count() - 1).exp2() - 1.0).min(TWO_DIGITS);
        Self { limit, result }
    }

    /// What one integer of the weights is worth if their largest takes all its bits.
    pub(super) fn step(self, weights: &[f32]) -> f64 {
        largest_weight(weights) / self.limit
    }

    /// The shift that leaves room to snap the largest factor from a sum to output steps.
    pub(super) fn shift(self, largest: f64) -> u32 {
        let floor = if self.result < NARROW + 2 { MULTIPLIER_FLOOR } else { FINE_FLOOR };
        let mut shift = SHIFT;
        while largest * f64::from(shift).exp2() < floor && shift < SHIFT_LIMIT {
            shift += 2;
        }
        shift
    }
}

/// Parameters for an accumulator whose channels are requantised to these scales, and the shift of
/// the requantisation.
pub(super) fn snapped(
    weights: &[f32],
    bias: &[f32],
    input_scale: f64,
    output_scales: &[f64],
    precision: Precision,
) -> (Channels, u32) {
    let rows = weights.chunks((weights.len() / bias.len()).max(1)).zip(output_scales);
    let factors = rows.map(|(row, scale)| precision.step(row) * input_scale / scale);
    let shift = precision.shift(factors.fold(0.0, f64::max));
    let units: Vec<f64> =
        output_scales.iter().map(|scale| scale / f64::from(shift).exp2()).collect();
    (quantised(weights, bias, input_scale, &units, precision), shift)
}

/// Parameters for an accumulator that is put out as it is, and the real worth of one unit of it:
/// one for all channels, or, if they may be `apart` and one would cost a channel bits of its
/// weights, one for each.
pub(super) fn raw(
    weights: &[f32],
    bias: &[f32],
    input_scale: f64,
    apart: bool,
    precision: Precision,
) -> (Channels, Vec<f64>) {
    let terms = (weights.len() / bias.len()).max(1);
    let finest: Vec<f64> =
        weights.chunks(terms).map(|row| precision.step(row) * input_scale).collect();
    if apart && units_differ(&finest) {
        let rows = weights.chunks(terms).zip(bias).zip(&finest);
        let units: Vec<f64> = rows
            .map(|((_, &bias), &unit)| {
                let fits_bias = f64::from(bias).abs() / f64::from(i32::MAX);
                if unit > 0.0 { unit.max(fits_bias) } else { unit_of_biases(&[bias]) }
            })
            .collect();
        return (quantised(weights, bias, input_scale, &units, precision), units);
    }
    let largest = finest.iter().copied().fold(0.0, f64::max);
    let unit = match largest / RAW_MULTIPLIER {
        unit if unit > 0.0 => unit,
        _ => unit_of_biases(bias),
    };
    let units = vec![unit; bias.len()];
    (quantised(weights, bias, input_scale, &units, precision), vec![unit])
}

/// Whether one unit for channels with such units of their own would cost one of them bits.
fn units_differ(finest: &[f64]) -> bool {
    let most = finest.iter().copied().fold(0.0, f64::max);
    finest.iter().any(|&own| own > 0.0 && own * FINER <= most)
}

/// Where nothing but biases counts: fine enough for the largest.
fn unit_of_biases(bias: &[f32]) -> f64 {
    match bias.iter().fold(0.0, |most: f64, &b| most.max(f64::from(b).abs())) {
        0.0 => 1.0,
        most => most / f64::from(1 << 20),
    }
}

fn largest_weight(weights: &[f32]) -> f64 {
    weights.iter().fold(0.0, |most, &w| most.max(f64::from(w).abs()))
}

/// Parameters for accumulators whose units, after the multipliers, are given.
pub(super) fn quantised(
    weights: &[f32],
    bias: &[f32],
    input_scale: f64,
    units: &[f64],
    precision: Precision,
) -> Channels {
    let terms = weights.len() / bias.len();
    let mut channels = Channels {
        weights: Vec::with_capacity(weights.len()),
        bias: Vec::with_capacity(bias.len()),
        multipliers: Vec::with_capacity(bias.len()),
        scales: Vec::with_capacity(bias.len()),
    };
    for ((row, &bias), &unit) in weights.chunks(terms).zip(bias).zip(units) {
        let bias = f64::from(bias);
        let fits_weights = precision.step(row) * input_scale / unit;
        let fits_bias = bias.abs() / unit / f64::from(i32::MAX);
        let multiplier = ceiling(fits_weights).max(ceiling(fits_bias)).max(1.0);
        // Real worth of one unit of the sum before the multiplier: input scale times snapped weight
        // scale.
        let step = multiplier * unit;
        channels.multipliers.push(multiplier as i64);
        channels.scales.push(step / input_scale);
        channels.bias.push(half_up(bias / step) as i64);
        channels.weights.extend(row.iter().map(|&weight| {
            let steps = half_up(f64::from(weight) * input_scale / step);
            steps.clamp(-precision.limit, precision.limit) as i32
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

    const USUAL: Precision = Precision { limit: 127.0, result: 8 };

    #[test]
    fn tiny_channels_keep_multiplier_one() {
        let (channels, shift) = snapped(&[1.0, 1e-6], &[0.0, 0.5], 0.01, &[0.05; 2], USUAL);
        assert_eq!(shift, 14);
        assert_eq!(channels.multipliers[1], 1);
        let unit = 0.05 / f64::from(shift).exp2();
        assert!((channels.bias[1] as f64 * unit - 0.5).abs() < unit);
    }

    #[test]
    fn a_small_factor_raises_the_shift() {
        let (channels, shift) = snapped(&[1e-5], &[0.0], 0.01, &[1.0], USUAL);
        assert_eq!(shift, SHIFT_LIMIT);
        assert_eq!(channels.multipliers, [1]);
        let (channels, shift) = snapped(&[1.0], &[0.0], 0.01, &[0.2], USUAL);
        assert_eq!(shift, 16);
        assert_eq!(channels.multipliers, [26]);
    }

    #[test]
    fn huge_biases_enlarge_the_multiplier() {
        let (channels, shift) = snapped(&[1e-3], &[1e9], 1e-3, &[1e-3], USUAL);
        let unit = 1e-3 / f64::from(shift).exp2();
        // The slack of the ceiling is worth a few units.
        assert!(channels.bias[0] <= i64::from(i32::MAX) + 4);
        let bias = channels.bias[0] as f64 * channels.multipliers[0] as f64 * unit;
        assert!((bias / 1e9 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn all_zero_layers_are_fine() {
        let (channels, units) = raw(&[0.0; 2], &[0.0, 3.0], 0.1, false, USUAL);
        let bias = channels.bias[1] as f64 * channels.multipliers[1] as f64 * units[0];
        assert!((bias - 3.0).abs() < 1e-5);
        assert_eq!(raw(&[0.0], &[0.0], 0.1, true, USUAL).0.multipliers, [1]);
    }

    proptest! {
        #[test]
        fn parameters_are_within_half_a_snapped_step(
            weights in prop::collection::vec(-2.0f32..2.0, 6),
            bias in prop::collection::vec(-3.0f32..3.0, 2),
            input_scale in 1e-3f64..0.1, output_scale in 1e-3f64..0.5,
            put_out_raw: bool, apart: bool, bits in 8u32..=16,
        ) {
            let precision = Precision::new(Bits::new(bits).unwrap(), bits);
            let (channels, units) = if put_out_raw {
                raw(&weights, &bias, input_scale, apart, precision)
            } else {
                let scales = [output_scale, 3.0 * output_scale];
                let (channels, shift) = snapped(&weights, &bias, input_scale, &scales, precision);
                (channels, scales.map(|scale| scale / f64::from(shift).exp2()).to_vec())
            };
            for o in 0..2 {
                let step = channels.multipliers[o] as f64 * units[o % units.len()];
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
                let needed = needed / precision.limit * input_scale;
                prop_assert!(step <= needed + units[o % units.len()] * 1.0001
                    || channels.multipliers[o] == 1);
            }
        }
    }
}
