//! Multipliers of operators that have no weights to snap and so are rounded, finely enough not to
//! matter.

use super::exact::Term;
use crate::integer::rounding::half_up;

/// Shift of a Sum, unless its multipliers come out small.
const SUM_SHIFT: u32 = 16;
/// The largest shift of a Sum.
const SUM_SHIFT_LIMIT: u32 = 40;
/// The smallest and largest shift of factors.
const FACTOR_SHIFTS: std::ops::RangeInclusive<u32> = 16..=24;
/// Largest relative error of a factor by itself, where no more bits are needed.
const FACTOR_ERROR: f64 = 1.0 / 2048.0;
/// Largest shift of it.
const FACTOR_SHIFT_LIMIT: u32 = 40;
/// A multiplier from here on has more than ten significant bits.
const MULTIPLIER_FLOOR: f64 = 1024.0;

/// Multipliers, constant and shift of `(±s_j)·x_j + constant` at output scale `output_scale`, where
/// integers have `extra` bits beyond 8.
pub(super) fn sum(
    scales: &[f64],
    constant: &[f64],
    output_scale: f64,
    extra: u32,
) -> (Vec<i64>, Vec<i64>, u32) {
    // An error of half a unit in a multiplier costs at most 255/2 units of 2^−shift steps: below
    // 1/500 of a step at 16 bits. Only where even the largest multiplier is small, the inputs are
    // far finer than the output and more bits are needed.
    let largest = scales.iter().fold(0.0f64, |most, scale| most.max(scale.abs())) / output_scale;
    let mut shift = SUM_SHIFT + extra;
    let floor = MULTIPLIER_FLOOR * power(extra);
    while largest * power(shift) < floor && shift < SUM_SHIFT_LIMIT + extra {
        shift += 2;
    }
    let multipliers = scales.iter().map(|scale| {
        let magnitude = half_up(scale.abs() / output_scale * power(shift)).max(1.0);
        (magnitude * scale.signum()) as i64
    });
    let constant = constant.iter().map(|&c| half_up(c / output_scale * power(shift)) as i64);
    (multipliers.collect(), constant.collect(), shift)
}

/// Multipliers and constant of a sum in which accumulators are added, all worth one unit of
/// `output_scale / 2^shift`; the multipliers of the others are rounded to that unit.
///
/// Of an activation's 255 steps that costs at most `255/2^(shift + 1)` steps of the result: less
/// than a thirty-second of one from a shift of 12 on.
pub(super) fn summed(
    terms: &[Term],
    constant: &[f64],
    output_scale: f64,
    shift: u32,
) -> (Vec<i64>, Vec<i64>) {
    let unit = output_scale / power(shift);
    let multipliers = terms.iter().map(|term| {
        let magnitude = half_up(term.scale.abs() / unit).max(1.0);
        (magnitude * term.scale.signum()) as i64
    });
    let constant = constant.iter().map(|&c| half_up(c / unit) as i64);
    (multipliers.collect(), constant.collect())
}

/// Multipliers and shift of factors, none of which is exact, of integers with `extra` bits beyond
/// 8.
pub(super) fn factors(factors: &[f64], extra: u32) -> (Vec<i64>, u32) {
    let smallest = factors.iter().copied().fold(f64::INFINITY, f64::min);
    let mut shift = *FACTOR_SHIFTS.start() + extra;
    let floor = MULTIPLIER_FLOOR * power(extra);
    while smallest * power(shift) < floor && shift < *FACTOR_SHIFTS.end() + extra {
        shift += 1;
    }
    let multipliers = factors.iter().map(|&factor| half_up(factor * power(shift)).max(1.0) as i64);
    (multipliers.collect(), shift)
}

/// Multiplier and shift of one factor, none of which is exact: as few bits as leave an error of a
/// quarter of a step in 512, of integers with `extra` bits beyond 8.
pub(super) fn factor(factor: f64, extra: u32) -> (i64, u32) {
    let error = FACTOR_ERROR / power(extra);
    let fits = |shift: &u32| {
        let multiplier = half_up(factor * power(*shift));
        multiplier >= 1.0 && (multiplier / (factor * power(*shift)) - 1.0).abs() < error
    };
    let shift = (0..=FACTOR_SHIFT_LIMIT).find(fits).unwrap_or(FACTOR_SHIFT_LIMIT);
    (half_up(factor * power(shift)).max(1.0) as i64, shift)
}

fn power(shift: u32) -> f64 {
    f64::from(shift).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_has_as_few_bits_as_do() {
        assert_eq!(factor(0.25, 0), (1, 2));
        assert_eq!(factor(3.0, 0), (3, 0));
        for real in [0.001, 0.0123, 0.7, 1.0 / 3.0, 2.6e-7] {
            let (multiplier, shift) = factor(real, 0);
            assert!((multiplier as f64 / power(shift) / real - 1.0).abs() < FACTOR_ERROR);
            assert!(multiplier <= 1 << 11, "{multiplier}");
        }
    }

    #[test]
    fn subtracted_terms_are_negative() {
        let (multipliers, constant, shift) = sum(&[0.5, -0.25], &[1.0], 0.5, 0);
        assert_eq!(shift, 16);
        assert_eq!(multipliers, [65536, -32768]);
        assert_eq!(constant, [131_072]);
    }

    #[test]
    fn fine_inputs_raise_the_shift() {
        let (multipliers, _, shift) = sum(&[1e-4], &[], 1.0, 0);
        assert!(shift > 16 && multipliers[0] >= 1024);
    }

    #[test]
    fn averages_have_ten_bits() {
        let (multipliers, shift) = factors(&[0.25, 0.5], 0);
        assert_eq!((multipliers, shift), (vec![16384, 32768], 16));
        let (multipliers, shift) = factors(&[0.01 / 0.02 / 49.0], 0);
        assert_eq!(shift, 17);
        assert!(multipliers[0] >= 1024, "{multipliers:?}");
    }
}
