//! Factors as quotients of integers.

/// A positive factor as a quotient of integers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) numerator: i128,
    pub(super) denominator: i128,
}

/// `mantissa·2^exponent` with an odd mantissa.
fn parts(x: f64) -> (i128, i32) {
    let bits = x.to_bits();
    let fraction = (bits & ((1 << 52) - 1)) as i128;
    let biased = ((bits >> 52) & 0x7ff) as i32;
    let (mantissa, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
    let zeros = if mantissa == 0 { 0 } else { mantissa.trailing_zeros() };
    (mantissa >> zeros, exponent + zeros as i32)
}

fn greatest_common_divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Ratio {
    /// `product / divisor`. Exact for float32 scales; factors below 2^−50 and scales with more bits
    /// lose their last ones.
    pub(super) fn new(product: &[f64], divisor: f64) -> Self {
        let (mut numerator, mut exponent) = (1i128, 0);
        for &factor in product {
            let (mantissa, power) = parts(factor);
            numerator *= mantissa;
            exponent += power;
            while numerator >= 1 << 58 {
                numerator >>= 1;
                exponent += 1;
            }
        }
        let (mut denominator, power) = parts(divisor);
        exponent -= power;
        let common = greatest_common_divisor(numerator, denominator).max(1);
        (numerator, denominator) = (numerator / common, denominator / common);
        while denominator >= 1 << 30 {
            (denominator, numerator) = (denominator >> 1, (numerator >> 1).max(1));
        }
        while exponent < -70 && numerator > 1 {
            numerator >>= 1;
            exponent += 1;
        }
        let up = exponent.clamp(0, 60);
        let down = (-exponent).clamp(0, 70);
        Self { numerator: numerator << up, denominator: denominator << down }
    }

    pub(super) fn real(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The smallest integer `a` with `a·ratio ≥ k + 1/2`, and whether it is equal.
    pub(super) fn half(self, k: i64) -> (i128, bool) {
        let (half, unit) = (i128::from(2 * k + 1) * self.denominator, 2 * self.numerator);
        let floor = half.div_euclid(unit);
        if half.rem_euclid(unit) == 0 { (floor, true) } else { (floor + 1, false) }
    }
}
