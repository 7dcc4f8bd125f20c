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
use zkinfer_verifier::small::SplitElements;
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
    /// Sealed weights: opened at `x`.
    pub weights: &'a [ShownColumn<'a>],
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
        for evaluation in self.evaluations(context, x) {
            transcript.write_scalar(evaluation)?;
        }
        for sum in self.sums {
            transcript.write_scalar(eval_polynomial(&sum.polynomial, x))?;
            transcript.write_scalar(eval_polynomial(&sum.polynomial, next))?;
        }
        transcript.write_scalar(eval_polynomial(&self.random.0, x))?;

        let (x_1, x_2) = (draw(transcript), draw(transcript));
        let (here, here_blind) = self.combined(context, x, x_1);
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
        inner_product::open(context, transcript, folded.collect(), blind, x_3, rng)
    }

    /// The values at `x` of everything that is opened there alone, but for the quotient and the random polynomial.
    fn evaluations(&self, context: &Context<'_>, x: Fp) -> Vec<Fp> {
        let evaluate = |column: &&Column| eval_polynomial(&column.polynomial, x);
        let mut evaluations: Vec<Fp> = self.cells.par_iter().map(|column| evaluate(&column)).collect();
        if !self.weights.is_empty() {
            let basis = lagrange_basis(context, x);
            let (rows, random) = basis.split_at(context.rows - BLINDING_ROWS);
            let split = SplitElements::new(rows);
            evaluations.par_extend(self.weights.par_iter().map(|column| {
                let plain = || {
                    column
                        .integers
                        .iter()
                        .zip(rows)
                        .map(|(&value, l)| zkinfer_verifier::field::integer(value) * l)
                        .sum()
                };
                let random: Fp = column.randomness.iter().zip(random).map(|(value, l)| *value * l).sum();
                split.dot(column.integers).unwrap_or_else(plain) + random
            }));
        }
        evaluations.par_extend(self.others.par_iter().map(evaluate));
        evaluations
    }

    /// What is opened at `x` alone, combined with descending powers of `x_1`, and its blind.
    fn combined(&self, context: &Context<'_>, x: Fp, x_1: Fp) -> (Vec<Fp>, Fp) {
        let x_n = x.pow([context.rows as u64]);
        let zero = (context.domain.empty_coeff(), Blind(Fp::ZERO));
        let quotient =
            self.pieces.iter().rev().fold(zero, |(sum, blind), (piece, piece_blind)| {
                (sum * x_n + piece, blind * Blind(x_n) + *piece_blind)
            });
        let count = self.cells.len() + self.weights.len() + self.others.len() + 2;
        let mut powers: Vec<Fp> =
            std::iter::successors(Some(Fp::ONE), |power| Some(*power * x_1)).take(count).collect();
        powers.reverse();
        let (cell_powers, rest) = powers.split_at(self.cells.len());
        let (weight_powers, other_powers) = rest.split_at(self.weights.len());

        let mut terms: Vec<(&[Fp], Fp, Fp)> = Vec::new();
        let columns = self.cells.iter().zip(cell_powers).chain(self.others.iter().copied().zip(other_powers));
        terms.extend(columns.map(|(column, power)| (&column.polynomial[..], column.blind.0, *power)));
        let last = [&quotient, self.random].into_iter().zip(&other_powers[self.others.len()..]);
        terms.extend(last.map(|((polynomial, blind), power)| (&polynomial[..], blind.0, *power)));
        let weights = self.weights.iter().zip(weight_powers.iter().copied());
        let mut blind: Fp = weights.clone().map(|(column, power)| column.randomness[BLINDING_ROWS] * power).sum();
        blind += terms.iter().map(|(_, blind, power)| *blind * power).sum::<Fp>();

        let mut sum = if self.weights.is_empty() {
            vec![Fp::ZERO; context.rows]
        } else {
            let values = context.domain.lagrange_from_vec(combine(context.rows, weights));
            context.domain.lagrange_to_coeff(values).to_vec()
        };
        const CHUNK: usize = 256;
        sum.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sum)| {
            for (polynomial, _, power) in &terms {
                let coefficients = &polynomial[chunk * CHUNK..];
                sum.iter_mut().zip(coefficients).for_each(|(sum, coefficient)| *sum += *power * coefficient);
            }
        });
        (sum, blind)
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
