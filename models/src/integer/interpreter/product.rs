//! Matrix times vector, which is what convolutions and linear layers spend their time in.

use rayon::prelude::*;

use crate::integer::integers::Integers;

/// A matrix of weights, row by row.
pub(super) struct Matrix<'a> {
    weights: Width<'a>,
    columns: usize,
    /// The largest magnitude.
    bound: u64,
}

/// Weights in as many bytes as are read fast.
enum Width<'a> {
    One(&'a [i8]),
    Two(Vec<i16>),
    Four(Vec<i32>),
}

impl<'a> Matrix<'a> {
    /// A matrix of rows of so many columns.
    pub(super) fn new(weights: &'a Integers, columns: usize) -> Self {
        if let Some(bytes) = weights.bytes() {
            return Self { weights: Width::One(bytes), columns, bound: 128 };
        }
        let weights = weights.to_vec();
        let (weights, bound) = match narrow(&weights) {
            Some((narrow, bound)) => (Width::Two(narrow), bound),
            None => (Width::Four(weights), u64::MAX),
        };
        Self { weights, columns, bound }
    }

    /// `Σ_t row[t]·vector[t]` for each of the rows `first..first + count`. The sums fit 64 bits;
    /// validation has seen to that.
    pub(super) fn times(&self, first: usize, count: usize, vector: &[i64]) -> Vec<i64> {
        let rows = first * self.columns..(first + count) * self.columns;
        let narrow = narrow(vector).filter(|(_, largest)| {
            let sum = self.bound.saturating_mul(*largest).saturating_mul(self.columns as u64);
            sum <= i32::MAX as u64
        });
        let narrow = narrow.as_ref().map(|(narrow, _)| narrow.as_slice());
        match &self.weights {
            Width::One(weights) => self.rows(&weights[rows], vector, narrow),
            Width::Two(weights) => self.rows(&weights[rows], vector, narrow),
            Width::Four(weights) => self.rows(&weights[rows], vector, None),
        }
    }

    /// The products with vectors, which stand one after another: `Σ_t row[t]·vector[t]`, vector by
    /// vector. A row is read once for all of them: those of the largest networks come from memory.
    pub(super) fn products(&self, vectors: &[i64]) -> Vec<i64> {
        let reach = self.bound.saturating_mul(self.columns as u64);
        let digits = Digits::new(vectors, self.columns, reach);
        match &self.weights {
            Width::One(weights) => self.each(weights, vectors, digits.as_ref()),
            Width::Two(weights) => self.each(weights, vectors, digits.as_ref()),
            Width::Four(weights) => self.each(weights, vectors, None),
        }
    }

    fn each<T: Copy + Into<i64> + Into<i32> + Sync>(
        &self,
        weights: &[T],
        vectors: &[i64],
        digits: Option<&Digits>,
    ) -> Vec<i64> {
        /// Rows that a thread does at once.
        const ROWS: usize = 64;
        let (columns, count) = (self.columns, vectors.len() / self.columns);
        let row = |row: &[T]| -> Vec<i64> {
            match digits {
                Some(digits) => (0..count).map(|vector| digits.times(row, vector)).collect(),
                None => vectors.chunks(columns).map(|vector| plain(row, vector)).collect(),
            }
        };
        let part = |rows: &[T]| rows.chunks(columns).flat_map(row).collect();
        let parts: Vec<Vec<i64>> = weights.par_chunks(ROWS * columns).map(part).collect();
        // From row by row to vector by vector.
        let rows = weights.len() / columns;
        let mut products = vec![0; rows * count];
        for (row, sums) in parts.iter().flat_map(|part| part.chunks(count)).enumerate() {
            for (vector, &sum) in sums.iter().enumerate() {
                products[vector * rows + row] = sum;
            }
        }
        products
    }

    /// Each row times the vector, of which there is a narrow copy if no sum leaves 32 bits.
    fn rows<T: Copy + Into<i64> + Into<i32>>(
        &self,
        rows: &[T],
        vector: &[i64],
        narrow: Option<&[i16]>,
    ) -> Vec<i64> {
        let rows = rows.chunks(self.columns);
        match narrow {
            Some(narrow) => rows.map(|row| dot(row, narrow).into()).collect(),
            None => rows.map(|row| plain(row, vector)).collect(),
        }
    }
}

/// `Σ_t row[t]·vector[t]`.
fn plain<T: Copy + Into<i64>>(row: &[T], vector: &[i64]) -> i64 {
    row.iter().zip(vector).map(|(&weight, &x)| weight.into() * x).sum()
}

/// Vectors as digits of 16 bits or fewer, so few that products of each with a row fit 32 bits.
struct Digits {
    columns: usize,
    bits: u32,
    /// All vectors, the lowest digit first. The highest has the sign.
    each: Vec<Vec<i16>>,
}

impl Digits {
    /// For rows whose entries come to at most `reach` in size. None if there would be too many.
    fn new(vectors: &[i64], columns: usize, reach: u64) -> Option<Self> {
        /// More take longer than products of 64 bits.
        const MOST: u32 = 4;
        let most = (i32::MAX as u64 / reach.max(1)).min(i16::MAX as u64);
        // Of this size are all digits but the highest, which may be the negative of it.
        let bits = (most + 1).ilog2();
        if bits == 0 {
            return None;
        }
        let largest = vectors.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0);
        let count = (1..=MOST).find(|count| largest >> (bits * (count - 1)) <= most / 2)?;
        let mask = (1i64 << bits) - 1;
        let digit = |place: u32| -> Vec<i16> {
            let high = place + 1 == count;
            let of = |&x: &i64| {
                let rest = x >> (bits * place);
                if high { rest } else { rest & mask }
            };
            vectors.iter().map(|x| of(x) as i16).collect()
        };
        Some(Self { columns, bits, each: (0..count).map(digit).collect() })
    }

    fn times<T: Copy + Into<i32>>(&self, row: &[T], vector: usize) -> i64 {
        let place = vector * self.columns..(vector + 1) * self.columns;
        let parts = self.each.iter().map(|digit| i64::from(dot(row, &digit[place.clone()])));
        parts.rev().fold(0, |sum, part| (sum << self.bits) + part)
    }
}

/// Integers in 16 bits with the largest magnitude, if they fit.
fn narrow<T: Copy + Into<i64>>(values: &[T]) -> Option<(Vec<i16>, u64)> {
    let largest = values.iter().map(|&value| value.into().unsigned_abs()).max().unwrap_or(0);
    let narrow = || values.iter().map(|&value| value.into() as i16).collect();
    (largest <= i16::MAX as u64).then(|| (narrow(), largest))
}

/// A dot product whose sums fit 32 bits, so nothing wraps; a check at each step would cost the
/// multiply-add instructions.
fn dot<T: Copy + Into<i32>>(a: &[T], b: &[i16]) -> i32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    let ((a_rest, a_last), (b_rest, b_last)) = (a_rest.as_chunks::<8>(), b_rest.as_chunks::<8>());
    let last = a_last.iter().zip(b_last).map(|(&a, &b)| a.into() * i32::from(b));
    last.fold(pieces(a, b).wrapping_add(pieces(a_rest, b_rest)), i32::wrapping_add)
}

/// A dot product in pieces of fixed length: compilers see multiply-add instructions in them, which
/// they miss in a plain loop.
fn pieces<T: Copy + Into<i32>, const N: usize>(a: &[[T; N]], b: &[[i16; N]]) -> i32 {
    let piece = |(a, b): (&[T; N], &[i16; N])| -> i32 {
        a.iter().zip(b).fold(0, |sum: i32, (&a, &b)| sum.wrapping_add(a.into() * i32::from(b)))
    };
    a.iter().zip(b).map(piece).fold(0, i32::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition_at_every_length_and_size() {
        for columns in [1, 7, 8, 9, 31, 32, 75, 300] {
            for (weight, x) in [
                (1i32, 1i64),
                (127, -128),
                (-128, 255),
                (1 << 15, 3),
                (127, 131_071),
                (127, -65_536),
                (2047, 65_535),
                (32_767, 131_071),
                (32_767, 32_767),
                (5, 1 << 40),
            ] {
                let weights: Vec<i32> =
                    (0..4 * columns as i32).map(|i| weight - weight.signum() * (i % 3)).collect();
                let vector: Vec<i64> =
                    (0..columns as i64).map(|i| if i % 5 == 0 { x } else { x / 2 - i }).collect();
                let row = |o: usize| {
                    (0..columns)
                        .map(|t| i64::from(weights[o * columns + t]) * vector[t])
                        .sum::<i64>()
                };
                let integers = weights.clone().into();
                let matrix = Matrix::new(&integers, columns);
                assert_eq!(matrix.times(1, 2, &vector), [row(1), row(2)]);
                let negative = vector.iter().map(|x| -x);
                let both: Vec<i64> = vector.iter().copied().chain(negative).collect();
                let rows = [row(0), row(1), row(2), row(3)];
                assert_eq!(matrix.products(&both), [rows, rows.map(|sum| -sum)].concat());
            }
        }
    }
}
