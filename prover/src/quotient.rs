//! The quotient of the combined constraints by the vanishing polynomial, coset by coset.
//!
//! The quotient has degree below `4n`, so four cosets of the domain determine it. They are taken one after another: in memory stands one
//! coset of every column, not four.

use ff::{Field, WithSmallOrderMulGroup};
use halo2_proofs::arithmetic::best_fft;
use halo2_proofs::poly::{Coeff, Polynomial};
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::QUOTIENT_PIECES;
use zkinfer_verifier::constraints::{Challenges, Point, fold};
use zkinfer_verifier::layout::Lookup;

use crate::commit::Context;

/// The polynomials that the constraints mention.
pub struct Polynomials<'a> {
    /// Cells: those of the layout up to the factors, then what stands for sealed weights.
    pub cells: Vec<&'a Polynomial<Fp, Coeff>>,
    /// Multiplicities.
    pub multiplicities: Vec<&'a Polynomial<Fp, Coeff>>,
    /// Helpers.
    pub helpers: Vec<&'a Polynomial<Fp, Coeff>>,
    /// `φ`.
    pub lookup_sum: &'a Polynomial<Fp, Coeff>,
    /// `S`.
    pub adjoint_sum: &'a Polynomial<Fp, Coeff>,
    /// Public `κ`, one per polynomial of cells.
    pub kappa: Vec<Polynomial<Fp, Coeff>>,
    /// The factors among the cells.
    pub factors: std::ops::Range<usize>,
    /// Public `π`.
    pub separators: Vec<Polynomial<Fp, Coeff>>,
    /// Public tags.
    pub tags: Vec<Polynomial<Fp, Coeff>>,
    /// Public `R`.
    pub inverses: Vec<Polynomial<Fp, Coeff>>,
}

/// The pieces of the quotient, `n` coefficients each.
pub fn quotient(
    context: &Context<'_>,
    lookups: &[Lookup],
    polynomials: &Polynomials<'_>,
    target: Fp,
    challenges: Challenges,
) -> Vec<Polynomial<Fp, Coeff>> {
    let domain = &context.domain;
    let (rows, cosets) = (context.rows, domain.extended_len() / context.rows);
    let indicator = |from: usize, to: usize| {
        context.public((0..rows).map(|row| if (from..to).contains(&row) { Fp::ONE } else { Fp::ZERO }).collect())
    };
    let usable = context.usable;
    let (active, first, boundary) = (indicator(0, usable), indicator(0, 1), indicator(usable, usable + 1));

    let mut values = domain.empty_extended();
    let mut shift = Fp::ZETA;
    for coset in 0..cosets {
        let powers: Vec<Fp> = std::iter::successors(Some(Fp::ONE), |power| Some(*power * shift)).take(rows).collect();
        let evaluate = |polynomial: &Polynomial<Fp, Coeff>| -> Vec<Fp> {
            let mut values: Vec<Fp> = polynomial.iter().zip(&powers).map(|(c, power)| *c * power).collect();
            best_fft(&mut values, domain.get_omega(), context.params.k());
            values
        };
        let each = |list: &[&Polynomial<Fp, Coeff>]| list.par_iter().map(|p| evaluate(p)).collect::<Vec<_>>();
        let public = |list: &[Polynomial<Fp, Coeff>]| list.par_iter().map(&evaluate).collect::<Vec<_>>();
        let cells = each(&polynomials.cells);
        let multiplicities = each(&polynomials.multiplicities);
        let helpers = each(&polynomials.helpers);
        let sums = each(&[polynomials.lookup_sum, polynomials.adjoint_sum, &active, &first, &boundary]);
        let [lookup_sum, adjoint_sum, active, first, boundary] = sums.as_slice() else { unreachable!("five columns") };
        let kappa = public(&polynomials.kappa);
        let separators = public(&polynomials.separators);
        let tags = public(&polynomials.tags);
        let inverses = public(&polynomials.inverses);

        let constraints: Vec<Fp> = (0..rows)
            .into_par_iter()
            .map_init(
                || [const { Vec::<Fp>::new() }; 7],
                |scratch, row| {
                    let columns = [&cells, &multiplicities, &helpers, &kappa, &separators, &tags, &inverses];
                    for (values, columns) in scratch.iter_mut().zip(columns) {
                        values.clear();
                        values.extend(columns.iter().map(|column| column[row]));
                    }
                    let [cells, multiplicities, helpers, kappa, separators, tags, inverses] = &*scratch;
                    let next = (row + 1) % rows;
                    let point = Point {
                        cells,
                        multiplicities,
                        helpers,
                        lookup_sum: [lookup_sum[row], lookup_sum[next]],
                        adjoint_sum: [adjoint_sum[row], adjoint_sum[next]],
                        kappa,
                        factors: &cells[polynomials.factors.clone()],
                        separators,
                        tags,
                        inverses,
                        active: active[row],
                        first: first[row],
                        boundary: boundary[row],
                    };
                    fold(lookups, point, target, challenges)
                },
            )
            .collect();
        for (row, value) in constraints.into_iter().enumerate() {
            values[row * cosets + coset] = value;
        }
        shift *= domain.get_extended_omega();
    }
    let mut coefficients = domain.extended_to_coeff(domain.divide_by_vanishing_poly(values));
    coefficients.resize(QUOTIENT_PIECES * rows, Fp::ZERO);
    coefficients.chunks(rows).map(|piece| domain.coeff_from_vec(piece.to_vec())).collect()
}
