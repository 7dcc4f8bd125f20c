//! halo2's inner product argument, proven faster: the verifier's side is `halo2_proofs::poly::commitment::verify_proof`.
//!
//! The relation and the messages are those of the Halo paper (<https://eprint.iacr.org/2019/1021>, section 3) as halo2 spells them. What is
//! different is how the generators are folded in each round: all of one half are multiplied by the same challenge, which shares the
//! digits of the scalar and the normalisation of the multiples over the whole batch.

use ff::Field;
use group::Curve;
use halo2_proofs::arithmetic::{best_multiexp, compute_inner_product, eval_polynomial};
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use pasta_curves::arithmetic::CurveExt;
use pasta_curves::{Eq, EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zkinfer_verifier::transcript::draw;

use crate::commit::Context;

/// Points multiplied at a time: enough to share an inversion, few enough for all threads to have some.
const BATCH: usize = 64;

/// Opens the commitment to a polynomial with this blind at `x`.
pub fn open<E, T>(
    context: &Context<'_>,
    transcript: &mut T,
    polynomial: Vec<Fp>,
    blind: Fp,
    x: Fp,
    rng: &mut impl CryptoRng,
) -> std::io::Result<()>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptWrite<EqAffine, E>,
{
    // A random polynomial with a root at x hides the folded coefficient that is revealed at the end.
    let mut mask: Vec<Fp> = polynomial.iter().map(|_| Fp::random(&mut *rng)).collect();
    let value = eval_polynomial(&mask, x);
    mask[0] -= value;
    let mask_blind = Fp::random(&mut *rng);
    transcript.write_point(context.commit_rows(context.parameters.generators(), &mask, mask_blind))?;
    let (xi, z) = (draw(transcript), draw(transcript));

    let mut coefficients: Vec<Fp> = mask.iter().zip(&polynomial).map(|(mask, p)| *mask * xi + p).collect();
    let value = eval_polynomial(&coefficients, x);
    coefficients[0] -= value;
    let mut blind = mask_blind * xi + blind;
    let mut powers: Vec<Fp> =
        std::iter::successors(Some(Fp::ONE), |power| Some(*power * x)).take(context.rows).collect();
    let mut generators = context.parameters.generators().to_vec();
    let [product, blinding] = [context.parameters.inner_product(), context.parameters.blinding()];

    while generators.len() > 1 {
        let half = generators.len() / 2;
        let (low, high) = coefficients.split_at(half);
        let (powers_low, powers_high) = powers.split_at(half);
        let randomness = [Fp::random(&mut *rng), Fp::random(&mut *rng)];
        let message = |coefficients: &[Fp], generators: &[EqAffine], powers: &[Fp], randomness: Fp| {
            let scalars = [coefficients, &[compute_inner_product(coefficients, powers) * z, randomness]].concat();
            best_multiexp(&scalars, &[generators, &[product, blinding]].concat())
        };
        let left = message(high, &generators[..half], powers_low, randomness[0]);
        let right = message(low, &generators[half..], powers_high, randomness[1]);
        transcript.write_point(left.to_affine())?;
        transcript.write_point(right.to_affine())?;

        let challenge = draw(transcript);
        let inverse = Option::<Fp>::from(challenge.invert())
            .ok_or_else(|| std::io::Error::other("degenerate challenge, prove again"))?;
        coefficients = fold(low, high, inverse);
        powers = fold(powers_low, powers_high, challenge);
        generators = fold_generators(&generators, challenge);
        blind += randomness[0] * inverse + randomness[1] * challenge;
    }
    transcript.write_scalar(coefficients[0])?;
    transcript.write_scalar(blind)
}

/// `low + factor·high`.
fn fold(low: &[Fp], high: &[Fp], factor: Fp) -> Vec<Fp> {
    low.iter().zip(high).map(|(low, high)| *low + *high * factor).collect()
}

/// The same for points. The factor is a challenge, so its digits are no secret.
fn fold_generators(generators: &[EqAffine], factor: Fp) -> Vec<EqAffine> {
    let (low, high) = generators.split_at(generators.len() / 2);
    let mut folded = vec![EqAffine::default(); low.len()];
    let batches = folded.par_chunks_mut(BATCH).zip(low.par_chunks(BATCH)).zip(high.par_chunks(BATCH));
    batches.for_each(|((folded, low), high)| {
        let mut points = vec![Eq::default(); high.len()];
        Eq::batch_mul_same_scalar_vartime(high, &factor, &mut points);
        points.iter_mut().zip(low).for_each(|(point, low)| *point += low);
        Eq::batch_normalize(&points, folded);
    });
    folded
}
