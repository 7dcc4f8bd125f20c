//! The factor columns: what stands for the products of bilinear nodes.

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::adjoint::factors::{Operands, factors};
use zkinfer_verifier::challenges::{Rho, Sigma};
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::field::integers::{Integers, Slice};

use super::sealed::SealedColumns;

/// The columns of every bilinear node, given what each multiplies; the right operands that are
/// sealed `weights` are taken from there.
pub fn factor_columns(
    key: &VerifyingKey,
    operands: &[[Vec<i64>; 2]],
    weights: Option<&SealedColumns>,
    (rho, sigma): (Rho, Sigma),
) -> Vec<Vec<Fp>> {
    let layout = key.layout();
    let first = layout.factor_columns().start;
    let mut columns = vec![Vec::new(); first];
    columns.resize(layout.factor_columns().end, vec![Fp::ZERO; layout.usable]);
    let weights = |id: usize| {
        let role = Role::Weights(key.description().owner(id));
        let index = layout.model_sheets().position(|sheet| sheet.role == role)?;
        weights?.tensors.get(index).map(Integers::as_slice)
    };
    let nodes = key.description().bilinear().zip(operands);
    let jobs: Vec<_> = nodes
        .map(|(id, [left, right])| {
            let right = weights(id).unwrap_or(Slice::Words(right));
            (id, Operands { left, right })
        })
        .collect();
    let pairs: Vec<_> = jobs
        .into_par_iter()
        .map(|(id, operands)| (id, factors(key, id, rho, sigma, operands)))
        .collect();
    for (id, pair) in pairs {
        let run = layout.nodes[id].as_ref().and_then(|cells| cells.result.as_ref());
        let run = run.expect("a bilinear node has factor cells");
        for (offset, factor) in pair.iter().enumerate() {
            layout.add(&mut columns, run, offset, factor);
        }
    }
    columns.split_off(first)
}
