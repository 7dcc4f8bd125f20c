//! Integers as signed digits.

/// A place in the notation of integers by signed digits to the base `2^bits`.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The digit's lowest bit.
    pub shift: u32,
    /// How many bits it spans, at most 30.
    pub bits: u32,
}

impl Place {
    /// The integer's digit here, between `−2^(bits−1)` and `2^(bits−1)`, so that half as many
    /// buckets do as for digits from 0 on.
    ///
    /// This is Booth's recoding: a digit whose own highest bit is set is lowered by `2^bits`, which
    /// the next one, looking one bit down, makes up for. So digits do not wait for each other. The
    /// digits up to one that spans a bit above the highest of the integer add up to it.
    pub fn digit(self, integer: i128) -> i32 {
        if integer == 0 {
            return 0;
        }
        let magnitude = integer.unsigned_abs();
        let from_one_below =
            if self.shift == 0 { magnitude << 1 } else { magnitude >> (self.shift - 1) };
        let bits = from_one_below as u32 & ((2 << self.bits) - 1);
        let digit =
            (bits >> 1) as i32 + (bits & 1) as i32 - ((bits >> self.bits) << self.bits) as i32;
        if integer < 0 { -digit } else { digit }
    }
}

/// The non-adjacent form of width `width`, the lowest digit first: digits are odd and below
/// `2^(width−1)` in magnitude, and of any `width` in a row at most one is not zero.
pub(super) fn non_adjacent(integer: i128, width: u32) -> Vec<i8> {
    let (base, half) = (1i32 << width, 1i32 << (width - 1));
    let (mut rest, negative) = (integer.unsigned_abs(), integer < 0);
    let mut digits = Vec::with_capacity(129);
    while rest != 0 {
        let mut digit = 0;
        if rest & 1 == 1 {
            digit = (rest & (base as u128 - 1)) as i32;
            digit = if digit > half { digit - base } else { digit };
            rest = rest.wrapping_sub(digit as u128);
        }
        digits.push(if negative { -digit } else { digit } as i8);
        rest >>= 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_mean_the_integer() {
        for bits in 1..=16 {
            for magnitude in [
                0,
                1,
                2,
                3,
                127,
                128,
                129,
                255,
                256,
                65_535,
                1 << 40,
                i128::from(u64::MAX),
                i128::MAX,
            ] {
                let length = 128 - magnitude.leading_zeros();
                for integer in [magnitude, -magnitude] {
                    let places =
                        (0..=length / bits).map(|place| Place { shift: place * bits, bits });
                    let digits: Vec<i32> = places.map(|place| place.digit(integer)).collect();
                    assert!(digits.iter().all(|digit| digit.abs() <= 1 << (bits - 1)));
                    // Wrapping, as the highest partial sum may be 2^127.
                    let append = |sum: i128, digit: &i32| {
                        sum.wrapping_shl(bits).wrapping_add(i128::from(*digit))
                    };
                    assert_eq!(digits.iter().rev().fold(0, append), integer);
                }
            }
        }
    }

    #[test]
    fn non_adjacent_digits_mean_the_integer() {
        for width in 2..=6 {
            for integer in [
                0,
                1,
                -1,
                2,
                3,
                -7,
                12_345,
                i128::from(i64::MIN),
                i128::MAX >> 1,
                i128::MAX,
                -i128::MAX,
            ] {
                let digits = non_adjacent(integer, width);
                assert!(digits.iter().all(|&digit| digit == 0
                    || digit % 2 != 0 && i32::from(digit).abs() < 1 << (width - 1)));
                // Wrapping, as the highest partial sum may be 2^127.
                let value = digits
                    .iter()
                    .rev()
                    .fold(0i128, |sum, &digit| sum.wrapping_mul(2).wrapping_add(digit.into()));
                assert_eq!(value, integer);
                let apart = |window: &[i8]| window.iter().filter(|&&digit| digit != 0).count() <= 1;
                assert!(digits.windows(width as usize).all(apart));
            }
        }
    }
}
