//! Additions of affine points in batches.
//!
//! Adding two affine points takes one inversion and three multiplications. With Montgomery's trick
//! a batch shares its inversion for three more multiplications an addition ("Speeding the Pollard
//! and elliptic curve methods of factorization", Math. Comp. 48, 1987, section 10.3.1): six in all,
//! where adding an affine to a Jacobian point takes eleven. So whatever can be written as many
//! additions that do not wait for each other is written with [`Adder::add`]. Every case is exact:
//! equal points are doubled, opposite points give the identity.

use ff::{Field, WithSmallOrderMulGroup};
use pasta_curves::arithmetic::{CurveAffine, VartimeField};
use pasta_curves::{EqAffine, Fq};

/// Additions that share an inversion: few enough to stay in the cache, enough for the inversion not
/// to matter.
const BATCH: usize = 512;

/// An affine point of Vesta, its coordinates in the open. The identity is `(0, 0)`; no other point
/// has `y = 0`, as the order is odd.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub x: Fq,
    pub y: Fq,
}

impl Point {
    /// The neutral element.
    pub const IDENTITY: Self = Self { x: Fq::ZERO, y: Fq::ZERO };

    /// Whether this is the neutral element.
    pub fn is_identity(&self) -> bool {
        self.y.is_zero_vartime()
    }

    /// `φ(P) = (ζ·x, y)`, which is `ζ·P` with the `ζ` of the scalar field.
    pub fn endomorphism(self) -> Self {
        Self { x: self.x * Fq::ZETA, y: self.y }
    }

    /// `−P` if asked to, else `P`.
    pub fn negated_if(self, negative: bool) -> Self {
        if negative { Self { x: self.x, y: -self.y } } else { self }
    }
}

impl From<&EqAffine> for Point {
    fn from(point: &EqAffine) -> Self {
        Option::from(point.coordinates()).map_or(
            Self::IDENTITY,
            |at: pasta_curves::arithmetic::Coordinates<_>| Self { x: *at.x(), y: *at.y() },
        )
    }
}

impl From<Point> for EqAffine {
    fn from(point: Point) -> Self {
        Self::from_xy_unchecked(point.x, point.y)
    }
}

/// One addition of a batch: between the two passes of the inversion.
#[derive(Clone, Copy, Default)]
struct Pending {
    /// The addend's.
    x: Fq,
    numerator: Fq,
    /// Zero where the sum is known already.
    denominator: Fq,
    /// The product of the denominators before this one.
    product: Fq,
}

impl Pending {
    /// Sets the slope where it is not that of the line through two points. Where the sum is known,
    /// it is written to `point`.
    #[cold]
    fn settle(&mut self, point: &mut Point, addend: &Point) {
        if !point.is_identity() && !addend.is_identity() && self.numerator.is_zero_vartime() {
            let square = point.x.square();
            self.numerator = square.double() + square;
            self.denominator = point.y.double();
            return;
        }
        self.denominator = Fq::ZERO;
        if point.is_identity() {
            *point = *addend;
        } else if !addend.is_identity() {
            *point = Point::IDENTITY;
        }
    }
}

/// Adds in batches; owns what lies between the passes.
pub(super) struct Adder {
    pending: Vec<Pending>,
}

impl Adder {
    /// An adder.
    pub fn new() -> Self {
        Self { pending: vec![Pending::default(); BATCH] }
    }

    /// For every `i` below `count`: adds `addend(points, i)` to `points[target(i)]`. The targets
    /// differ, and no addend is a target.
    pub fn add(
        &mut self,
        points: &mut [Point],
        count: usize,
        target: impl Fn(usize) -> usize,
        addend: impl Fn(&[Point], usize) -> Point,
    ) {
        for start in (0..count).step_by(BATCH) {
            let batch = start..count.min(start + BATCH);
            let mut product = Fq::ONE;
            for (i, pending) in batch.clone().zip(&mut self.pending) {
                let addend = addend(points, i);
                let point = &mut points[target(i)];
                pending.x = addend.x;
                pending.denominator = addend.x - point.x;
                pending.numerator = addend.y - point.y;
                if pending.denominator.is_zero_vartime()
                    || point.is_identity()
                    || addend.is_identity()
                {
                    pending.settle(point, &addend);
                }
                pending.product = product;
                if !pending.denominator.is_zero_vartime() {
                    product *= pending.denominator;
                }
            }
            let mut inverse = product.invert_vartime().unwrap_or(Fq::ONE);
            for (i, pending) in batch.clone().zip(&self.pending[..batch.len()]).rev() {
                if pending.denominator.is_zero_vartime() {
                    continue;
                }
                let slope = pending.numerator * (inverse * pending.product);
                inverse *= pending.denominator;
                let point = &mut points[target(i)];
                let x = slope.square() - point.x - pending.x;
                *point = Point { x, y: slope * (point.x - x) - point.y };
            }
        }
    }

    /// Doubles every point.
    pub fn double(&mut self, points: &mut [Point]) {
        self.add(points, points.len(), |i| i, |points, i| points[i]);
    }

    /// Adds up the points of each span, in place: the sums stand where the spans start.
    /// Points beyond a span's first are overwritten.
    pub fn sum(&mut self, points: &mut [Point], spans: &[Span]) {
        let mut spans: Vec<Span> = spans.iter().copied().filter(|span| span.length > 1).collect();
        let mut pairs = Vec::new();
        while !spans.is_empty() {
            pairs.clear();
            for span in &mut spans {
                let kept = span.length.div_ceil(2);
                pairs.extend((kept..span.length).map(|i| (span.start + i - kept, span.start + i)));
                span.length = kept;
            }
            self.add(points, pairs.len(), |i| pairs[i].0, |points, i| points[pairs[i].1]);
            spans.retain(|span| span.length > 1);
        }
    }
}

/// Points that stand next to each other.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub start: usize,
    pub length: usize,
}
