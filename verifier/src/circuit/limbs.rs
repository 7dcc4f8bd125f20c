//! Limbs: digits of integers that are not negative and have a known number of bits.
//!
//! Limbs of so many bits, the lowest first, and the highest of those that are left. Each is looked
//! up in a table of exactly its width, so that together they hold the integers of so many bits and
//! no others. See `docs/argument/requantise.md`.

use crate::circuit::interval::Interval;

/// The width of each limb.
pub fn limb_widths(bits: u32, limb_bits: u32) -> impl Iterator<Item = u32> {
    let width = limb_bits.max(1);
    (0..bits.div_ceil(width)).map(move |limb| {
        let lower = limb.saturating_mul(width);
        bits.saturating_sub(lower).min(width)
    })
}

/// How many they are.
pub fn limb_count(bits: u32, limb_bits: u32) -> usize {
    usize::try_from(bits.div_ceil(limb_bits.max(1))).unwrap_or(usize::MAX)
}

/// Bits of an ArgMax gap over a tensor with this interval.
pub fn gap_bits(interval: Interval) -> u32 {
    i128::BITS.saturating_sub(interval.count().leading_zeros())
}
