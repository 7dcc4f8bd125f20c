//! Multi-exponentiation with few points: Straus's interleaving.

use group::Group;
use pasta_curves::{Eq, EqAffine};

use super::affine::{Adder, Point};
use super::digits::non_adjacent;

/// The width of the non-adjacent form.
const WIDTH: u32 = 5;
/// The odd multiples that its digits take.
const MULTIPLES: usize = 1 << (WIDTH - 2);

/// `Σ_i scalars[i]·points[i]`.
///
/// One doubling a bit serves all points; each adds a multiple where its digit is not zero, every sixth bit or so. The tables of odd multiples are computed side by
/// side with shared inversions.
pub(super) fn sum(points: &[Point], scalars: &[i128]) -> Eq {
    let used = || points.iter().zip(scalars).filter(|(_, scalar)| **scalar != 0);
    let digits: Vec<Vec<i8>> = used().map(|(_, scalar)| non_adjacent(*scalar, WIDTH)).collect();
    let points: Vec<Point> = used().map(|(point, _)| *point).collect();
    let tables = odd_multiples(&mut Adder::new(), &points, MULTIPLES);
    let length = digits.iter().map(Vec::len).max().unwrap_or(0);
    (0..length).rev().fold(Eq::identity(), |sum, bit| {
        let digits = digits.iter().enumerate().map(|(i, digits)| (i, digits.get(bit).copied().unwrap_or(0)));
        digits.filter(|(_, digit)| *digit != 0).fold(sum.double(), |sum, (i, digit)| {
            let multiple = tables[usize::from(digit.unsigned_abs() / 2)][i];
            sum + EqAffine::from(multiple.negated_if(digit < 0))
        })
    })
}

/// Table `t` of `count` has `(2t + 1)·P` for every point `P`.
pub(super) fn odd_multiples(adder: &mut Adder, points: &[Point], count: usize) -> Vec<Vec<Point>> {
    let mut doubles = points.to_vec();
    adder.double(&mut doubles);
    let mut tables = vec![points.to_vec()];
    while tables.len() < count {
        let mut next = tables[tables.len() - 1].clone();
        adder.add(&mut next, doubles.len(), |i| i, |_, i| doubles[i]);
        tables.push(next);
    }
    tables
}
