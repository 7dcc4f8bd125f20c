//! Multi-scalar multiplication behind commitments.

mod fixed;

use group::Group;
use halo2_proofs::arithmetic::best_multiexp;
use pasta_curves::{Eq, EqAffine, Fp};
use zkinfer_verifier::field::integer;

pub use fixed::FixedBases;

/// Interim.
pub fn small(bases: &[EqAffine], columns: &[&[i64]]) -> Vec<Eq> {
    columns
        .iter()
        .map(|column| {
            let scalars: Vec<Fp> = column.iter().map(|&x| integer(x)).collect();
            if scalars.is_empty() { Eq::identity() } else { best_multiexp(&scalars, &bases[..scalars.len()]) }
        })
        .collect()
}

/// Interim.
pub fn full(bases: &[EqAffine], columns: &[&[Fp]]) -> Vec<Eq> {
    columns
        .iter()
        .map(|column| if column.is_empty() { Eq::identity() } else { best_multiexp(column, &bases[..column.len()]) })
        .collect()
}
