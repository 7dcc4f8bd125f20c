//! Floats of 16 bits.

/// The number that 16 bits of IEEE 754 half precision stand for.
pub(crate) fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// The same for bfloat16.
pub(crate) fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_floats_are_decoded() {
        assert_eq!(
            [0x3c00, 0xc000, 0x3555, 1, 0x7c00].map(half),
            [1.0, -2.0, 0.333_251_95, 5.960_464_5e-8, f32::INFINITY]
        );
        assert!(half(0x7c01).is_nan());
        assert_eq!(brain(0xc040), -3.0);
    }
}
