//! Columns and their commitments.

use ff::Field;
use group::Curve;
use halo2_proofs::poly::commitment::{Blind, Params};
use halo2_proofs::poly::{Coeff, EvaluationDomain, LagrangeCoeff, Polynomial};
use pasta_curves::{Eq, EqAffine, Fp};
use rand_core::CryptoRng;
use rayon::prelude::*;
use zkinfer_verifier::field::integer;
use zkinfer_verifier::link::RESPONSES;
use zkinfer_verifier::{BLINDING_ROWS, Parameters};

use crate::msm::cpu::commit_small;

/// The number of rows, the commitment parameters and the evaluation domain of one proof.
pub struct Context<'a> {
    /// halo2's generators.
    pub params: &'a Params<EqAffine>,
    /// The domain of `n` rows and its extension.
    pub domain: EvaluationDomain<Fp>,
    /// Usable rows `u`.
    pub usable: usize,
    /// Rows `n`.
    pub rows: usize,
    /// The commitment to the constant 1 without blind.
    one: EqAffine,
}

/// A committed column.
pub struct Column {
    /// Its values.
    pub values: Polynomial<Fp, LagrangeCoeff>,
    /// Its polynomial.
    pub polynomial: Polynomial<Fp, Coeff>,
    /// The blind of its commitment.
    pub blind: Blind<Fp>,
    /// Its commitment.
    pub commitment: EqAffine,
}

/// What goes into a column before its random rows.
pub enum Content<'a> {
    /// Small integers, as many as usable rows.
    Small(&'a [i64]),
    /// Field elements, as many as usable rows or one more.
    Full(Vec<Fp>),
}

impl<'a> Context<'a> {
    /// A context for a circuit with `usable` rows.
    pub fn new(params: &'a Params<EqAffine>, usable: usize) -> Self {
        let domain = EvaluationDomain::new(zkinfer_verifier::DEGREE, params.k());
        let one = params.get_g().first().copied().unwrap_or_default();
        Self { params, domain, usable, rows: 1 << params.k(), one }
    }

    /// A context for parameters, with as many usable rows as any circuit has.
    pub fn of(parameters: &'a Parameters) -> Self {
        let params = parameters.params();
        Self::new(params, (1 << params.k()) - BLINDING_ROWS - 1)
    }

    /// A column of small integers with zero in the boundary row and this randomness after it; the last element is the blind, not a row.
    pub(crate) fn small_column(&self, integers: &[i64], randomness: &[Fp; RESPONSES]) -> Vec<Fp> {
        let mut values: Vec<Fp> = integers.iter().map(|&value| integer(value)).collect();
        values.resize(self.usable + 1, Fp::ZERO);
        values.extend(&randomness[..BLINDING_ROWS]);
        values
    }

    /// Commits to [`Self::small_column`].
    pub(crate) fn commit_with(&self, integers: &[i64], randomness: &[Fp; RESPONSES]) -> Eq {
        let values = self.domain.lagrange_from_vec(self.small_column(integers, randomness));
        let minimum = integers.iter().copied().min().unwrap_or(0);
        commit_small(self.params, self.one, values, minimum, randomness[BLINDING_ROWS])
    }

    /// Commits to columns: fills the rows after the boundary row at random, then commits with random blinds.
    ///
    /// Randomness is drawn in order before any thread starts, so the result does not depend on their number.
    pub fn commit(&self, contents: Vec<Content<'_>>, rng: &mut impl CryptoRng) -> Vec<Column> {
        let blinding_rows = self.rows - self.usable - 1;
        let random: Vec<Vec<Fp>> =
            contents.iter().map(|_| (0..=blinding_rows).map(|_| Fp::random(&mut *rng)).collect()).collect();
        let jobs: Vec<_> = contents.into_iter().zip(random).collect();
        let columns: Vec<_> = jobs
            .into_par_iter()
            .map(|(content, random)| {
                let (mut values, minimum) = match content {
                    Content::Small(cells) => {
                        (cells.iter().map(|&cell| integer(cell)).collect(), cells.iter().copied().min())
                    }
                    Content::Full(values) => (values, None),
                };
                values.resize(self.usable + 1, Fp::ZERO);
                let (blind, rows) = random.split_first().expect("at least the blind was drawn");
                values.extend(rows);
                let values = self.domain.lagrange_from_vec(values);
                let point = match minimum {
                    Some(minimum) => commit_small(self.params, self.one, values.clone(), minimum, *blind),
                    None => self.params.commit_lagrange(&values, Blind(*blind)),
                };
                let polynomial = self.domain.lagrange_to_coeff(values.clone());
                (values, polynomial, Blind(*blind), point)
            })
            .collect();
        let points: Vec<Eq> = columns.iter().map(|(.., point)| *point).collect();
        let mut affine = vec![EqAffine::default(); points.len()];
        Eq::batch_normalize(&points, &mut affine);
        let columns = columns.into_iter().zip(affine);
        columns
            .map(|((values, polynomial, blind, _), commitment)| Column { values, polynomial, blind, commitment })
            .collect()
    }

    /// Commits to polynomials by their coefficients, with random blinds.
    pub fn commit_coefficients(
        &self,
        polynomials: &[Polynomial<Fp, Coeff>],
        rng: &mut impl CryptoRng,
    ) -> Vec<(EqAffine, Blind<Fp>)> {
        let blinds: Vec<_> = polynomials.iter().map(|_| Blind(Fp::random(&mut *rng))).collect();
        polynomials
            .par_iter()
            .zip(blinds)
            .map(|(polynomial, blind)| (self.params.commit(polynomial, blind).to_affine(), blind))
            .collect()
    }

    /// The polynomial of a public column given by its first rows, zero after them.
    pub fn public(&self, mut values: Vec<Fp>) -> Polynomial<Fp, Coeff> {
        values.resize(self.rows, Fp::ZERO);
        self.domain.lagrange_to_coeff(self.domain.lagrange_from_vec(values))
    }
}
