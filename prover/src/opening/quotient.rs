//! The quotient of the running sum's constraints by the vanishing polynomial.
//!
//! It has degree below `n`, so one coset of the domain determines it.

use ff::Field;
use halo2_proofs::poly::{Coeff, Polynomial};
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::argument::running_sum::{ColumnsAt, constraints};

use crate::commit::Committer;

/// The polynomials that the constraints mention.
pub struct Polynomials<'a> {
    /// `S`.
    pub sum: &'a Polynomial<Fp, Coeff>,
    /// `A`.
    pub combination: &'a Polynomial<Fp, Coeff>,
    /// `M`.
    pub messages: &'a Polynomial<Fp, Coeff>,
}

/// A column given by its first rows, zero behind them, as a polynomial.
pub fn interpolate(committer: &Committer<'_>, mut values: Vec<Fp>) -> Polynomial<Fp, Coeff> {
    values.resize(committer.rows, Fp::ZERO);
    committer.domain.lagrange_to_coeff(committer.domain.lagrange_from_vec(values))
}

/// The quotient's coefficients; `weights` are `E` and `μ` by rows.
pub fn quotient(
    committer: &Committer<'_>,
    polynomials: Polynomials<'_>,
    weights: [Vec<Fp>; 2],
    value: Fp,
    separator: Fp,
) -> Polynomial<Fp, Coeff> {
    let Polynomials { sum, combination, messages } = polynomials;
    let [weights, message_weights] = weights;
    let boundary = committer.usable + 1;
    let unit = |row: usize| {
        let mut values = vec![Fp::ZERO; row];
        values.push(Fp::ONE);
        interpolate(committer, values)
    };
    let public = vec![weights, message_weights, vec![Fp::ONE; boundary]];
    let mut columns: Vec<Polynomial<Fp, Coeff>> =
        public.into_par_iter().map(|values| interpolate(committer, values)).collect();
    columns.extend([unit(0), unit(boundary), sum.clone(), combination.clone(), messages.clone()]);
    let columns: Vec<_> =
        columns.into_par_iter().map(|column| committer.domain.coeff_to_extended(column)).collect();
    let [weight, message_weight, active, first, last, sum, combination, messages] =
        columns.as_slice()
    else {
        unreachable!("eight columns")
    };
    let mut values = committer.domain.empty_extended();
    values.par_iter_mut().enumerate().for_each(|(row, value_here)| {
        let point = ColumnsAt {
            sum: [sum[row], sum[(row + 1) % committer.rows]],
            combination: combination[row],
            messages: messages[row],
            weight: weight[row],
            message_weight: message_weight[row],
            active: active[row],
            first: first[row],
            boundary: last[row],
        };
        *value_here = constraints(&point, value, separator);
    });
    let coefficients =
        committer.domain.extended_to_coeff(committer.domain.divide_by_vanishing_poly(values));
    committer.domain.coeff_from_vec(coefficients)
}
