//! Every constraint as one sum over rows, written once for prover and verifier.
//!
//! Per row, with `â` the columns as [multilinear](crate::field::multilinear) polynomials, zero from
//! the boundary row on, the sum is of
//!
//! | term | what summing it shows |
//! |---|---|
//! | `w·Σ_g y^(g+1)·(h_g·Π f − Σ_j Π_{i≠j} f_i)` | every helper is the sum of its lookups' reciprocals, in every row |
//! | `y^(H+1)·(act·Σ_g h_g − Σ_s m_s·R_s)` | every tuple looked up is in a table |
//! | `Σ_c κ_c·a_c + Σ_j π_j·u_j·v_j` | every linear equation and product holds: the adjoint check |
//!
//! and its total must be the adjoint check's target. Here `f = β + tag + θ·c₁ + θ²·c₂ + θ³·c₃`,
//! `w[row] = ζ^row` and `act[row] = 1` on usable rows, zero behind them.
//! [`crate::argument::messages`] binds the rounds that reduce the sum to one point. Derivations:
//! `docs/argument/row-sum.md`.

use pasta_curves::Fp;

use crate::argument::public::Public;
use crate::challenges::LookupChallenges;
use crate::circuit::layout::LOOKUPS_PER_HELPER;
use crate::field::arrays::arrays;

/// Degree of the row sum's polynomial in each variable: a helper times its lookups' denominators
/// times the row's weight.
pub const ROW_DEGREE: usize = LOOKUPS_PER_HELPER + 2;

/// What a proof reveals of its columns at the point that the sum is reduced to.
#[derive(Clone, Copy, Debug)]
pub struct Evaluations<'a> {
    /// `f̂`, one per lookup.
    pub lookups: &'a [Fp],
    /// `ĥ`, one per helper.
    pub helpers: &'a [Fp],
    /// `û` and `v̂` in turn, of operands and of factors.
    pub factors: &'a [Fp],
}

/// Numerator and denominator of `Σ 1/f`.
pub fn fraction(denominators: &[Fp]) -> (Fp, Fp) {
    match denominators {
        [] => (Fp::zero(), Fp::one()),
        [f] => (Fp::one(), *f),
        [f, g] => (*f + g, *f * g),
        _ => {
            let (left, right) = denominators.split_at(denominators.len().div_ceil(2));
            let ((p, q), (r, s)) = (fraction(left), fraction(right));
            (p * s + r * q, q * s)
        }
    }
}

/// `Σ_g y^(g+1)·(h_g·Π f − Σ_j Π_{i≠j} f_i)`, the first term without its weight.
pub fn helper_terms(lookups: &[Fp], helpers: &[Fp], y: Fp) -> Fp {
    let groups = lookups.chunks(LOOKUPS_PER_HELPER).zip(helpers);
    groups.rev().fold(Fp::zero(), |sum, (group, helper)| {
        let (numerator, denominator) = fraction(group);
        (sum + *helper * denominator - numerator) * y
    })
}

/// The summed polynomial at one point, but for the part that is linear in columns whose evaluations
/// the proof does not reveal, `Σ_c κ̂_c·â_c − y^(H+1)·Σ_s R̂_s·m̂_s`.
pub(crate) fn known_part(
    evaluations: Evaluations<'_>,
    public: &Public,
    challenges: &LookupChallenges,
) -> Fp {
    let Evaluations { lookups, helpers, factors } = evaluations;
    let pairs = arrays::<_, 2>(factors).0.zip(&public.separators);
    let bilinear: Fp = pairs.map(|([u, v], separator)| *separator * u * v).sum();
    public.weight * helper_terms(lookups, helpers, *challenges.y)
        + challenges.balance(helpers.len()) * public.active * helpers.iter().sum::<Fp>()
        + bilinear
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenges::Challenge;
    use ff::Field;

    #[test]
    fn fractions_add_reciprocals() {
        for count in 0..=LOOKUPS_PER_HELPER {
            let denominators: Vec<Fp> = (0..count as u64).map(|i| Fp::from(3 * i + 7)).collect();
            let (numerator, denominator) = fraction(&denominators);
            let sum: Fp = denominators.iter().map(|f| f.invert().unwrap()).sum();
            assert_eq!(numerator, sum * denominator, "{count} of them");
        }
    }

    #[test]
    fn each_term_catches_what_only_it_sees() {
        let challenges = LookupChallenges {
            theta: Challenge::new(Fp::from(2)),
            beta: Challenge::new(Fp::from(3)),
            zeta: Challenge::new(Fp::from(5)),
            y: Challenge::new(Fp::from(1009)),
        };
        // Two helpers: the second one has a single lookup.
        let lookups: Vec<Fp> =
            (1..=LOOKUPS_PER_HELPER as u64 + 1).map(|i| Fp::from(i * i + 1)).collect();
        let helpers: Vec<Fp> = lookups
            .chunks(LOOKUPS_PER_HELPER)
            .map(|group| group.iter().map(|f| f.invert().unwrap()).sum())
            .collect();
        assert_eq!(helper_terms(&lookups, &helpers, *challenges.y), Fp::zero());
        let factors = [Fp::from(9), Fp::from(10)];
        let part = |lookups: &[Fp], helpers: &[Fp], factors: &[Fp]| {
            let public = Public {
                weight: Fp::from(11),
                active: Fp::from(13),
                tags: Vec::new(),
                kappa: Vec::new(),
                separators: vec![Fp::from(12)],
                inverses: Vec::new(),
            };
            known_part(Evaluations { lookups, helpers, factors }, &public, &challenges)
        };
        let honest = part(&lookups, &helpers, &factors);
        let balance =
            challenges.y.square() * *challenges.y * Fp::from(13) * helpers.iter().sum::<Fp>();
        assert_eq!(honest, balance + Fp::from(9 * 10 * 12));
        let bump = |values: &[Fp], at: usize| {
            let mut values = values.to_vec();
            values[at] += Fp::one();
            values
        };
        for at in 0..lookups.len() {
            assert_ne!(part(&bump(&lookups, at), &helpers, &factors), honest, "lookup {at}");
        }
        for at in 0..helpers.len() {
            assert_ne!(part(&lookups, &bump(&helpers, at), &factors), honest, "helper {at}");
        }
        for at in 0..factors.len() {
            assert_ne!(part(&lookups, &helpers, &bump(&factors, at)), honest, "factor {at}");
        }
        // Errors of two helpers that would cancel without a power of y of their own.
        let (p, q) = (fraction(&lookups[..LOOKUPS_PER_HELPER]).1, lookups[LOOKUPS_PER_HELPER]);
        let forged = [helpers[0] + p.invert().unwrap(), helpers[1] - q.invert().unwrap()];
        assert_ne!(helper_terms(&lookups, &forged, *challenges.y), Fp::zero());
    }
}
