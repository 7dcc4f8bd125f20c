//! Multi-exponentiation with integers: which digits to take, and how their sums make the result.

use group::Group;
use pasta_curves::{Eq, EqAffine};
use rayon::prelude::*;

use super::affine::Point;
use super::buckets::{Digits, weighted_sums};
use super::digits::Place;

/// The fewest points to split a column into pieces for.
const LEAST_PIECE: usize = 512;

/// For every column `Σ_i column[i]·points[i]`.
pub(super) fn sums<T: Copy + Into<i128> + Sync>(points: &[Point], columns: &[&[T]]) -> Vec<Eq> {
    let notations: Vec<Notation> =
        columns.iter().map(|column| Notation::cheapest(column)).collect();
    let digits: usize = notations.iter().map(|notation| notation.digits as usize).sum();
    let pieces = rayon::current_num_threads().div_ceil(digits.max(1));
    let mut tasks = Vec::new();
    let mut owners = Vec::new();
    for (owner, (column, notation)) in columns.iter().zip(&notations).enumerate() {
        let size = column.len().div_ceil(pieces).max(LEAST_PIECE);
        for (piece, scalars) in column.chunks(size).enumerate() {
            let places = (0..notation.digits)
                .map(|digit| Place { shift: digit * notation.bits, bits: notation.bits });
            tasks.extend(places.map(|place| Digits {
                scalars,
                start: piece * size,
                place,
                largest: notation.largest,
            }));
            owners.resize(tasks.len(), owner);
        }
    }
    let mut powers: Vec<Vec<Vec<Point>>> =
        notations.iter().map(|notation| notation.powers()).collect();
    for ((task, owner), sums) in tasks.iter().zip(owners).zip(weighted_sums(points, &tasks)) {
        powers[owner][task.place.shift as usize..]
            .iter_mut()
            .zip(sums)
            .for_each(|(power, sum)| power.push(sum));
    }
    powers.par_iter().map(|powers| horner(powers)).collect()
}

/// How to write the integers of a column.
struct Notation {
    /// Bits of a digit.
    bits: u32,
    /// Digits of an integer.
    digits: u32,
    /// The largest magnitude of a digit.
    largest: usize,
}

impl Notation {
    /// That with the fewest additions: one for each point that is not zero and two for each bucket,
    /// for each digit.
    fn cheapest<T: Copy + Into<i128>>(column: &[T]) -> Self {
        let (mut count, mut largest) = (0, 0);
        for &scalar in column {
            let magnitude = scalar.into().unsigned_abs();
            count += usize::from(magnitude != 0);
            largest = largest.max(magnitude);
        }
        let length = u128::BITS - largest.leading_zeros();
        let notation = |bits: u32| {
            let digits = length / bits + 1;
            // A single digit is the integer.
            Self {
                bits,
                digits,
                largest: if digits == 1 { largest as usize } else { 1 << (bits - 1) },
            }
        };
        let cost = |notation: &Self| notation.digits as usize * (count + 2 * notation.largest);
        (2..=20).map(notation).min_by_key(cost).unwrap_or(Self {
            bits: 1,
            digits: length + 1,
            largest: 1,
        })
    }

    /// For each power of two the points that it weights: none yet.
    fn powers(&self) -> Vec<Vec<Point>> {
        vec![Vec::new(); (self.bits * self.digits) as usize]
    }
}

/// `Σ_l 2^l·(the sum of powers[l])`.
fn horner(powers: &[Vec<Point>]) -> Eq {
    powers.iter().rev().fold(Eq::identity(), |sum, points| {
        points
            .iter()
            .filter(|point| !point.is_identity())
            .fold(sum.double(), |sum, point| sum + EqAffine::from(*point))
    })
}
