//! Multi-exponentiation with small signed integers.

use pasta_curves::{Eq, EqAffine};

use super::affine::Point;
use super::pippenger;

/// For every column `Σ_i column[i]·bases[i]`, over as many bases as the column is long.
///
/// Right for every `i64`, made for values of few bits: zeros are free, and with enough rows a value
/// of up to about 10 bits costs one affine addition.
///
/// # Panics
///
/// If a column is longer than the bases.
pub fn small(bases: &[EqAffine], columns: &[&[i64]]) -> Vec<Eq> {
    let length = columns.iter().map(|column| column.len()).max().unwrap_or(0);
    let points: Vec<Point> = bases[..length].iter().map(Point::from).collect();
    pippenger::sums(&points, columns)
}
