//! The factors `u` and `v` of a bilinear node, which prover and judge compute and the adjoint check
//! binds.
//!
//! For a contraction with sealed weights `u_t = Σ_p σ^p·column_factor_p·im2col(x)[t, p]` and `v_t =
//! Σ_o ρ^o·row_factor_o·W[o, t]`, `t` over the taps of all groups; for a product `u_{b,t} = Σ_m
//! σ^{mN}·left[b, m, t]` and `v_{b,t} = ρ^b·Σ_n σ^n·right[b, n, t]`. Then `Σ_t u_t·v_t` is the
//! result's combination with `ρ^row·σ^column`, at the price of one multiplication an operand
//! element. Derivation: `docs/sealed.md`.

use ff::Field;
use pasta_curves::Fp;

use crate::challenges::{Rho, Sigma};
use crate::circuit::description::{Operator, Product};
use crate::circuit::geometry::Geometry;
use crate::circuit::key::VerifyingKey;
use crate::field::integers::Slice;
use crate::field::small::SmallSums;
use crate::field::{integer, powers};

/// The integers that a bilinear node multiplies.
#[derive(Clone, Copy, Debug)]
pub struct Operands<'a> {
    /// The activation read, or the left one.
    pub left: &'a [i64],
    /// The sealed weights, or the right activation.
    pub right: Slice<'a>,
}

/// `u` and `v` of the bilinear node `id`; empty for any other node.
pub fn factors(
    key: &VerifyingKey,
    id: usize,
    rho: Rho,
    sigma: Sigma,
    operands: Operands<'_>,
) -> [Vec<Fp>; 2] {
    let nodes = &key.analysis().nodes;
    let (Some(node), Some(facts)) = (key.description().nodes.get(id), nodes.get(id)) else {
        return Default::default();
    };
    let (rows, columns) = facts.matrix();
    let (rho, sigma) = (powers(*rho, rows), powers(*sigma, columns));
    match &node.operator {
        Operator::Contract(contract) => {
            let Some(input) = nodes.get(contract.input) else { return Default::default() };
            let geometry = Geometry { contract, input, output: facts };
            let column = column_weights(&sigma, &contract.column_factors);
            let row: Vec<Fp> = rho
                .iter()
                .zip(&contract.row_factors)
                .map(|(power, &f)| *power * integer(f))
                .collect();
            let taps = match operands.right {
                Slice::Bytes(weights) => geometry.taps(weights, &row),
                Slice::Words(weights) => geometry.taps(weights, &row),
            };
            [geometry.gather(operands.left, &column), taps]
        }
        Operator::Product(product) => {
            let Some((inner, width)) = sizes(key, product) else { return Default::default() };
            let batches = rho.len();
            let at = |list: &[Fp], index: usize| list.get(index).copied().unwrap_or(Fp::ZERO);
            let of_left = |_, row: usize| at(&sigma, row.saturating_mul(width));
            let of_right = |batch, row| at(&rho, batch) * at(&sigma, row);
            let right = match operands.right {
                Slice::Bytes(right) => fold(right, [batches, inner], of_right),
                Slice::Words(right) => fold(right, [batches, inner], of_right),
            };
            [fold(operands.left, [batches, inner], of_left), right]
        }
        _ => Default::default(),
    }
}

/// The rows of each matrix of a stack, added up with these weights.
fn fold<T: Copy + Into<i64>>(
    tensor: &[T],
    [batches, inner]: [usize; 2],
    weight: impl Fn(usize, usize) -> Fp,
) -> Vec<Fp> {
    let matrices = tensor.chunks(tensor.len().checked_div(batches).unwrap_or(1).max(1));
    let folded = matrices.enumerate().flat_map(|(batch, matrix)| {
        let mut sums = SmallSums::new(inner);
        let rows = matrix.chunks(inner.max(1)).enumerate();
        rows.for_each(|(row, elements)| sums.add(elements, weight(batch, row)));
        sums.finish()
    });
    folded.collect()
}

/// Inner dimension and number of columns of a product.
pub(crate) fn sizes(key: &VerifyingKey, product: &Product) -> Option<(usize, usize)> {
    let right = key.analysis().nodes.get(product.right)?;
    let &[_, width, inner] = right.shape.as_slice() else { return None };
    Some((inner, width))
}

/// `σ^p` times the column factors, where there are any.
pub(crate) fn column_weights(sigma: &[Fp], factors: &[i64]) -> Vec<Fp> {
    if factors.is_empty() {
        return sigma.to_vec();
    }
    sigma.iter().zip(factors).map(|(power, &factor)| *power * integer(factor)).collect()
}
