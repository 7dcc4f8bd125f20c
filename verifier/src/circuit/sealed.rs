//! What sealed weights and biases may be: the same ranges for every model, since tighter ones would
//! say something about what is sealed.

use crate::circuit::interval::Interval;
use crate::limits::MAX_BIAS_DIGITS;

/// What sealed weights lie in.
pub const SEALED_WEIGHT: Interval = Interval { minimum: -128, maximum: 127 };
/// What a digit of a sealed bias lies in.
pub const SEALED_DIGIT: Interval = Interval { minimum: -32, maximum: 31 };
/// A sealed bias is `Σ digit_i·64^i`.
pub const DIGIT_BASE: i64 = 64;

/// What a sealed bias of this many digits lies in: at most [`MAX_BIAS_DIGITS`] count.
#[allow(clippy::arithmetic_side_effects, reason = "six digits of six bits")]
pub fn sealed_bias(digits: u32) -> Interval {
    let unit = (0..digits.min(MAX_BIAS_DIGITS)).fold(0, |unit, _| unit * DIGIT_BASE + 1);
    Interval { minimum: SEALED_DIGIT.minimum * unit, maximum: SEALED_DIGIT.maximum * unit }
}
