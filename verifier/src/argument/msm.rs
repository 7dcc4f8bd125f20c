//! `Σ scalar·point`: the bucket method of Pippenger, in affine coordinates where additions do not
//! wait for each other.
//!
//! Scalars are written in signed digits. For each place of a digit, bucket `j` is the sum of the
//! points, negated with negative digits, whose digit is `±j`, and what is asked for is `Σ
//! j·bucket_j`. The points of all buckets are added up as trees, halving them in every round, so a
//! round shares one inversion: six multiplications an addition, where one in projective coordinates
//! takes eleven. Every case is exact: equal points are doubled, opposite ones give the identity.
//! Nothing here is secret.

use ff::Field;
use group::Group;
use pasta_curves::arithmetic::{CurveAffine, VartimeBatchInvert};
use pasta_curves::{Eq, EqAffine, Fp, Fq};

use crate::field::small::words;
use crate::threads::for_each_chunk;

/// Bits of a scalar, and one that is zero: the highest digit is not negative.
const BITS: u32 = 256;
/// Widths of digits that are considered.
const WIDTHS: core::ops::RangeInclusive<u32> = 2..=14;

/// Points that are worth an inversion a round: places of short sums share theirs.
const GROUP: usize = 1 << 13;

/// `Σ scalars_i·points_i`, over as many as there are of both.
pub(crate) fn sum(scalars: &[Fp], points: &[EqAffine]) -> Eq {
    let points: Vec<Point> = points.iter().map(Point::of).collect();
    let scalars: Vec<[u64; 4]> = scalars.iter().map(doubled).collect();
    let width = width(scalars.len());
    let places = usize::try_from(BITS.div_ceil(width)).unwrap_or(0);
    let mut sums = vec![Eq::identity(); places];
    let group = GROUP.div_ceil(scalars.len().max(1));
    for_each_chunk(&mut sums, group, |index, sums| {
        at_places(&scalars, &points, index.saturating_mul(group), width, sums);
    });
    let append = |sum: Eq, place: &Eq| (0..width).fold(sum, |sum, _| sum.double()) + place;
    sums.iter().rev().fold(Eq::identity(), append)
}

/// The width of digits that takes the fewest multiplications: six for each point and some 27 for
/// each bucket, at each place.
fn width(count: usize) -> u32 {
    let cost = |width: &u32| {
        let buckets = 27usize.checked_shl(width.saturating_sub(1)).unwrap_or(usize::MAX);
        let places = usize::try_from(BITS.div_ceil(*width)).unwrap_or(usize::MAX);
        count.saturating_mul(6).saturating_add(buckets).saturating_mul(places)
    };
    WIDTHS.min_by_key(cost).unwrap_or(2)
}

/// The sums at places of the digits from `first` on.
fn at_places(scalars: &[[u64; 4]], points: &[Point], first: usize, width: u32, sums: &mut [Eq]) {
    let buckets = 1usize.checked_shl(width.saturating_sub(1)).unwrap_or(1);
    let (mut all, mut lengths) = (Vec::new(), Vec::new());
    for place in (first..).take(sums.len()) {
        let shift = u32::try_from(place).unwrap_or(0).saturating_mul(width);
        let digits = scalars.iter().map(|scalar| digit(scalar, shift, width));
        sort(digits, points, buckets, (&mut all, &mut lengths));
    }
    while lengths.iter().any(|&length| length > 1) {
        all = halved(&all, &lengths);
        lengths.iter_mut().for_each(|length| *length = length.div_ceil(2));
    }
    let mut points = all.iter();
    for (sum, lengths) in sums.iter_mut().zip(lengths.chunks(buckets)) {
        let points: Vec<&Point> = points.by_ref().take(lengths.iter().sum()).collect();
        *sum = weighted(&points, lengths);
    }
}

/// `Σ j·bucket_j` of the buckets from 1 on, of one point each or none: from the highest to the
/// lowest, the sum so far stands in as many as there are below.
fn weighted(points: &[&Point], lengths: &[usize]) -> Eq {
    let (mut above, mut sum) = (Eq::identity(), Eq::identity());
    let mut points = points.iter().rev();
    for &length in lengths.iter().rev() {
        if let Some(point) = points.by_ref().take(length).next() {
            above += EqAffine::from_xy_unchecked(point.x, point.y);
        }
        sum += above;
    }
    sum
}

/// The digit from bit `shift` on, between `−2^(width−1)` and `2^(width−1)`, of the half of an
/// integer: one whose own highest bit is set is lowered by `2^width`, which the next one, looking
/// one bit down, makes up for (Booth's recoding).
#[allow(clippy::arithmetic_side_effects, reason = "shifts by less than a word; 15 bits in 64")]
fn digit(doubled: &[u64; 4], shift: u32, width: u32) -> i64 {
    let mut words = doubled.iter().skip(usize::try_from(shift / 64).unwrap_or(usize::MAX));
    let [low, high] = [words.next(), words.next()].map(|word| word.copied().unwrap_or(0));
    let bits = (u128::from(low) | u128::from(high) << 64) >> (shift % 64);
    let bits = i64::try_from(bits & ((2 << width) - 1)).unwrap_or(0);
    (bits >> 1) + (bits & 1) - ((bits >> width) << width)
}

/// Twice a scalar, which has 255 bits.
#[allow(clippy::arithmetic_side_effects, reason = "shifts by less than a word")]
fn doubled(scalar: &Fp) -> [u64; 4] {
    let [a, b, c, d] = words(*scalar);
    [a << 1, b << 1 | a >> 63, c << 1 | b >> 63, d << 1 | c >> 63]
}

/// Appends the points of each bucket from 1 on, one bucket after the other, and how many each has.
fn sort(
    digits: impl Iterator<Item = i64> + Clone,
    points: &[Point],
    buckets: usize,
    (sorted, all): (&mut Vec<Point>, &mut Vec<usize>),
) {
    let bucket = |digit: i64| usize::try_from(digit.unsigned_abs()).ok()?.checked_sub(1);
    let mut lengths = vec![0usize; buckets];
    let digits = digits.zip(points);
    for (digit, _) in digits.clone() {
        let length = bucket(digit).and_then(|bucket| lengths.get_mut(bucket));
        length.into_iter().for_each(|length| *length = length.saturating_add(1));
    }
    let mut end = sorted.len();
    let starts = lengths.iter().map(|length| {
        let start = end;
        end = end.saturating_add(*length);
        start
    });
    let mut next: Vec<usize> = starts.collect();
    sorted.resize(end, Point::IDENTITY);
    for (digit, point) in digits {
        let Some(next) = bucket(digit).and_then(|bucket| next.get_mut(bucket)) else { continue };
        if let Some(place) = sorted.get_mut(*next) {
            *place = if digit < 0 { Point { x: point.x, y: -point.y } } else { *point };
        }
        *next = next.saturating_add(1);
    }
    all.extend(lengths);
}

/// Adds up the points of each bucket by twos; the last one of an odd number is left.
fn halved(points: &[Point], lengths: &[usize]) -> Vec<Point> {
    let twos = |visit: &mut dyn FnMut(&[Point])| {
        let mut rest = points;
        for &length in lengths {
            let (bucket, after) = rest.split_at(length.min(rest.len()));
            bucket.chunks(2).for_each(&mut *visit);
            rest = after;
        }
    };
    let mut denominators = Vec::with_capacity(points.len().div_ceil(2));
    twos(&mut |two| {
        if let [a, b] = two {
            denominators.push(a.slope(b).map_or(Fq::ZERO, |[_, denominator]| denominator));
        }
    });
    denominators.iter_mut().batch_invert_vartime();
    let mut inverses = denominators.iter();
    let mut sums = Vec::with_capacity(points.len().div_ceil(2).saturating_add(lengths.len()));
    twos(&mut |two| match two {
        [a, b] => {
            let inverse = inverses.next().copied().unwrap_or(Fq::ZERO);
            sums.push(a.slope(b).map_or_else(
                |known| known,
                |[numerator, _]| {
                    let slope = numerator * inverse;
                    let x = slope.square() - a.x - b.x;
                    Point { x, y: slope * (a.x - x) - a.y }
                },
            ));
        }
        one => sums.extend_from_slice(one),
    });
    sums
}

/// An affine point of Vesta. The identity is `(0, 0)`; no other has `y = 0`, as the order is odd.
#[derive(Clone, Copy)]
struct Point {
    x: Fq,
    y: Fq,
}

impl Point {
    const IDENTITY: Self = Self { x: Fq::ZERO, y: Fq::ZERO };

    fn of(point: &EqAffine) -> Self {
        let coordinates = Option::from(point.coordinates());
        coordinates.map_or(Self::IDENTITY, |at: pasta_curves::arithmetic::Coordinates<EqAffine>| {
            Self { x: *at.x(), y: *at.y() }
        })
    }

    /// Numerator and denominator of the slope of the line through two points; their sum where there
    /// is none.
    fn slope(&self, other: &Self) -> Result<[Fq; 2], Self> {
        let step = other.x - self.x;
        if self.y.is_zero_vartime() {
            Err(*other)
        } else if other.y.is_zero_vartime() {
            Err(*self)
        } else if !step.is_zero_vartime() {
            Ok([other.y - self.y, step])
        } else if self.y == other.y {
            let square = self.x.square();
            Ok([square.double() + square, self.y.double()])
        } else {
            Err(Self::IDENTITY)
        }
    }
}

#[cfg(test)]
mod tests {
    use group::Curve;

    use super::*;

    fn naive(scalars: &[Fp], points: &[EqAffine]) -> Eq {
        scalars.iter().zip(points).map(|(scalar, point)| *point * scalar).sum()
    }

    /// Scalars of all lengths, of digits at the ends of their range too.
    fn scalars(count: usize) -> Vec<Fp> {
        let ends = [
            Fp::ZERO,
            Fp::ONE,
            -Fp::ONE,
            Fp::from_raw([u64::MAX, u64::MAX, u64::MAX, (1 << 62) - 1]),
            Fp::from_raw([1 << 63, 1 << 63, 1 << 63, 1 << 61]),
        ];
        let power = Fp::from_raw([0x1234_5678_9abc_def0, 77, 0, 1 << 60]);
        let random = std::iter::successors(Some(power), |last| Some(*last * power));
        ends.into_iter().chain(random).take(count).collect()
    }

    fn points(count: usize) -> Vec<EqAffine> {
        let points =
            std::iter::successors(Some(Eq::generator()), |point| Some(point.double() + point));
        points.take(count).map(|point| point.to_affine()).collect()
    }

    #[test]
    fn agrees_with_single_multiplications() {
        for count in [0, 1, 2, 7, 60, 700] {
            let (scalars, points) = (scalars(count), points(count));
            assert_eq!(sum(&scalars, &points), naive(&scalars, &points), "{count} terms");
        }
    }

    #[test]
    fn equal_opposite_and_no_points() {
        let [p, q] = [points(2)[0], points(2)[1]];
        let none = Eq::identity().to_affine();
        // All in one bucket: doubled, cancelled, passed over, in every order.
        let lists: [&[EqAffine]; 8] = [
            &[p, p],
            &[p, -p],
            &[none, p],
            &[p, none],
            &[none, none],
            &[p, p, p, p, p],
            &[p, -p, q, none, -q, p, p],
            &[p, q, -p, -q],
        ];
        for points in lists {
            for scalar in [Fp::ONE, Fp::from(2), -Fp::from(5), Fp::from(1 << 40)] {
                let scalars = vec![scalar; points.len()];
                assert_eq!(sum(&scalars, points), naive(&scalars, points), "{points:?}");
            }
        }
    }

    #[test]
    fn digits_make_the_scalar() {
        for width in WIDTHS {
            for scalar in scalars(20) {
                let doubled = doubled(&scalar);
                let places = (0..BITS.div_ceil(width)).map(|place| place * width);
                let radix = Fp::from(1 << width);
                let digits: Vec<i64> = places.map(|shift| digit(&doubled, shift, width)).collect();
                assert!(digits.iter().all(|digit| digit.abs() <= 1 << (width - 1)));
                let append = |sum: Fp, &digit: &i64| sum * radix + crate::field::integer(digit);
                assert_eq!(digits.iter().rev().fold(Fp::ZERO, append), scalar, "{width} bits");
            }
        }
    }
}
