//! Values that are one for each row: sums, and the unique roots and reciprocals of these.
//!
//! Uniqueness is derived in `docs/argument/bounded.md`. Cells of a row: the limbs of three bounded
//! integers, and two factors of the product.

use zkinfer_models::integer::graph::Window;
use zkinfer_verifier::circuit::description::{Contract, Hint, NodeId, ViewKind, Weights};

use super::convolution::slide;
use super::lowering::Lowering;
use crate::error::Error;

/// Rows and columns.
pub(super) type Size = [usize; 2];

/// Bits of an integer, at least 1.
pub(super) fn bits(value: i64) -> u32 {
    (i64::BITS - value.max(0).leading_zeros()).max(1)
}

/// A value of each row at each of its columns: `[rows, columns]`.
pub(super) fn spread(lowering: &mut Lowering<'_>, node: NodeId, [rows, columns]: Size) -> NodeId {
    let builder = &mut lowering.builder;
    if columns == 1 {
        return builder.reshape(node, &[rows, 1]);
    }
    let line = builder.reshape(node, &[1, 1, rows]);
    let contract = Contract {
        weights: Weights::Public(vec![1; columns]),
        row_factors: vec![1; columns],
        bias: vec![0; columns],
        ..slide(line, &Window::unit(), 1, columns)
    };
    let spread = builder.contract(contract, [columns, 1, rows]);
    let spread = builder.reshape(spread, &[columns, rows]);
    builder.view(&[spread], ViewKind::Transpose(vec![1, 0]), vec![rows, columns])
}

/// The sum of each row: `[1, rows, 1]`.
pub(super) fn sums(lowering: &mut Lowering<'_>, node: NodeId, [rows, columns]: Size) -> NodeId {
    let builder = &mut lowering.builder;
    let plane = builder.reshape(node, &[1, rows, columns]);
    let contract = Contract {
        kernel: [1, columns],
        weights: Weights::Public(vec![1; columns]),
        row_factors: vec![1],
        bias: vec![0],
        ..slide(plane, &Window::unit(), 1, 1)
    };
    builder.contract(contract, [1, rows, 1])
}

/// Shows that a value, of at most so many bits if honest, is not negative. Gives the value.
fn not_negative(
    lowering: &mut Lowering<'_>,
    terms: &[(NodeId, i64)],
    constant: i64,
    bits: u32,
) -> NodeId {
    let value = lowering.builder.combine(terms.to_vec(), vec![constant]);
    lowering.builder.check(value, bits)
}

/// `⌊2^numerator / x⌋` of each row, for `x` of shape `[rows, 1, 1]`, at least `least` and at most
/// `most`, both at least 1.
pub(super) fn reciprocal(
    lowering: &mut Lowering<'_>,
    x: NodeId,
    numerator: u32,
    [least, most]: [i64; 2],
) -> Result<NodeId, Error> {
    if numerator > 60 || least < 1 {
        return Err(lowering.malformed("its reciprocals have at most 60 bits"));
    }
    let one = 1i64 << numerator;
    let rows = lowering.builder.shape(x)[0];
    let builder = &mut lowering.builder;
    let result = builder.hint(x, Hint::Reciprocal { bits: numerator }, bits(one / least));
    let product = builder.product(result, x, [rows, 1, 1]);
    let left = not_negative(lowering, &[(product, -1)], one, bits(most - 1));
    not_negative(lowering, &[(x, 1), (left, -1)], -1, bits(most - 1));
    Ok(result)
}

/// `⌊√(x + offset)⌋` of each row, for `x` of shape `[rows, 1, 1]`, which `x + offset` in `0..=most`
/// may be a product.
pub(super) fn root(
    lowering: &mut Lowering<'_>,
    x: NodeId,
    offset: i64,
    most: i64,
) -> Result<NodeId, Error> {
    let largest =
        most.checked_isqrt().ok_or_else(|| lowering.malformed("a root of less than 0"))?;
    let rows = lowering.builder.shape(x)[0];
    let builder = &mut lowering.builder;
    let result = builder.hint(x, Hint::Root { offset }, bits(largest));
    let square = builder.product(result, result, [rows, 1, 1]);
    let left = not_negative(lowering, &[(x, 1), (square, -1)], offset, bits(2 * largest));
    not_negative(lowering, &[(result, 2), (left, -1)], 0, bits(2 * largest));
    Ok(result)
}

/// Each element of `[rows, columns]` times the value of its row, `[rows, 1, 1]`: a product of
/// committed values, which one equation reads.
pub(super) fn scale(
    lowering: &mut Lowering<'_>,
    elements: NodeId,
    row: NodeId,
    [rows, columns]: Size,
) -> NodeId {
    let builder = &mut lowering.builder;
    let elements = builder.reshape(elements, &[rows, columns, 1]);
    builder.product(elements, row, [rows, columns, 1])
}
