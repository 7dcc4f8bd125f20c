//! Sums of small integers times field elements, reduced once at the end.
//!
//! A field multiplication reduces its product modulo `p`. Here elements are cut into seventeen
//! digits of 15 bits, and a sum of products becomes seventeen dot products of 16-bit integers in
//! 32-bit sums, which compilers turn into multiply-add instructions of every processor. 128
//! products later the dot products are added to wider digits; the field comes back at the end.

use ff::{Field, PrimeField};
use pasta_curves::Fp;

use crate::field::arrays::arrays;
use crate::field::integer;
use crate::threads::for_each_chunk;

/// Largest magnitude taken the fast way: `2^8 · 2^15 · BLOCK` is below `2^31`.
const SMALL: u64 = 1 << 8;
/// Bits of a digit.
const BITS: u32 = 15;
/// Digits of an element of 255 bits.
const DIGITS: usize = 17;
/// Products that are summed in 32 bits.
const BLOCK: usize = 128;
/// Dot products are taken over a multiple of this length, the rest being zero.
const STEP: usize = 8;
/// Most blocks before wide digits are reduced: each adds less than `2^47`.
const BLOCKS: usize = 1 << 15;
/// Columns that are transposed together.
const TILE: usize = 16;
/// Fewer products than this are cheaper as field multiplications.
const FEW: usize = 4;

/// Digits of up to [`BLOCK`] elements, lowest first, each as one vector over the elements.
struct Planes {
    digits: [[i16; BLOCK]; DIGITS],
    /// Elements, rounded up to [`STEP`].
    length: usize,
}

/// A sum base `2^30`, lowest digit first, not carried.
#[derive(Clone, Copy, Default)]
struct Wide([i64; DIGITS.div_ceil(2)]);

impl Planes {
    #[allow(clippy::arithmetic_side_effects, reason = "shifts by less than a word")]
    fn new(elements: &[Fp]) -> Self {
        let mut digits = [[0; BLOCK]; DIGITS];
        for (at, element) in elements.iter().enumerate() {
            let mut words = words(*element);
            for plane in &mut digits {
                let [a, b, c, d] = words;
                let digit = i16::try_from(a & ((1 << BITS) - 1)).unwrap_or(0);
                plane.get_mut(at).into_iter().for_each(|place| *place = digit);
                let carried = 64 - BITS;
                words = [
                    a >> BITS | b << carried,
                    b >> BITS | c << carried,
                    c >> BITS | d << carried,
                    d >> BITS,
                ];
            }
        }
        Self { digits, length: elements.len().next_multiple_of(STEP).min(BLOCK) }
    }

    /// Adds `Σ integers_i · element_i`.
    #[allow(clippy::arithmetic_side_effects, reason = "bounded by SMALL, BLOCK and BLOCKS")]
    fn add_dot(&self, integers: &[i16; BLOCK], sum: &mut Wide) {
        let integers = integers.get(..self.length).unwrap_or_default();
        let dot = |plane: &[i16; BLOCK]| {
            i64::from(dot(integers, plane.get(..self.length).unwrap_or_default()))
        };
        for (digit, planes) in sum.0.iter_mut().zip(self.digits.chunks(2)) {
            *digit += match planes {
                [low, high] => dot(low) + (dot(high) << BITS),
                rest => rest.iter().map(dot).sum(),
            };
        }
    }
}

/// `Σ a_i·b_i`, for slices of one length, a multiple of [`STEP`].
#[allow(clippy::arithmetic_side_effects, reason = "bounded by SMALL and BLOCK")]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    let ((a, a_rest), (b, b_rest)) = (arrays::<_, 32>(a), arrays(b));
    dots(a, b) + dots(arrays::<_, STEP>(a_rest).0, arrays(b_rest).0)
}

/// A dot product in pieces of fixed length: compilers see multiply-add instructions in them, which
/// they miss in a plain loop.
#[allow(clippy::arithmetic_side_effects, reason = "bounded by SMALL and BLOCK")]
fn dots<'a, const N: usize>(
    a: impl Iterator<Item = &'a [i16; N]>,
    b: impl Iterator<Item = &'a [i16; N]>,
) -> i32 {
    let piece = |(a, b): (&[i16; N], &[i16; N])| -> i32 {
        a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
    };
    a.zip(b).map(piece).sum()
}

impl Wide {
    /// `Σ digit_i·2^(30·i)` modulo `p`.
    #[allow(clippy::arithmetic_side_effects, reason = "carries are smaller than the digits")]
    fn reduce(&self) -> Fp {
        const BITS: u32 = 2 * self::BITS;
        const TOP: Fp = Fp::from_raw([0, 0, 0, 1 << 48]);
        let mut carry = 0;
        let mut low = [0u64; 4];
        let (pairs, top) = arrays::<_, 2>(&self.0);
        for (word, pair) in low.iter_mut().zip(pairs) {
            for (digit, place) in pair.iter().zip([0, BITS]) {
                carry += digit;
                *word |= (carry & ((1 << BITS) - 1)).unsigned_abs() << place;
                carry >>= BITS;
            }
        }
        let top: i64 = top.iter().sum();
        // Four words of 60 bits in four of 64.
        let [a, b, c, d] = low;
        let low = Fp::from_raw([a | b << 60, b >> 4 | c << 56, c >> 8 | d << 52, d >> 12]);
        low + integer(top + carry) * TOP
    }
}

/// The words of the canonical representative, lowest first.
pub(crate) fn words(element: Fp) -> [u64; 4] {
    let bytes = element.to_repr();
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(arrays::<_, 8>(&bytes).0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// Whether all integers are taken the fast way.
fn all_small<T: Copy + Into<i64>>(integers: &[T]) -> bool {
    integers.iter().all(|&value| value.into().unsigned_abs() <= SMALL)
}

/// A small integer in the type that is multiplied.
fn narrow<T: Into<i64>>(value: T) -> i16 {
    i16::try_from(value.into()).unwrap_or(0)
}

/// Elements that meet several vectors of integers.
pub struct Elements {
    elements: Vec<Fp>,
    planes: Vec<Planes>,
}

impl Elements {
    /// Elements, cut into digits.
    pub fn new(elements: Vec<Fp>) -> Self {
        Self { planes: elements.chunks(BLOCK).map(Planes::new).collect(), elements }
    }

    /// `Σ integers_i · element_i`.
    pub fn dot<T: Copy + Into<i64>>(&self, integers: &[T]) -> Fp {
        if !all_small(integers) {
            return integers
                .iter()
                .zip(&self.elements)
                .map(|(&value, element)| *element * integer(value.into()))
                .sum();
        }
        let blocks = integers.chunks(BLOCK).zip(&self.planes);
        let mut sum = Fp::ZERO;
        let mut wide = Wide::default();
        for (index, (integers, planes)) in (1..).zip(blocks) {
            let mut block = [0; BLOCK];
            block.iter_mut().zip(integers).for_each(|(place, &value)| *place = narrow(value));
            planes.add_dot(&block, &mut wide);
            if index % BLOCKS == 0 {
                sum += std::mem::take(&mut wide).reduce();
            }
        }
        sum + wide.reduce()
    }
}

/// Sums of `integer · element`, side by side.
pub struct SmallSums {
    /// What is not summed yet: an element per row, and the integers row by row.
    elements: Vec<Fp>,
    rows: Vec<i16>,
    /// Sums of earlier blocks, and how many since the last reduction.
    wide: Vec<Wide>,
    blocks: usize,
    /// What has been reduced already, and products with large integers.
    sums: Vec<Fp>,
}

impl SmallSums {
    /// So many sums, all zero.
    pub fn new(count: usize) -> Self {
        Self {
            elements: Vec::new(),
            rows: Vec::new(),
            wide: Vec::new(),
            blocks: 0,
            sums: vec![Fp::ZERO; count],
        }
    }

    /// Adds `integers[i] · element` to sum `i`.
    pub fn add<T: Copy + Into<i64>>(&mut self, integers: &[T], element: Fp) {
        let count = self.sums.len();
        let integers = integers.get(..count).unwrap_or(integers);
        if !all_small(integers) {
            add_products(&mut self.sums, integers.iter().map(|&value| value.into()), element);
            return;
        }
        self.elements.push(element);
        self.rows.extend(integers.iter().map(|&value| narrow(value)));
        self.rows.resize(self.elements.len().saturating_mul(count), 0);
        if self.elements.len() >= BLOCK {
            self.flush();
        }
    }

    /// Sums what is waiting.
    fn flush(&mut self) {
        let (count, planes) = (self.sums.len(), Planes::new(&self.elements));
        self.wide.resize(count, Wide::default());
        let rows = &self.rows;
        let tile = |index: usize, sums: &mut [Wide]| {
            let first = index.saturating_mul(TILE);
            let mut tile = [[0; BLOCK]; TILE];
            for (at, row) in rows.chunks(count).enumerate() {
                for (column, value) in tile.iter_mut().zip(row.iter().skip(first)) {
                    column.get_mut(at).into_iter().for_each(|place| *place = *value);
                }
            }
            sums.iter_mut().zip(&tile).for_each(|(sum, column)| planes.add_dot(column, sum));
        };
        // Of a share, so that a thread is worth waking.
        const SHARE: usize = 8;
        for_each_chunk(&mut self.wide, TILE.saturating_mul(SHARE), |share, sums| {
            let first = share.saturating_mul(SHARE);
            sums.chunks_mut(TILE)
                .enumerate()
                .for_each(|(index, sums)| tile(first.saturating_add(index), sums));
        });
        self.elements.clear();
        self.rows.clear();
        self.blocks = self.blocks.saturating_add(1);
        if self.blocks >= BLOCKS {
            self.reduce();
        }
    }

    fn reduce(&mut self) {
        self.sums.iter_mut().zip(&self.wide).for_each(|(sum, wide)| *sum += wide.reduce());
        self.wide.clear();
        self.blocks = 0;
    }

    /// The sums.
    pub fn finish(mut self) -> Vec<Fp> {
        if self.elements.len() < FEW {
            let rows = self.rows.chunks(self.sums.len().max(1));
            for (row, element) in rows.zip(&self.elements) {
                add_products(&mut self.sums, row.iter().map(|&value| value.into()), *element);
            }
        } else {
            self.flush();
        }
        self.reduce();
        self.sums
    }
}

/// Adds `integer · element` to each sum.
fn add_products(sums: &mut [Fp], integers: impl Iterator<Item = i64>, element: Fp) {
    sums.iter_mut().zip(integers).for_each(|(sum, value)| *sum += element * integer(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::powers;

    /// Elements with digits of every kind: random ones, the smallest and the largest.
    fn elements(count: usize) -> Vec<Fp> {
        let ends = [
            Fp::ZERO,
            Fp::ONE,
            -Fp::ONE,
            Fp::from_raw([u64::MAX, u64::MAX, u64::MAX, (1 << 62) - 1]),
        ];
        powers(-Fp::from(0x1234_5678_9abc), count)
            .into_iter()
            .chain(ends)
            .take(count.max(ends.len()))
            .skip(1)
            .collect()
    }

    fn check(rows: &[Vec<i64>], elements: &[Fp]) {
        let count = rows[0].len();
        let mut sums = SmallSums::new(count);
        rows.iter().zip(elements).for_each(|(row, element)| sums.add(row, *element));
        let plain = |i: usize| {
            rows.iter().zip(elements).map(|(row, element)| integer(row[i]) * element).sum::<Fp>()
        };
        assert_eq!(sums.finish(), (0..count).map(plain).collect::<Vec<_>>());
    }

    #[test]
    fn agrees_with_the_field() {
        // Fewer than FEW, a part of a block, several blocks; small integers and large ones; fewer
        // and more sums than a tile and a share.
        for (height, count) in [(1, 5), (3, 41), (5, 1), (20, 17), (128, 16), (300, 150)] {
            for scale in [1, 3, 1000, i64::MAX / 100] {
                let value = |row: i64, i: i64| scale * ((row * 37 + i * 11) % 171 - 85);
                let rows: Vec<Vec<i64>> =
                    (0..height).map(|row| (0..count).map(|i| value(row, i)).collect()).collect();
                check(&rows, &elements(rows.len() + 1));
            }
        }
    }

    #[test]
    fn agrees_at_the_bounds() {
        for value in [256, -256, 257, -128, 127, i64::MIN, i64::MAX] {
            let largest = [-Fp::ONE, Fp::from_raw([u64::MAX, u64::MAX, u64::MAX, (1 << 62) - 1])];
            for element in largest {
                check(&vec![vec![value; 3]; 2 * BLOCK + 9], &vec![element; 2 * BLOCK + 9]);
            }
        }
    }

    #[test]
    fn wide_digits_are_reduced_in_time() {
        let mut sums = SmallSums::new(1);
        sums.wide = vec![Wide([1 << 61; 9])];
        sums.blocks = BLOCKS - 1;
        for _ in 0..BLOCK {
            sums.add(&[256i64], -Fp::ONE);
        }
        assert_eq!(sums.blocks, 0);
        let before = powers(Fp::from(1 << 30), 9).iter().sum::<Fp>() * Fp::from(1 << 61);
        assert_eq!(sums.finish(), [before - Fp::from(256 * BLOCK as u64)]);
    }

    #[test]
    fn dot_products_agree_with_the_field() {
        for count in [0, 1, 3, 127, 128, 300] {
            for scale in [1, 2, i64::MAX / 200] {
                let integers: Vec<i64> = (0..count).map(|i| scale * (i * 37 % 255 - 127)).collect();
                let elements: Vec<Fp> =
                    elements(integers.len() + 1).into_iter().take(integers.len()).collect();
                let plain: Fp =
                    integers.iter().zip(&elements).map(|(&value, e)| integer(value) * e).sum();
                assert_eq!(Elements::new(elements).dot(&integers), plain);
            }
        }
    }

    #[test]
    fn short_rows_leave_the_other_sums_alone() {
        let mut sums = SmallSums::new(3);
        (0..5).for_each(|_| sums.add(&[1i8, 2], Fp::ONE));
        assert_eq!(sums.finish(), [5, 10, 0].map(Fp::from));
    }
}
