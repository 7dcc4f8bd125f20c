//! The opening: halo2's multi-point opening, then its inner product argument.
//!
//! The messages are those that `halo2_proofs::poly::multiopen::verify_proof` reads. Two sets of
//! points occur: `{x}` for all but the running sum, `{x, ωx}` for that.

use ff::Field;
use halo2_proofs::arithmetic::{eval_polynomial, kate_division};
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use zkinfer_verifier::argument::bound::draw;

use super::inner_product;
use crate::commit::Committer;

/// Coefficients of a polynomial, with the blind of its commitment.
pub struct BlindedPolynomial<'a> {
    /// From the constant on.
    pub coefficients: &'a [Fp],
    /// The blind.
    pub blind: Fp,
}

/// Opens the commitments to `here` at the first point, that to `both` at both.
pub fn open<E, T>(
    committer: &Committer<'_>,
    transcript: &mut T,
    here: &[BlindedPolynomial<'_>],
    both: &BlindedPolynomial<'_>,
    points: [Fp; 2],
    rng: &mut impl CryptoRng,
) -> std::io::Result<()>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptWrite<EqAffine, E>,
{
    let (x_1, x_2) = (draw(transcript), draw(transcript));
    let mut combined = vec![Fp::ZERO; committer.rows];
    let mut combined_blind = Fp::ZERO;
    for polynomial in here {
        combined
            .iter_mut()
            .zip(polynomial.coefficients)
            .for_each(|(sum, coefficient)| *sum = *sum * x_1 + coefficient);
        combined_blind = combined_blind * x_1 + polynomial.blind;
    }
    let [x, next] = points;
    let mut quotient = kate_division(&combined, x);
    quotient.resize(committer.rows, Fp::ZERO);
    let rest = kate_division(&kate_division(both.coefficients, x), next);
    quotient.iter_mut().for_each(|coefficient| *coefficient *= x_2);
    quotient.iter_mut().zip(rest).for_each(|(sum, coefficient)| *sum += coefficient);
    let blind = Fp::random(&mut *rng);
    transcript.write_point(committer.commit_rows(&committer.opening, &quotient, blind))?;

    let x_3 = draw(transcript);
    transcript.write_scalar(eval_polynomial(&combined, x_3))?;
    transcript.write_scalar(eval_polynomial(both.coefficients, x_3))?;
    let x_4 = draw(transcript);
    let folded = quotient.iter().zip(&combined).zip(both.coefficients);
    let folded = folded.map(|((quotient, here), both)| (*quotient * x_4 + here) * x_4 + both);
    let blind = (blind * x_4 + combined_blind) * x_4 + both.blind;
    inner_product::open(&committer.opening, transcript, folded.collect(), blind, x_3, rng)
}
