//! The rounding rules, all of them: every integer this crate derives from a real number or a wider
//! integer passes here.
//!
//! | from | to | rule |
//! |---|---|---|
//! | accumulator | activation | round half up or to even, [`Requantise::apply`] |
//! | float input | activation | round half to even, [`Quantisation::quantise`] (ONNX QuantizeLinear's rule) |
//! | float parameter | integer parameter | round half up, [`half_up`] |

use crate::integer::graph::{Quantisation, Requantise, Ties};

/// The smallest int8 activation.
pub const INT8_MIN: i64 = -128;
/// The largest int8 activation.
pub const INT8_MAX: i64 = 127;
/// The smallest activation: 16 bits, signed.
pub const ACTIVATION_MIN: i64 = -(1 << 15);
/// The largest activation: 16 bits, unsigned.
pub const ACTIVATION_MAX: i64 = (1 << 16) - 1;

/// `⌊z / 2^shift + 1/2⌋`: the nearest integer, ties towards plus infinity. `|z| < 2^62` and `shift
/// ≤ 62`.
pub fn shift_half_up(z: i64, shift: u32) -> i64 {
    match shift {
        0 => z,
        _ => (z + (1 << (shift - 1))) >> shift,
    }
}

/// `z / 2^shift` rounded to the nearest integer; what is within `slack` of a half goes to the even
/// one. `slack < 2^(shift−2)`.
pub fn shift_half_even(z: i64, shift: u32, slack: i64) -> i64 {
    if shift == 0 {
        return z;
    }
    let half = 1 << (shift - 1);
    let (down, up) = ((z + half - 1 - slack) >> shift, (z + half + slack) >> shift);
    if down == up || down % 2 == 0 { down } else { up }
}

/// `⌊x + 1/2⌋` as a real number.
pub fn half_up(x: f64) -> f64 {
    // `x + 0.5` itself can round up to the next integer just below a tie, so the fraction is
    // compared instead.
    let floor = x.floor();
    if x - floor >= 0.5 { floor + 1.0 } else { floor }
}

impl Requantise {
    /// The activation of a scaled accumulator.
    pub fn apply(&self, z: i64) -> i64 {
        let rounded = match self.ties {
            Ties::Up => shift_half_up(z, self.shift),
            Ties::Even { slack } => shift_half_even(z, self.shift, slack),
        };
        self.function.apply(rounded + self.zero_point)
    }
}

impl Quantisation {
    /// The integer of `minimum..=maximum` nearest to a real number: round half to even of `x /
    /// scale`, plus the zero point, saturating.
    pub fn quantise(&self, x: f64, minimum: i64, maximum: i64) -> i64 {
        let steps = (x / self.scale).round_ties_even() + self.zero_point as f64;
        steps.clamp(minimum as f64, maximum as f64) as i64
    }

    /// The real number that an integer stands for.
    pub fn dequantise(&self, integer: i64) -> f64 {
        // Raw accumulators pass 2^53 only where a float could not tell neighbours apart anyway.
        self.scale * (integer as f64 - self.zero_point as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integer::graph::Function;
    use proptest::prelude::*;

    #[test]
    fn ties_go_up() {
        assert_eq!([-3, -2, -1, 0, 1, 2, 3].map(|z| shift_half_up(z, 1)), [-1, -1, 0, 0, 1, 1, 2]);
        assert_eq!([-2.5, -1.5, -0.5, 0.5, 1.5].map(half_up), [-2.0, -1.0, 0.0, 1.0, 2.0]);
        assert_eq!(half_up(0.499_999_999_999_999_94), 0.0);
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        let rounded =
            [-7, -6, -5, -3, -2, -1, 0, 1, 2, 3, 5, 6, 7].map(|z| shift_half_even(z, 2, 0));
        assert_eq!(rounded, [-2, -2, -1, -1, 0, 0, 0, 0, 0, 1, 1, 2, 2]);
        // 1/3 as 21846 / 2^16: 3/2, 9/2 and 15/2 are met within 2/3 and less of a unit per third.
        let thirds = [9, 27, 45].map(|thirds| shift_half_even(thirds * 10923, 16, 64));
        assert_eq!(thirds, [2, 4, 8]);
    }

    #[test]
    fn inputs_round_to_even_and_saturate() {
        let quantise =
            |x| Quantisation { scale: 0.5, zero_point: 3 }.quantise(x, INT8_MIN, INT8_MAX);
        assert_eq!(quantise(0.25), 3);
        assert_eq!(quantise(0.75), 5);
        assert_eq!(quantise(-0.25), 3);
        assert_eq!(quantise(1e30), 127);
        assert_eq!(quantise(-1e30), -128);
    }

    proptest! {
        #[test]
        fn shift_is_the_nearest_integer(z in -(1i64 << 61)..(1i64 << 61), shift in 0u32..=40) {
            let rounded = i128::from(shift_half_up(z, shift));
            // −2^shift < 2·(rounded·2^shift − z) ≤ 2^shift
            let twice = 2 * ((rounded << shift) - i128::from(z));
            prop_assert!(-(1i128 << shift) < twice && twice <= (1i128 << shift));
        }

        #[test]
        fn quantising_what_was_dequantised_returns_it(
            integer in -128i64..=127, zero_point in -128i64..=127, scale in 1e-6f64..1e6,
        ) {
            let quantisation = Quantisation { scale, zero_point };
            prop_assert_eq!(quantisation.quantise(quantisation.dequantise(integer), INT8_MIN,
                INT8_MAX), integer);
        }

        #[test]
        fn quantising_is_within_half_a_step(x in -10.0f64..10.0, zero_point in -128i64..=127) {
            let quantisation = Quantisation { scale: 0.1, zero_point };
            let integer = quantisation.quantise(x, INT8_MIN, INT8_MAX);
            if integer > INT8_MIN && integer < INT8_MAX {
                prop_assert!((quantisation.dequantise(integer) - x).abs() <= 0.05 + 1e-9);
            }
        }

        #[test]
        fn quantising_is_monotone(x in -1e3f64..1e3, y in -1e3f64..1e3, scale in 1e-3f64..10.0) {
            let quantisation = Quantisation { scale, zero_point: -7 };
            let (low, high) = if x <= y { (x, y) } else { (y, x) };
            prop_assert!(quantisation.quantise(low, 0, 255) <= quantisation.quantise(high, 0, 255));
        }

        #[test]
        fn requantise_follows_its_formula(z in -(1i64 << 40)..(1i64 << 40), shift in 1u32..=30,
            zero_point in -128i64..=127) {
            let requantise = Requantise { shift, ties: Ties::Up, zero_point,
                function: Function::clamp(-128, 127) };
            let exact = (i128::from(z) + (1i128 << (shift - 1))).div_euclid(
                1i128 << shift) + i128::from(zero_point);
            prop_assert_eq!(i128::from(requantise.apply(z)), exact.clamp(-128, 127));
        }
    }
}
