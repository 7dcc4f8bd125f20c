//! Sums of small integers times field elements, reduced once at the end.
//!
//! A field multiplication reduces its product modulo `p`; a small integer times the eight 32-bit digits of an element fits 64 bits and needs no
//! reduction until a million of them have been added. So does most of the work with weights.

use ff::{Field, PrimeField};
use pasta_curves::Fp;

use crate::field::integer;

/// Largest magnitude taken the fast way.
const SMALL: u64 = 1 << 8;
/// Most terms before sums are reduced: `2^8 · 2^32 · 2^22` is below `2^63`.
const TERMS: usize = 1 << 22;

/// Sums of `integer · element`, side by side.
pub struct SmallSums {
    /// Digits of each sum, base `2^32`, not carried.
    digits: Vec<[i64; 8]>,
    /// What has been reduced already.
    sums: Vec<Fp>,
    terms: usize,
}

impl SmallSums {
    /// So many sums, all zero.
    pub fn new(count: usize) -> Self {
        Self { digits: vec![[0; 8]; count], sums: vec![Fp::ZERO; count], terms: 0 }
    }

    /// Adds `integers[i] · element` to sum `i`.
    #[allow(clippy::arithmetic_side_effects, reason = "bounded by SMALL and TERMS")]
    pub fn add<T: Copy + Into<i64>>(&mut self, integers: &[T], element: Fp) {
        if integers.iter().any(|&value| value.into().unsigned_abs() > SMALL) {
            for (sum, &value) in self.sums.iter_mut().zip(integers) {
                *sum += element * integer(value.into());
            }
            return;
        }
        let element = digits(element);
        for (sum, &value) in self.digits.iter_mut().zip(integers) {
            let value: i64 = value.into();
            for (digit, part) in sum.iter_mut().zip(&element) {
                *digit += value * part;
            }
        }
        self.terms += 1;
        if self.terms >= TERMS {
            self.reduce();
        }
    }

    fn reduce(&mut self) {
        for (sum, digits) in self.sums.iter_mut().zip(&mut self.digits) {
            *sum += carry(digits);
            *digits = [0; 8];
        }
        self.terms = 0;
    }

    /// The sums.
    pub fn finish(mut self) -> Vec<Fp> {
        self.reduce();
        self.sums
    }
}

/// The digits base `2^32`, lowest first.
fn digits(element: Fp) -> [i64; 8] {
    let bytes = element.to_repr();
    let mut digits = [0; 8];
    for (digit, bytes) in digits.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *digit = i64::from(u32::from_le_bytes(*bytes));
    }
    digits
}

/// `Σ digit_i · 2^(32·i)` modulo `p`.
fn carry(digits: &[i64; 8]) -> Fp {
    let radix = Fp::from(1 << 32);
    digits.iter().rev().fold(Fp::ZERO, |sum, digit| sum * radix + integer(*digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_field() {
        let elements: Vec<Fp> = (1..40u64)
            .map(|i| -Fp::from(i).square().square() * Fp::from(u64::MAX / i))
            .chain([Fp::ZERO, -Fp::ONE])
            .collect();
        for scale in [1, 3, 1000] {
            let rows: Vec<Vec<i64>> =
                (0..5i64).map(|row| (0..41).map(|i| scale * ((row * 37 + i * 11) % 171 - 85)).collect()).collect();
            let mut sums = SmallSums::new(41);
            for (row, element) in rows.iter().zip(&elements) {
                sums.add(row, *element);
            }
            let plain =
                |i: usize| rows.iter().zip(&elements).map(|(row, element)| integer(row[i]) * element).sum::<Fp>();
            assert_eq!(sums.finish(), (0..41).map(plain).collect::<Vec<_>>());
        }
    }
}
