//! Sums of points weighted with small digits, in affine coordinates all the way: the bucket method
//! of Pippenger.
//!
//! For digits up to `B` in magnitude, bucket `j` is the sum of the points (negated with negative
//! digits) whose digit is `±j`. The buckets of many columns of digits are summed at once as trees,
//! halving all of them in every round, so that a few inversions serve them all. What is left to
//! compute is `Σ j·bucket_j`. The running sum that is common for it waits for every addition; its
//! two additions a bucket can be had in `log B` rounds of independent ones: with `bucket_2i +
//! bucket_(2i+1)` as bucket `i` of the next round,
//!
//! ```text
//! Σ j·bucket_j = Σ_(j odd) bucket_j + 2·Σ i·(bucket_2i + bucket_(2i+1)) ,
//! ```
//!
//! so that after the last round the answer is known as `Σ 2^l·O_l`, where `O_l` is the sum of the
//! odd buckets of round `l`.

use rayon::prelude::*;

use super::affine::{Adder, Point, Span};
use super::digits::Place;

/// Digits to add up at a time: enough to share inversions, few enough to stay in the cache and for
/// all threads to have some.
const LEAST_GROUP: usize = 1 << 10;
const LARGEST_GROUP: usize = 1 << 13;

/// One digit of each of some scalars.
pub(super) struct Digits<'a, T> {
    /// The scalars.
    pub scalars: &'a [T],
    /// They belong to the points from this one on.
    pub start: usize,
    /// Where the digit stands in them.
    pub place: Place,
    /// The largest magnitude of a digit.
    pub largest: usize,
}

impl<T: Copy + Into<i128>> Digits<'_, T> {
    fn values(&self) -> impl Iterator<Item = i32> {
        self.scalars.iter().map(|&scalar| self.place.digit(scalar.into()))
    }
}

/// `Σ digit·point` of each column of digits, as points to be added up with weights 1, 2, 4…
pub(super) fn weighted_sums<T>(points: &[Point], columns: &[Digits<'_, T>]) -> Vec<Vec<Point>>
where
    T: Copy + Into<i128> + Sync,
{
    let total: usize = columns.iter().map(|column| column.scalars.len()).sum();
    let share = total.div_ceil(rayon::current_num_threads());
    let group = share.clamp(LEAST_GROUP, LARGEST_GROUP) * columns.len() / total.max(1);
    columns.par_chunks(group.max(1)).flat_map_iter(|group| sum_group(points, group)).collect()
}

/// The same for columns that share their inversions.
fn sum_group<T: Copy + Into<i128>>(points: &[Point], columns: &[Digits<'_, T>]) -> Vec<Vec<Point>> {
    let mut adder = Adder::new();
    let mut buckets = Buckets::fill(&mut adder, points, columns);
    for level in 0.. {
        let pairs = buckets.pairs(1 << level);
        if pairs.is_empty() {
            break;
        }
        adder.add(&mut buckets.points, pairs.len(), |i| pairs[i].0, |points, i| points[pairs[i].1]);
    }
    buckets.odd_sums(&mut adder)
}

/// The buckets of some columns, one column after the other; each has an unused bucket 0.
struct Buckets {
    points: Vec<Point>,
    columns: Vec<Span>,
}

impl Buckets {
    /// Sorts points by their digits and adds up those with the same.
    fn fill<T: Copy + Into<i128>>(
        adder: &mut Adder,
        points: &[Point],
        columns: &[Digits<'_, T>],
    ) -> Self {
        let mut spans = Vec::new();
        let mut sorted =
            Vec::with_capacity(columns.iter().map(|column| column.scalars.len()).sum());
        let mut next = Vec::new();
        for column in columns {
            let first = spans.len();
            let empty = Span { start: 0, length: 0 };
            spans.resize(first + column.largest + 1, empty);
            let spans = &mut spans[first..];
            for digit in column.values() {
                spans[digit.unsigned_abs() as usize].length += 1;
            }
            spans[0] = empty;
            let mut end = sorted.len();
            for span in spans.iter_mut() {
                span.start = end;
                end += span.length;
            }
            sorted.resize(end, Point::IDENTITY);
            next.clear();
            next.extend(spans.iter().map(|span| span.start));
            for (digit, point) in column.values().zip(&points[column.start..]) {
                if digit != 0 {
                    let next = &mut next[digit.unsigned_abs() as usize];
                    sorted[*next] = point.negated_if(digit < 0);
                    *next += 1;
                }
            }
        }
        adder.sum(&mut sorted, &spans);
        let sum = |span: &Span| {
            if span.length == 0 { Point::IDENTITY } else { sorted[span.start] }
        };
        let mut start = 0;
        let columns = columns.iter().map(|column| {
            let length = column.largest + 1;
            start += length;
            Span { start: start - length, length }
        });
        Self { columns: columns.collect(), points: spans.iter().map(sum).collect() }
    }

    /// What a round adds to what, where buckets of the round are `stride` apart.
    fn pairs(&self, stride: usize) -> Vec<(usize, usize)> {
        let pairs = self.columns.iter().flat_map(|column| {
            let odd = (3 * stride..column.length).step_by(2 * stride);
            odd.map(|bucket| (column.start + bucket - stride, column.start + bucket))
        });
        pairs.collect()
    }

    /// The sums of the odd buckets of every round, column by column.
    fn odd_sums(&self, adder: &mut Adder) -> Vec<Vec<Point>> {
        let mut points = Vec::with_capacity(self.points.len());
        let mut spans = Vec::new();
        for column in &self.columns {
            let buckets = &self.points[column.start..column.start + column.length];
            for stride in std::iter::successors(Some(1), |stride| Some(2 * stride))
                .take_while(|&s| s < column.length)
            {
                let start = points.len();
                points.extend(buckets[stride..].iter().step_by(2 * stride));
                spans.push(Span { start, length: points.len() - start });
            }
        }
        adder.sum(&mut points, &spans);
        let mut sums = spans.iter().map(|span| points[span.start]);
        let rounds = |column: &Span| (usize::BITS - (column.length - 1).leading_zeros()) as usize;
        self.columns.iter().map(|column| sums.by_ref().take(rounds(column)).collect()).collect()
    }
}
