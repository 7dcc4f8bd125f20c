//! Evaluations and their opening, by halo2's multi-point opening and inner product argument.

use ff::Field;
use halo2_proofs::arithmetic::eval_polynomial;
use halo2_proofs::poly::commitment::Blind;
use halo2_proofs::poly::multiopen::{ProverQuery, create_proof};
use halo2_proofs::poly::{Coeff, Polynomial, Rotation};
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;

use crate::commit::{Column, Context};

/// A polynomial with the blind of its commitment.
pub type Blinded = (Polynomial<Fp, Coeff>, Blind<Fp>);

/// Everything that is opened.
pub struct Opening<'a> {
    /// Cells, multiplicities and helpers, in that order: opened at `x`.
    pub columns: Vec<&'a Column>,
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
        let evaluations: Vec<Fp> =
            self.columns.par_iter().map(|column| eval_polynomial(&column.polynomial, x)).collect();
        for evaluation in evaluations {
            transcript.write_scalar(evaluation)?;
        }
        for sum in self.sums {
            transcript.write_scalar(eval_polynomial(&sum.polynomial, x))?;
            transcript.write_scalar(eval_polynomial(&sum.polynomial, next))?;
        }
        transcript.write_scalar(eval_polynomial(&self.random.0, x))?;

        let x_n = x.pow([context.rows as u64]);
        let zero = (context.domain.empty_coeff(), Blind(Fp::ZERO));
        let quotient =
            self.pieces.iter().rev().fold(zero, |(sum, blind), (piece, piece_blind)| {
                (sum * x_n + piece, blind * Blind(x_n) + *piece_blind)
            });

        fn query<'a>(point: Fp, poly: &'a Polynomial<Fp, Coeff>, blind: Blind<Fp>) -> ProverQuery<'a, EqAffine> {
            ProverQuery { point, poly, blind }
        }
        let mut queries: Vec<_> =
            self.columns.iter().map(|column| query(x, &column.polynomial, column.blind)).collect();
        for sum in self.sums {
            queries.push(query(x, &sum.polynomial, sum.blind));
            queries.push(query(next, &sum.polynomial, sum.blind));
        }
        queries.push(query(x, &quotient.0, quotient.1));
        queries.push(query(x, &self.random.0, self.random.1));
        create_proof(context.params, rng, transcript, queries)
    }
}
