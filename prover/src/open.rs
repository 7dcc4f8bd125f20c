//! Evaluations and their opening: halo2's multi-point opening, then its inner product argument.
//!
//! The messages are those that `halo2_proofs::poly::multiopen::verify_proof` reads. Two sets of points occur: `{x}` for almost everything, `{x, ωx}` for the
//! running sums. Written out for these two, the opening can take sealed weights as they are, small integers by row, and never needs their
//! coefficients.

use ff::{BatchInvert, Field};
use group::Curve;
use halo2_proofs::arithmetic::{eval_polynomial, kate_division};
use halo2_proofs::poly::commitment::Blind;
use halo2_proofs::poly::{Coeff, Polynomial, Rotation};
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zkinfer_verifier::BLINDING_ROWS;
use zkinfer_verifier::adjoint::WeightCotangent;
use zkinfer_verifier::sheet::Sheet;
use zkinfer_verifier::transcript::draw;

use crate::commit::{Column, Context};
use crate::inner_product;
use crate::sealed::{ShownColumn, combine};

/// A polynomial with the blind of its commitment.
pub type Blinded = (Polynomial<Fp, Coeff>, Blind<Fp>);

/// Everything that is opened.
pub struct Opening<'a> {
    /// Cells up to the factors: opened at `x`.
    pub cells: &'a [Column],
    /// Sealed weights: one combination of them is opened at `x`.
    pub weights: &'a [ShownColumn<'a>],
    /// The sheets of sealed weights with their cotangents.
    pub cotangents: Vec<(&'a Sheet, &'a WeightCotangent)>,
    /// Multiplicities and helpers: opened at `x`.
    pub others: Vec<&'a Column>,
    /// `φ` and `S`: opened at `x` and `ωx`.
    pub sums: [&'a Column; 2],
    /// The random polynomial: opened at `x`.
    pub random: &'a Blinded,
    /// The quotient's pieces: their combination is opened at `x`, and its value is the verifier's to compute.
    pub pieces: &'a [Blinded],
}

impl Opening<'_> {
    /// Writes the evaluations and opens the commitments to them.
    pub fn write<E, T>(
        &self,
        context: &Context<'_>,
        transcript: &mut T,
        x: Fp,
        rng: &mut impl CryptoRng,
    ) -> std::io::Result<()>
    where
        E: EncodedChallenge<EqAffine>,
        T: TranscriptWrite<EqAffine, E>,
    {
        let next = context.domain.rotate_omega(x, Rotation::next());
        let weights = self.combined_weights(context, x);
        let evaluate = |columns: Vec<&Column>| -> Vec<Fp> {
            columns.into_par_iter().map(|column| eval_polynomial(&column.polynomial, x)).collect()
        };
        let combined = weights.iter().map(|(polynomial, _)| eval_polynomial(polynomial, x));
        let evaluations = evaluate(self.cells.iter().collect()).into_iter().chain(combined);
        for evaluation in evaluations.chain(evaluate(self.others.clone())) {
            transcript.write_scalar(evaluation)?;
        }
        for sum in self.sums {
            transcript.write_scalar(eval_polynomial(&sum.polynomial, x))?;
            transcript.write_scalar(eval_polynomial(&sum.polynomial, next))?;
        }
        transcript.write_scalar(eval_polynomial(&self.random.0, x))?;

        let (x_1, x_2) = (draw(transcript), draw(transcript));
        let (here, here_blind) = self.combined(context, weights.as_ref(), x, x_1);
        let [first, second] = self.sums;
        let both: Vec<Fp> = first.polynomial.iter().zip(second.polynomial.iter()).map(|(a, b)| *a * x_1 + b).collect();
        let both_blind = first.blind.0 * x_1 + second.blind.0;

        let mut quotient = kate_division(&here, x);
        quotient.resize(context.rows, Fp::ZERO);
        let rest = kate_division(&kate_division(&both, x), next);
        quotient.iter_mut().for_each(|coefficient| *coefficient *= x_2);
        quotient.iter_mut().zip(rest).for_each(|(sum, coefficient)| *sum += coefficient);
        let blind = Fp::random(&mut *rng);
        let commitment = context.params.commit(&context.domain.coeff_from_vec(quotient.clone()), Blind(blind));
        transcript.write_point(commitment.to_affine())?;

        let x_3 = draw(transcript);
        transcript.write_scalar(eval_polynomial(&here, x_3))?;
        transcript.write_scalar(eval_polynomial(&both, x_3))?;
        let x_4 = draw(transcript);
        let folded = quotient.iter().zip(&here).zip(&both).map(|((q, here), both)| (*q * x_4 + here) * x_4 + both);
        let blind = (blind * x_4 + here_blind) * x_4 + both_blind;
        let [product, blinding] = inner_product::extra_generators();
        let generators = inner_product::Generators { coefficients: &context.params.get_g(), product, blinding };
        inner_product::open(generators, transcript, folded.collect(), blind, x_3, rng)
    }

    /// `Σ κ_c(x)·a_c` over the columns of sealed weights, if there are any: small integers by row until the one transform at the end.
    fn combined_weights(&self, context: &Context<'_>, x: Fp) -> Option<Blinded> {
        if self.weights.is_empty() {
            return None;
        }
        let basis = lagrange_basis(context, x);
        let kappa: Vec<Fp> =
            self.cotangents.iter().flat_map(|(sheet, cotangent)| cotangent.evaluate(sheet, &basis)).collect();
        let terms = || self.weights.iter().zip(kappa.iter().copied());
        let values = context.domain.lagrange_from_vec(combine(context.rows, terms()));
        let blind = terms().map(|(column, kappa)| column.randomness[BLINDING_ROWS] * kappa).sum();
        Some((context.domain.lagrange_to_coeff(values), Blind(blind)))
    }

    /// What is opened at `x` alone, combined with descending powers of `x_1`, and its blind.
    fn combined(&self, context: &Context<'_>, weights: Option<&Blinded>, x: Fp, x_1: Fp) -> (Vec<Fp>, Fp) {
        let x_n = x.pow([context.rows as u64]);
        let zero = (context.domain.empty_coeff(), Blind(Fp::ZERO));
        let quotient =
            self.pieces.iter().rev().fold(zero, |(sum, blind), (piece, piece_blind)| {
                (sum * x_n + piece, blind * Blind(x_n) + *piece_blind)
            });
        let mut terms: Vec<(&[Fp], Fp)> = Vec::new();
        terms.extend(self.cells.iter().map(|column| (&column.polynomial[..], column.blind.0)));
        terms.extend(weights.map(|(polynomial, blind)| (&polynomial[..], blind.0)));
        terms.extend(self.others.iter().map(|column| (&column.polynomial[..], column.blind.0)));
        terms.extend([&quotient, self.random].map(|(polynomial, blind)| (&polynomial[..], blind.0)));

        let mut sum = vec![Fp::ZERO; context.rows];
        const CHUNK: usize = 256;
        sum.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sum)| {
            for (polynomial, _) in &terms {
                let coefficients = &polynomial[chunk * CHUNK..];
                sum.iter_mut().zip(coefficients).for_each(|(sum, coefficient)| *sum = *sum * x_1 + coefficient);
            }
        });
        (sum, terms.iter().fold(Fp::ZERO, |sum, (_, blind)| sum * x_1 + blind))
    }
}

/// `l_i(x) = ω^i·(x^n − 1) / (n·(x − ω^i))`, for an `x` outside the domain.
fn lagrange_basis(context: &Context<'_>, x: Fp) -> Vec<Fp> {
    let omega = context.domain.get_omega();
    let roots: Vec<Fp> = std::iter::successors(Some(Fp::ONE), |root| Some(*root * omega)).take(context.rows).collect();
    let mut basis: Vec<Fp> = roots.iter().map(|root| (x - root) * Fp::from(context.rows as u64)).collect();
    basis.iter_mut().batch_invert();
    let vanishing = x.pow([context.rows as u64]) - Fp::ONE;
    basis.iter_mut().zip(roots).for_each(|(value, root)| *value *= root * vanishing);
    basis
}
