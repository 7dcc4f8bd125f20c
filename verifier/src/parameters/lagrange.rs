//! The Lagrange basis of the generators: an inverse Fourier transform in the group.
//!
//! `L_i = (1/n)·Σ_j ω^(−ij)·G_j` commits to the column that is one in row `i` and zero elsewhere.
//! Nearly all the work is multiplying by twiddle factors, and each is a scalar multiplication, so
//! these are what is counted:
//!
//! * The transform is Stockham's (decimation in frequency; Cochran et al., *What is the fast
//!   Fourier transform?*, 1967): outputs come in order, and only differences are multiplied, but
//!   not those with the twiddle 1. That is `n·(k − 2)/2` of them, and about 1 per layer for it:
//! * The factor `1/n` costs no pass of its own. Output 0 is the sum of all; every other one
//!   descends from exactly one difference whose points were sums so far. The twiddle there takes
//!   the factor along.
//! * Multiplication is by the curve's endomorphism (Gallant, Lambert, Vanstone, CRYPTO 2001), with
//!   tables that a batch of points normalises together.

use std::iter::{once, repeat_n};

use ff::{Field, PrimeField};
use group::CurveAffine;
use halo2_proofs::arithmetic::parallelize;
use pasta_curves::arithmetic::CurveExt;
use pasta_curves::glv::{Decomposed, Table};
use pasta_curves::{Eq, EqAffine, Fp};

use crate::field::powers;

/// Points whose tables are normalised together: enough to share an inversion, few enough for the
/// tables to stay in the cache.
const BATCH: usize = 64;

/// Two points that become their sum and a multiple of their difference.
struct Butterfly {
    low: Eq,
    high: Eq,
    twiddle: Fp,
}

/// The Lagrange basis over the domain of `n` rows, from `n` generators of the coefficient basis;
/// `n` is a power of two, at most `2^32`. On all threads that halo2 has.
pub(crate) fn lagrange_basis(generators: &[EqAffine]) -> Vec<EqAffine> {
    let k = generators.len().checked_ilog2().unwrap_or(0);
    let scale = Fp::TWO_INV.pow_vartime([u64::from(k)]);
    let mut root = Fp::ROOT_OF_UNITY_INV;
    for _ in k..Fp::S {
        root = root.square();
    }

    let mut points: Vec<Eq> = generators.iter().map(CurveAffine::to_curve).collect();
    // Outputs that are told apart so far: those with the same number modulo `residues` stand
    // together.
    let mut residues = 1usize;
    for _ in 0..k {
        let mut butterflies = butterflies(&points, root, residues, scale);
        transform(&mut butterflies);
        points.clear();
        for group in butterflies.chunks(residues) {
            points.extend(group.iter().map(|butterfly| butterfly.low));
            points.extend(group.iter().map(|butterfly| butterfly.high));
        }
        residues = residues.saturating_mul(2);
        root = root.square();
    }
    // The sum of all has met no twiddle.
    if let Some(sum) = points.first_mut() {
        *sum *= scale;
    }
    let mut basis = vec![EqAffine::default(); points.len()];
    Eq::batch_normalize_vartime(&points, &mut basis);
    basis
}

/// The butterflies of a layer. The first of each group is on the path of sums, which are not scaled
/// yet: the difference is from here on.
fn butterflies(points: &[Eq], root: Fp, residues: usize, scale: Fp) -> Vec<Butterfly> {
    let half = points.len().checked_div(2).unwrap_or(0);
    let (low, high) = points.split_at(half);
    let twiddles = powers(root, half.checked_div(residues).unwrap_or(0))
        .into_iter()
        .flat_map(|power| once(power * scale).chain(repeat_n(power, residues.saturating_sub(1))));
    low.iter()
        .zip(high)
        .zip(twiddles)
        .map(|((&low, &high), twiddle)| Butterfly { low, high, twiddle })
        .collect()
}

/// `low, high ← low + high, twiddle·(low − high)`.
fn transform(butterflies: &mut [Butterfly]) {
    parallelize(butterflies, |butterflies, _| {
        for butterfly in butterflies {
            (butterfly.low, butterfly.high) =
                (butterfly.low + butterfly.high, butterfly.low - butterfly.high);
        }
    });
    let mut multiplied: Vec<_> =
        butterflies.iter_mut().filter(|butterfly| butterfly.twiddle != Fp::ONE).collect();
    // Threads get equal shares of what is multiplied.
    parallelize(&mut multiplied, |multiplied, _| {
        for batch in multiplied.chunks_mut(BATCH) {
            let differences: Vec<Eq> = batch.iter().map(|butterfly| butterfly.high).collect();
            for (butterfly, table) in batch.iter_mut().zip(Table::batch(&differences)) {
                butterfly.high = table.mul_decomposed(&Decomposed::new(&butterfly.twiddle));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::generators::coefficient_basis;

    /// By the definition, for all sizes down to a single generator.
    #[test]
    fn is_the_inverse_transform() {
        for k in 0..6 {
            let generators = coefficient_basis(1 << k);
            let root = (k..Fp::S).fold(Fp::ROOT_OF_UNITY_INV, |root, _| root.square());
            let scale = Fp::from(1 << k).invert().unwrap();
            let expected: Vec<EqAffine> = (0..1u64 << k)
                .map(|i| {
                    let terms = generators.iter().zip(powers(root.pow([i]), 1 << k));
                    EqAffine::from(
                        terms.map(|(generator, power)| *generator * (power * scale)).sum::<Eq>(),
                    )
                })
                .collect();
            assert_eq!(lagrange_basis(&generators), expected, "k = {k}");
        }
        assert_eq!(lagrange_basis(&[]), []);
    }
}
