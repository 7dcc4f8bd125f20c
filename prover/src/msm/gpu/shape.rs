//! How to compute sums of columns: which digits, how much an invocation does, how many columns fit.

use super::words::SUM;

/// Entries or heads that one invocation adds up at least, and at most.
const CHUNK: std::ops::RangeInclusive<usize> = 8..=64;
/// Invocations that keep a large device busy.
const INVOCATIONS: usize = 1 << 16;
/// Heads that one invocation merges, and buckets that one reduces.
pub const FAN_IN: usize = 8;
/// Bits of the largest digit.
const MOST_BITS: usize = 13;

/// The shape of some columns' sums; `shaders/shape.wgsl` has the same fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumShape {
    /// Points of a column.
    pub points: usize,
    /// Words of a scalar.
    pub words: usize,
    /// Bits of a digit.
    pub bits: usize,
    /// Digits of a scalar.
    pub windows: usize,
    /// Buckets of a row, which is one window of one column.
    pub buckets: usize,
    /// Entries that one invocation adds up.
    pub chunk: usize,
    /// Chunks of a row.
    pub chunks: usize,
    /// Columns at a time.
    pub columns: usize,
}

impl SumShape {
    /// For columns of scalars of at most `length` bits and a sign, with `limit` bytes for the
    /// largest buffer; none if not even one column fits.
    pub fn new(
        points: usize,
        words: usize,
        length: usize,
        columns: usize,
        limit: usize,
    ) -> Option<Self> {
        // Two bits more: the sign, and room for the carry into the last digit.
        let windows = |bits: usize| (length + 2).div_ceil(bits);
        // Ten products an entry, two additions of fifteen a bucket.
        let cost = |bits: &usize| windows(*bits) * (10 * points + (30 << (bits - 1)));
        let bits = (2..=MOST_BITS).min_by_key(cost)?;
        let windows = windows(bits);
        let chunk = (points * windows * columns / INVOCATIONS).clamp(*CHUNK.start(), *CHUNK.end());
        let buckets = 1 << (bits - 1);
        let chunks = points.div_ceil(chunk);
        let mut shape = Self { points, words, bits, windows, buckets, chunk, chunks, columns: 1 };
        let fit = limit / shape.largest_buffer();
        shape.columns = columns.min(fit);
        (fit > 0).then_some(shape)
    }

    /// Windows of all columns.
    pub fn rows(&self) -> usize {
        self.columns * self.windows
    }

    /// The levels of merging: heads of a row at each, down to one.
    pub fn head_levels(&self) -> Vec<usize> {
        levels(self.chunks)
    }

    /// The levels of reducing: buckets, then segments of a row, down to one.
    pub fn bucket_levels(&self) -> Vec<usize> {
        levels(self.buckets)
    }

    /// Heads of all rows and levels.
    pub fn heads(&self) -> usize {
        self.rows() * self.head_levels().iter().sum::<usize>()
    }

    fn largest_buffer(&self) -> usize {
        let scalars = self.columns * self.points * self.words;
        let entries = self.rows() * self.points;
        let sums = SUM * self.heads().max(self.rows() * self.buckets);
        4 * scalars.max(entries).max(sums)
    }

    /// As the uniform that shaders read.
    pub fn uniform(&self) -> [u32; 8] {
        let Self { points, words, bits, windows, buckets, chunk, chunks, columns } = *self;
        [points, words, bits, windows, buckets, chunk, chunks, columns].map(|field| field as u32)
    }
}

/// `count`, then an eighth of each before, down to one.
fn levels(count: usize) -> Vec<usize> {
    std::iter::successors(Some(count), |&count| (count > 1).then(|| count.div_ceil(FAN_IN)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_room_for_sign_and_carry_and_buffers_fit() {
        for points in [1, 5, 1 << 9, 1 << 13, 1 << 20] {
            for length in [1, 8, 31, 63, 254] {
                for columns in [1, 8, 1000] {
                    let limit = 1 << 28;
                    let shape = SumShape::new(points, 8, length, columns, limit).unwrap();
                    assert!(shape.bits * shape.windows >= length + 2, "{shape:?}");
                    assert!(
                        shape.largest_buffer() <= limit
                            && shape.columns >= 1
                            && shape.columns <= columns,
                        "{shape:?}"
                    );
                    assert!(shape.chunk * shape.chunks >= points, "{shape:?}");
                }
            }
        }
        assert_eq!(SumShape::new(1 << 20, 8, 254, 1, 1 << 20), None);
        assert_eq!(levels(100), [100, 13, 2, 1]);
        assert_eq!(levels(1), [1]);
    }
}
