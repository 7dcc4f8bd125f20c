//! The opening: halo2's multi-point opening, then its inner product argument.
//!
//! The messages are those that `halo2_proofs::poly::multiopen::verify_proof` reads. Two sets of
//! points occur: `{x}` for all but the running sum, `{x, ωx}` for that.

use ff::Field;
use halo2_proofs::arithmetic::{eval_polynomial, kate_division};
use pasta_curves::Fp;
use rand_core::CryptoRng;
use zkinfer_verifier::argument::schedule::AwaitsOpeningQuotient;
use zkinfer_verifier::challenges::{X1, X2};

use super::inner_product;
use crate::commit::Committer;
use crate::error::ProveError;
use crate::writer::Writer;

/// Coefficients of a polynomial, with the blind of its commitment.
pub struct BlindedPolynomial<'a> {
    /// From the constant on.
    pub coefficients: &'a [Fp],
    /// The blind.
    pub blind: Fp,
}

/// Opens the commitments to `here` at the first point, that to `both` at both, after `x₁` and `x₂`.
pub fn open(
    committer: &Committer<'_>,
    start: AwaitsOpeningQuotient<Writer>,
    (x_1, x_2): (X1, X2),
    here: &[BlindedPolynomial<'_>],
    both: &BlindedPolynomial<'_>,
    [x, omega_x]: [Fp; 2],
    rng: &mut impl CryptoRng,
) -> Result<Writer, ProveError> {
    let mut combined = vec![Fp::ZERO; committer.rows];
    let mut combined_blind = Fp::ZERO;
    for polynomial in here {
        combined
            .iter_mut()
            .zip(polynomial.coefficients)
            .for_each(|(sum, coefficient)| *sum = *sum * *x_1 + coefficient);
        combined_blind = combined_blind * *x_1 + polynomial.blind;
    }
    let mut quotient = kate_division(&combined, x);
    quotient.resize(committer.rows, Fp::ZERO);
    let rest = kate_division(&kate_division(both.coefficients, x), omega_x);
    quotient.iter_mut().for_each(|coefficient| *coefficient *= *x_2);
    quotient.iter_mut().zip(rest).for_each(|(sum, coefficient)| *sum += coefficient);
    let blind = Fp::random(&mut *rng);
    let (_, x_3, next) =
        start.quotient(committer.commit_rows(&committer.opening, &quotient, blind))?;

    let values = [&combined, both.coefficients].map(|values| eval_polynomial(values, *x_3));
    let (_, x_4, next) = next.values(&values)?;
    let folded = quotient.iter().zip(&combined).zip(both.coefficients);
    let folded = folded.map(|((quotient, here), both)| (*quotient * *x_4 + here) * *x_4 + both);
    let blind = (blind * *x_4 + combined_blind) * *x_4 + both.blind;
    inner_product::open(&committer.opening, next, folded.collect(), blind, *x_3, rng)
}
