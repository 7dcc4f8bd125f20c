//! Folding generators, several rounds of the inner product argument at a time.

use ff::Field;
use pasta_curves::{EqAffine, Fp};
use rayon::prelude::*;

use super::affine::{Adder, Point};
use super::digits::non_adjacent;
use super::endomorphism::split;

/// The width of the non-adjacent form.
const WIDTH: u32 = 5;
/// The odd multiples that its digits take.
const MULTIPLES: usize = 1 << (WIDTH - 2);
/// Results to compute at a time: enough to share an inversion, few enough for the tables to stay in
/// the cache and for all threads to have some.
const BATCH: usize = 256;

/// What `rounds` rounds of folding make of the generators: every round with factor `u` makes `low +
/// u·high` of the lower and the higher half.
///
/// With `m` generators left that is `Σ_j s_j·G_(j·m + i)` for every `i < m`, where `s_j` is the
/// product of the factors of those rounds in which the index is in the higher half: the first round
/// has the highest bit of `j` ([`tensor`]). The scalars are the same for all `i`, so digits and
/// doublings are shared by all, and each step is an affine addition in all results at once. The
/// factors are no secret: the time depends on them.
///
/// # Panics
///
/// If the number of generators is no multiple of `2^rounds`.
pub fn fold(generators: &[EqAffine], factors: &[Fp]) -> Vec<EqAffine> {
    let blocks = 1 << factors.len();
    assert_eq!(
        generators.len() % blocks,
        0,
        "the number of generators is a multiple of the number of blocks"
    );
    let length = generators.len() / blocks;
    let digits: Vec<[Vec<i8>; 2]> = tensor(factors)
        .iter()
        .map(|scalar| split(scalar).map(|half| non_adjacent(half, WIDTH)))
        .collect();
    let mut folded = vec![EqAffine::default(); length];
    let batch = length.div_ceil(rayon::current_num_threads()).clamp(1, BATCH);
    folded.par_chunks_mut(batch).enumerate().for_each(|(chunk, folded)| {
        let start = chunk * batch;
        let block = |j: usize| {
            generators[j * length + start..][..folded.len()].iter().map(Point::from).collect()
        };
        let sums = combine(&(0..blocks).map(block).collect::<Vec<Vec<Point>>>(), &digits);
        folded.iter_mut().zip(sums).for_each(|(folded, sum)| *folded = sum.into());
    });
    folded
}

/// The same, with the last `fixed` points copied behind the folded ones.
pub(super) fn fold_all_but(points: &[EqAffine], factors: &[Fp], fixed: usize) -> Vec<EqAffine> {
    let (generators, fixed) = points.split_at(points.len() - fixed);
    let mut folded = fold(generators, factors);
    folded.extend(fixed);
    folded
}

/// The products of some factors, for every choice of them; the first factor has the highest bit.
pub fn tensor(factors: &[Fp]) -> Vec<Fp> {
    factors.iter().fold(vec![Fp::ONE], |products, factor| {
        products.iter().flat_map(|p| [*p, *p * factor]).collect()
    })
}

/// `Σ_j s_j·blocks[j]`, elementwise, for scalars by the digits of both their halves. The first
/// scalar is 1.
fn combine(blocks: &[Vec<Point>], digits: &[[Vec<i8>; 2]]) -> Vec<Point> {
    let mut adder = Adder::new();
    let tables: Vec<Vec<Vec<Point>>> =
        blocks[1..].iter().map(|block| odd_multiples(&mut adder, block, MULTIPLES)).collect();
    let count = blocks[0].len();
    let mut sums = vec![Point::IDENTITY; count];
    let length = digits.iter().flatten().map(Vec::len).max().unwrap_or(0);
    for bit in (0..length).rev() {
        adder.double(&mut sums);
        for (table, halves) in tables.iter().zip(&digits[1..]) {
            for (half, digits) in halves.iter().enumerate() {
                let digit = digits.get(bit).copied().unwrap_or(0);
                if digit == 0 {
                    continue;
                }
                let multiples = &table[usize::from(digit.unsigned_abs() / 2)];
                let multiple = |_: &[Point], i: usize| {
                    let point = multiples[i].negated_if(digit < 0);
                    if half == 1 { point.endomorphism() } else { point }
                };
                adder.add(&mut sums, count, |i| i, multiple);
            }
        }
    }
    adder.add(&mut sums, count, |i| i, |_, i| blocks[0][i]);
    sums
}

/// Table `t` of `count` has `(2t + 1)·P` for every point `P`.
fn odd_multiples(adder: &mut Adder, points: &[Point], count: usize) -> Vec<Vec<Point>> {
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
