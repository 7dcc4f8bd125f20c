//! Matrix times vector, which is what convolutions and linear layers spend their time in.

/// A matrix of weights, row by row.
pub(super) struct Matrix<'a> {
    weights: &'a [i32],
    columns: usize,
    /// The same in 16 bits where they fit, and the largest magnitude.
    narrow: Option<(Vec<i16>, u64)>,
}

impl<'a> Matrix<'a> {
    /// A matrix of rows of so many columns, for so many vectors.
    pub(super) fn new(weights: &'a [i32], columns: usize, vectors: usize) -> Self {
        /// Fewer do not pay for the narrow copy.
        const MANY: usize = 8;
        Self { weights, columns, narrow: if vectors < MANY { None } else { narrow(weights) } }
    }

    /// `Σ_t row[t]·vector[t]` for each of the rows `first..first + count`. The sums fit 64 bits;
    /// validation has seen to that.
    pub(super) fn times(&self, first: usize, count: usize, vector: &[i64]) -> Vec<i64> {
        let rows = first * self.columns..(first + count) * self.columns;
        if let Some((weights, bound)) = &self.narrow
            && let Some((vector, largest)) = narrow(vector)
            && bound.saturating_mul(largest).saturating_mul(self.columns as u64) <= i32::MAX as u64
        {
            return weights[rows]
                .chunks(self.columns)
                .map(|row| dot(row, &vector).into())
                .collect();
        }
        let row = |row: &[i32]| row.iter().zip(vector).map(|(&w, &x)| i64::from(w) * x).sum();
        self.weights[rows].chunks(self.columns).map(row).collect()
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
fn dot(a: &[i16], b: &[i16]) -> i32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    let ((a_rest, a_last), (b_rest, b_last)) = (a_rest.as_chunks::<8>(), b_rest.as_chunks::<8>());
    let last = a_last.iter().zip(b_last).map(|(&a, &b)| i32::from(a) * i32::from(b));
    last.fold(pieces(a, b).wrapping_add(pieces(a_rest, b_rest)), i32::wrapping_add)
}

/// A dot product in pieces of fixed length: compilers see multiply-add instructions in them, which
/// they miss in a plain loop.
fn pieces<const N: usize>(a: &[[i16; N]], b: &[[i16; N]]) -> i32 {
    let piece = |(a, b): (&[i16; N], &[i16; N])| -> i32 {
        a.iter().zip(b).fold(0, |sum: i32, (&a, &b)| sum.wrapping_add(i32::from(a) * i32::from(b)))
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
                for vectors in [1, 100] {
                    assert_eq!(
                        Matrix::new(&weights, columns, vectors).times(1, 2, &vector),
                        [row(1), row(2)]
                    );
                }
            }
        }
    }
}
