//! The link: every re-randomised column of a proof is the sealed one plus randomness.
//!
//! `D = Σ_c λ^c·(C′_c − C_c)` must be `Σ_j b_j·G_j + δ·W`, with `G_j` the Lagrange generators of the blinding rows and `W` that of blinds: then no
//! `C′_c` differs from `C_c` in a usable row or the boundary row. A Schnorr proof of knowledge of `b` and `δ`: the message `T = Σ r_j·G_j + r·W`, the
//! challenge `e`, the responses `z = r + e·(b, δ)`. Derivation: `docs/sealed.md`.

use ff::Field;
use group::Group;
use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::poly::commitment::MSM;
use pasta_curves::{EqAffine, Fp};

use crate::BLINDING_ROWS;
use crate::parameters::Parameters;

/// Responses of a link: one per blinding row, one for the blind.
pub const RESPONSES: usize = BLINDING_ROWS.saturating_add(1);

/// The equation `T + e·D − Σ_j z_j·G_j − z·W = 0`: scalars and points whose combination must be the identity.
pub struct Equation {
    scalars: Vec<Fp>,
    points: Vec<EqAffine>,
}

impl Equation {
    /// The equation for pairs of `C′` and `C`.
    pub fn new(
        parameters: &Parameters,
        columns: &[(EqAffine, EqAffine)],
        lambda: Fp,
        message: EqAffine,
        challenge: Fp,
        responses: &[Fp; RESPONSES],
    ) -> Self {
        let mut scalars = vec![Fp::ONE];
        let mut points = vec![message];
        let mut weight = challenge;
        for (fresh, sealed) in columns {
            scalars.extend([weight, -weight]);
            points.extend([fresh, sealed]);
            weight *= lambda;
        }
        scalars.extend(responses.iter().map(|response| -*response));
        points.extend(parameters.shifts());
        Self { scalars, points }
    }

    /// Whether it holds.
    pub fn holds(&self) -> bool {
        bool::from(best_multiexp(&self.scalars, &self.points).is_identity())
    }

    /// Adds the equation, times `weight`, to a combination that must be the identity too. The weight must be drawn after everything else.
    pub fn add_to(&self, msm: &mut MSM<'_, EqAffine>, weight: Fp) {
        for (scalar, point) in self.scalars.iter().zip(&self.points) {
            msm.append_term(*scalar * weight, *point);
        }
    }
}
