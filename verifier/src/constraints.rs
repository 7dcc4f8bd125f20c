//! The polynomial constraints, written once for prover and verifier.
//!
//! At any point of the domain, its extension, or the evaluation point `x`, [`fold`] combines the constraints with powers of `y`:
//!
//! | constraint | formula | degree |
//! |---|---|---|
//! | lookup helper (one per three lookups) | `act·(h·f₁f₂f₃ − (f₁f₂ + f₁f₃ + f₂f₃))` | 5 |
//! | lookup sum step | `act·(φ(ωX) − φ(X) − Σ h) + Σ_s m_s·R_s` | 2 |
//! | lookup sum start, end | `l₀·φ`, `l_u·φ` | 2 |
//! | adjoint sum step | `act·(S(ωX) − S(X) − Σ_c κ_c·a_c)` | 3 |
//! | adjoint sum start, end | `l₀·S`, `l_u·(S − gᵀb)` | 2 |
//!
//! `f = β + tag + θ·c₁ + θ²·c₂ + θ³·c₃`. Derivations: `docs/argument/`.

use ff::Field;
use pasta_curves::Fp;

use crate::LOOKUPS_PER_HELPER;
use crate::layout::Lookup;
use crate::tables::compress;

/// Challenges that the constraints mention.
#[derive(Clone, Copy, Debug)]
pub struct Challenges {
    /// Compresses tuples.
    pub theta: Fp,
    /// Shifts compressed tuples.
    pub beta: Fp,
    /// Combines constraints.
    pub y: Fp,
}

/// All columns at one point.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Cells `a_c`.
    pub cells: &'a [Fp],
    /// Multiplicities `m_s`.
    pub multiplicities: &'a [Fp],
    /// Helpers `h`.
    pub helpers: &'a [Fp],
    /// `φ` here and one row on.
    pub lookup_sum: [Fp; 2],
    /// `S` here and one row on.
    pub adjoint_sum: [Fp; 2],
    /// Public `κ_c`.
    pub kappa: &'a [Fp],
    /// Public tags, one per lookup.
    pub tags: &'a [Fp],
    /// Public `R_s = 1/(β + t_s)`.
    pub inverses: &'a [Fp],
    /// `act`: 1 on rows below `u`.
    pub active: Fp,
    /// `l₀`.
    pub first: Fp,
    /// `l_u`.
    pub boundary: Fp,
}

/// `β +` the compressed tuple of one lookup.
pub fn denominator(lookup: &Lookup, tag: Fp, cells: &[Fp], challenges: Challenges) -> Fp {
    let tuple = cells.get(lookup.columns.clone()).unwrap_or_default();
    challenges.beta + compress(tag, tuple.iter().copied(), challenges.theta)
}

/// The product of up to three denominators, and the sum of the products that leave one out.
pub fn product_and_sum(denominators: impl IntoIterator<Item = Fp>) -> (Fp, Fp) {
    denominators.into_iter().fold((Fp::ONE, Fp::ZERO), |(product, sum), f| (product * f, sum * f + product))
}

/// The constraints at `point`, combined with powers of `y`; zero on the domain if all hold.
pub fn fold(lookups: &[Lookup], point: Point<'_>, target: Fp, challenges: Challenges) -> Fp {
    let mut sum = Fp::ZERO;
    let mut add = |constraint: Fp| sum = sum * challenges.y + constraint;

    let groups = lookups.chunks(LOOKUPS_PER_HELPER).zip(point.tags.chunks(LOOKUPS_PER_HELPER));
    for ((group, tags), helper) in groups.zip(point.helpers) {
        let denominators =
            group.iter().zip(tags).map(|(lookup, &tag)| denominator(lookup, tag, point.cells, challenges));
        let (product, sum) = product_and_sum(denominators);
        add(point.active * (*helper * product - sum));
    }

    let [here, next] = point.lookup_sum;
    let helpers: Fp = point.helpers.iter().sum();
    let table: Fp = point.multiplicities.iter().zip(point.inverses).map(|(m, inverse)| *m * inverse).sum();
    add(point.active * (next - here - helpers) + table);
    add(point.first * here);
    add(point.boundary * here);

    let [here, next] = point.adjoint_sum;
    let products: Fp = point.kappa.iter().zip(point.cells).map(|(kappa, cell)| *kappa * cell).sum();
    add(point.active * (next - here - products));
    add(point.first * here);
    add(point.boundary * (here - target));
    sum
}
