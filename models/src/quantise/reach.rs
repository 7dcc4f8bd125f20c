//! How large weights, biases and with them accumulators can get: those of a file, and those that a
//! verifier has to reckon with where they are sealed.

/// The largest integer that a real weight becomes where the result is rounded as the file demands.
const FINE_LIMIT: f64 = (1 << 22) as f64;

/// Larger in size than any bias that is valid.
const BIAS_REACH: f64 = (1u64 << 60) as f64;

/// The largest weight in size that digits base 256 make, as many as the weights need: what a
/// verifier takes sealed ones for.
pub(super) fn sealed_weight(weights: &[i32]) -> i128 {
    let (mut largest, mut smallest) = (127i64, -128i64);
    while weights.iter().any(|&weight| !(smallest..=largest).contains(&weight.into())) {
        (largest, smallest) = (256 * largest + 127, 256 * smallest - 128);
    }
    i128::from(-smallest)
}

/// The same for biases, whose digits are base 64; three at least, and all layers have as many.
pub(super) fn sealed_bias(largest: i64) -> i128 {
    let digits = |count: u32, digit: i128| digit * (64i128.pow(count) - 1) / 63;
    let needed = (3..6).find(|&count| i128::from(largest) <= digits(count, 31));
    digits(needed.unwrap_or(6), 32)
}

/// Biases in steps of what the products are worth.
pub(super) fn steps(weights: &[f64], bias: &[f64], input: f64) -> impl Iterator<Item = i64> {
    let steps = weights.iter().zip(bias).map(move |(&weight, bias)| bias / (input * weight));
    // Validation refuses what is beyond this, and sums of it still fit.
    steps.map(|steps| steps.round_ties_even().clamp(-BIAS_REACH, BIAS_REACH) as i64)
}

/// What a step of real weights is worth that become integers of three digits.
pub(super) fn fine_scale(row: &[f32]) -> f64 {
    let largest = row.iter().fold(0.0f32, |most, weight| most.max(weight.abs()));
    if largest > 0.0 { f64::from(largest) / FINE_LIMIT } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_digits_reach_beyond_what_they_hold() {
        assert_eq!(sealed_weight(&[5, -128]), 128);
        assert_eq!(sealed_weight(&[128]), 128 + 128 * 256);
        assert_eq!(sealed_weight(&[1 << 22]), 128 + 128 * 256 + 128 * 65_536);
        assert_eq!(sealed_bias(0), 133_152);
        assert_eq!(sealed_bias(128_991), 133_152);
        assert_eq!(sealed_bias(128_992), 32 * (64i128.pow(4) - 1) / 63);
        assert_eq!(sealed_bias(i64::MAX), 32 * (64i128.pow(6) - 1) / 63);
    }
}
