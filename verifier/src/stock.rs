//! Temporary: halo2's `Params` from ours, at the price of a square root per point, for code that still takes them. To be deleted with its last user.

use std::sync::OnceLock;

use ff::{Field, PrimeField};
use group::{Curve, GroupEncoding};
use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::poly::commitment::Params;
use pasta_curves::{EqAffine, Fp};

use crate::BLINDING_ROWS;
use crate::field::powers;
use crate::link::RESPONSES;
use crate::parameters::Parameters;

/// Made when first asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stock {
    params: OnceLock<Option<Params<EqAffine>>>,
    shifts: OnceLock<[EqAffine; RESPONSES]>,
}

impl Parameters {
    /// halo2's parameters.
    #[allow(clippy::expect_used)]
    pub fn params(&self) -> &Params<EqAffine> {
        let made = self.stock.params.get_or_init(|| {
            let mut bytes = self.k().to_le_bytes().to_vec();
            bytes.extend(self.generators().iter().flat_map(GroupEncoding::to_bytes));
            let lagrange = self.lagrange().iter().copied();
            let identities = std::iter::repeat(EqAffine::default());
            bytes.extend(lagrange.chain(identities).take(self.generators().len()).flat_map(|point| point.to_bytes()));
            bytes.extend([self.blinding(), self.inner_product()].iter().flat_map(GroupEncoding::to_bytes));
            Params::read(&mut bytes.as_slice()).ok()
        });
        made.as_ref().expect("points that were just encoded")
    }

    /// The generators of the blinding rows, then that of blinds.
    pub fn shifts(&self) -> &[EqAffine; RESPONSES] {
        self.stock.shifts.get_or_init(|| {
            let mut root = Fp::ROOT_OF_UNITY;
            for _ in self.k()..Fp::S {
                root = root.square();
            }
            let scale = Fp::TWO_INV.pow_vartime([u64::from(self.k())]);
            // Row `n − d` has the generator `1/n·Σ ω^(dj)·G_j`.
            let mut shifts = [self.blinding(); RESPONSES];
            for (shift, distance) in shifts.iter_mut().zip((1..=BLINDING_ROWS).rev()) {
                let base = root.pow_vartime([distance as u64]);
                let scalars: Vec<Fp> =
                    powers(base, self.generators().len()).into_iter().map(|power| power * scale).collect();
                *shift = best_multiexp(&scalars, self.generators()).to_affine();
            }
            shifts
        })
    }
}
