//! The link: every re-randomised column of a proof is the sealed one plus randomness.
//!
//! `D = Σ_c λ^c·(C′_c − C_c)` must be `Σ_j b_j·G_j + δ·W`, with `G_j` the Lagrange generators of the blinding rows and `W` that of blinds: then no
//! `C′_c` differs from `C_c` in a usable row or the boundary row. A Schnorr proof of knowledge of `b` and `δ`: the message `T = Σ r_j·G_j + r·W`, the
//! challenge `e`, the responses `z = r + e·(b, δ)`. Derivation: `docs/sealed.md`.

use ff::Field;
use group::Curve;
use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::poly::EvaluationDomain;
use halo2_proofs::poly::commitment::{Blind, Params};
use pasta_curves::{Eq, EqAffine, Fp};

use crate::BLINDING_ROWS;

/// Responses of a link: one per blinding row, one for the blind.
pub const RESPONSES: usize = BLINDING_ROWS.saturating_add(1);

/// `Σ_j scalars_j·G_j + scalars_last·W`.
pub fn combine_generators(params: &Params<EqAffine>, domain: &EvaluationDomain<Fp>, scalars: &[Fp; RESPONSES]) -> Eq {
    let mut column = domain.empty_lagrange();
    let blind = scalars.last().copied().unwrap_or(Fp::ZERO);
    let first = column.iter().count().saturating_sub(BLINDING_ROWS);
    column.iter_mut().skip(first).zip(scalars).for_each(|(row, scalar)| *row = *scalar);
    params.commit_lagrange(&column, Blind(blind))
}

/// Whether `T + e·D` is the combination of the generators that the responses say.
pub fn holds(
    params: &Params<EqAffine>,
    domain: &EvaluationDomain<Fp>,
    columns: &[(EqAffine, EqAffine)],
    lambda: Fp,
    message: EqAffine,
    challenge: Fp,
    responses: &[Fp; RESPONSES],
) -> bool {
    let mut scalars = vec![Fp::ONE];
    let mut bases = vec![message];
    let mut weight = challenge;
    for (fresh, sealed) in columns {
        scalars.extend([weight, -weight]);
        bases.extend([fresh, sealed]);
        weight *= lambda;
    }
    let claimed = combine_generators(params, domain, responses);
    best_multiexp(&scalars, &bases).to_affine() == claimed.to_affine()
}
