//! Multi-exponentiation with elements of the scalar field.

use pasta_curves::{Eq, EqAffine, Fp};
use rayon::prelude::*;

use super::affine::Point;
use super::endomorphism::split;
use super::pippenger;

/// For every column `Σ_i column[i]·bases[i]`, over as many bases as the column is long. Zeros are
/// free.
///
/// # Panics
///
/// If a column is longer than the bases.
pub fn full(bases: &[EqAffine], columns: &[&[Fp]]) -> Vec<Eq> {
    let length = columns.iter().map(|column| column.len()).max().unwrap_or(0);
    let both = |base: &EqAffine| {
        let point = Point::from(base);
        [point, point.endomorphism()]
    };
    let points: Vec<Point> = bases[..length].iter().flat_map(both).collect();
    let halves: Vec<Vec<i128>> =
        columns.par_iter().map(|column| column.iter().flat_map(split).collect()).collect();
    let halves: Vec<&[i128]> = halves.iter().map(|halves| &halves[..]).collect();
    pippenger::sums(&points, &halves)
}
