//! The Lagrange basis of the domain at one point.

use ff::{BatchInvert, Field, PrimeField};
use pasta_curves::Fp;

use crate::error::Rejection;
use crate::field::powers;

/// The Lagrange basis of the domain at `x`.
pub(super) struct Basis {
    pub(super) values: Vec<Fp>,
    pub(super) omega: Fp,
    pub(super) vanishing_inverse: Fp,
}

impl Basis {
    /// `l_i(x) = ω^i·(x^n − 1) / (n·(x − ω^i))`.
    pub(super) fn new(k: u32, x: Fp) -> Result<Self, Rejection> {
        let degenerate = Rejection::DegenerateChallenge { part: "evaluation point in the domain" };
        let count = 1u64.checked_shl(k).unwrap_or(0);
        let omega =
            Fp::ROOT_OF_UNITY.pow_vartime([1u64.checked_shl(Fp::S.saturating_sub(k)).unwrap_or(0)]);
        let vanishing = x.pow_vartime([count]) - Fp::ONE;
        let vanishing_inverse =
            Option::<Fp>::from(vanishing.invert()).ok_or_else(|| degenerate.clone())?;
        let scale = vanishing * Option::<Fp>::from(Fp::from(count).invert()).ok_or(degenerate)?;
        let roots = powers(omega, usize::try_from(count).unwrap_or(0));
        // x is no n-th root of unity, so no denominator is zero.
        let mut values: Vec<Fp> = roots.iter().map(|root| x - root).collect();
        values.iter_mut().batch_invert();
        values.iter_mut().zip(roots).for_each(|(value, root)| *value *= scale * root);
        Ok(Self { values, omega, vanishing_inverse })
    }

    pub(super) fn at(&self, row: usize) -> Fp {
        self.values.get(row).copied().unwrap_or(Fp::ZERO)
    }
}
