//! Small integers and powers in the field.

pub(crate) mod arrays;
pub mod integers;
pub mod multilinear;
pub mod small;

use ff::Field;
use pasta_curves::Fp;

use crate::threads::for_each_chunk;

/// An integer as an element of the scalar field.
pub fn integer(value: i64) -> Fp {
    let magnitude = Fp::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// `1, base, base², …`, `count` of them.
pub(crate) fn powers(base: Fp, count: usize) -> Vec<Fp> {
    geometric(Fp::ONE, base, count)
}

/// `first, first·base, first·base², …`, `count` of them.
pub(crate) fn geometric(first: Fp, base: Fp, count: usize) -> Vec<Fp> {
    /// Enough to be worth raising the base to the power where a share starts, and a thread's while.
    const SHARE: usize = 4096;
    let mut values = vec![Fp::ZERO; count];
    for_each_chunk(&mut values, SHARE, |share, values| {
        let exponent = u64::try_from(share.saturating_mul(SHARE)).unwrap_or(u64::MAX);
        let mut power = first * base.pow_vartime([exponent]);
        for value in values {
            *value = power;
            power *= base;
        }
    });
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_across_shares() {
        let (first, base) = (Fp::from(5), -Fp::from(7));
        let plain: Vec<Fp> =
            std::iter::successors(Some(first), |power| Some(*power * base)).take(10_000).collect();
        assert_eq!(geometric(first, base, 10_000), plain);
        assert_eq!(powers(base, 3), [Fp::ONE, base, base.square()]);
        assert!(powers(base, 0).is_empty());
    }
}
