//! Linear: a contraction with a kernel of one element, features as channels and all other
//! dimensions as positions.
//!
//! With one position (the usual fully connected layer) that is a reshape. With several, `[.., T]`
//! is transposed to `[T, positions]` and the result back, unless a Sum adds it up as it stands:
//! views, no cells. Requantisation: `limbs + 2` or `limbs + 4` cells per output.

use zkinfer_models::integer::graph::{Node, Window};
use zkinfer_verifier::circuit::description::{NodeId, ViewKind};

use super::convolution::slide;
use super::lowering::{Lowering, Value};
use super::rescale::Affine;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    terms: Affine<'_>,
) -> Result<Value, Error> {
    let operand = lowering.only_operand(node)?;
    let Some((&features, others)) = operand.shape.split_last() else {
        return Err(lowering.malformed("it needs at least one dimension"));
    };
    let positions: usize = others.iter().product();
    let rows = terms.multipliers.len();
    let mut input = lowering.builder.centred(operand.node, operand.zero_point);
    if positions > 1 {
        input = swap(lowering, input, positions, features);
    }
    let input = lowering.builder.reshape(input, &[features, 1, positions]);
    let window = Window { kernel: [1, 1], strides: [1, 1], pads: [0; 4], dilations: [1, 1] };
    let turned = positions > 1 && lowering.is_turned(lowering.values.len());
    let mut result = terms.contract(
        lowering,
        slide(input, &window, 1, rows),
        [rows, 1, positions],
        positions > 1 && !turned,
    )?;
    if turned {
        return Ok(Value::Turned(result));
    }
    if positions > 1 {
        result = swap(lowering, result, rows, positions);
    }
    Ok(Value::Node(result))
}

/// The elements of `node` as a matrix of `rows` by `columns`, transposed.
pub(super) fn swap(
    lowering: &mut Lowering<'_>,
    node: NodeId,
    rows: usize,
    columns: usize,
) -> NodeId {
    let matrix = lowering.builder.reshape(node, &[rows, columns]);
    lowering.builder.view(&[matrix], ViewKind::Transpose(vec![1, 0]), vec![columns, rows])
}
