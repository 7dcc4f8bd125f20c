//! Reshape, Transpose, Slice, Pad and Concat: views. No cells.
//!
//! **Constant**: an element of the network's first input, padded to the constant's size, times
//! zero, plus the constant. No cells either.

use zkinfer_models::integer::graph::Node;
use zkinfer_verifier::circuit::description::{NodeId, ViewKind};
use zkinfer_verifier::circuit::interval::Interval;

use super::lowering::Lowering;
use crate::error::Error;

pub(super) fn reshape(lowering: &mut Lowering<'_>, node: &Node) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    if operand.shape.iter().product::<usize>() != node.shape.iter().product::<usize>() {
        return Err(lowering.malformed("a reshape keeps the number of elements"));
    }
    // The elements stay as they are; whoever reads them asks for the shape.
    Ok(operand.node)
}

pub(super) fn transpose(
    lowering: &mut Lowering<'_>,
    node: &Node,
    permutation: &[usize],
) -> Result<NodeId, Error> {
    view(lowering, node, ViewKind::Transpose(permutation.to_vec()))
}

pub(super) fn slice(
    lowering: &mut Lowering<'_>,
    node: &Node,
    axis: usize,
    start: usize,
    step: isize,
) -> Result<NodeId, Error> {
    let missing = lowering.malformed("the axis of its slice does not exist");
    let count = *node.shape.get(axis).ok_or(missing)?;
    let step = i64::try_from(step)
        .map_err(|_| lowering.malformed("the step of its slice is too large"))?;
    view(lowering, node, ViewKind::Slice { axis, start, step, count })
}

pub(super) fn pad(
    lowering: &mut Lowering<'_>,
    node: &Node,
    before: &[usize],
    after: &[usize],
    value: i64,
) -> Result<NodeId, Error> {
    view(lowering, node, ViewKind::Pad { before: before.to_vec(), after: after.to_vec(), value })
}

pub(super) fn concat(
    lowering: &mut Lowering<'_>,
    node: &Node,
    axis: usize,
) -> Result<NodeId, Error> {
    view(lowering, node, ViewKind::Concat(axis))
}

/// A view of all operands in their ONNX shapes.
fn view(lowering: &mut Lowering<'_>, node: &Node, kind: ViewKind) -> Result<NodeId, Error> {
    let mut inputs = Vec::new();
    for index in 0..node.inputs.len() {
        let operand = lowering.operand(node, index)?;
        inputs.push(lowering.builder.reshape(operand.node, operand.shape));
    }
    Ok(lowering.builder.view(&inputs, kind, node.shape.clone()))
}

pub(super) fn constant(
    lowering: &mut Lowering<'_>,
    node: &Node,
    values: &[i64],
) -> Result<NodeId, Error> {
    let any = lowering.value(&node.name, 0)?;
    let (minimum, maximum) = (values.iter().min(), values.iter().max());
    let Some((&minimum, &maximum)) = minimum.zip(maximum) else {
        return Err(lowering.malformed("it has at least one element"));
    };
    let builder = &mut lowering.builder;
    let flat = builder.reshape(any.node, &[any.shape.iter().product()]);
    let one =
        builder.view(&[flat], ViewKind::Slice { axis: 0, start: 0, step: 1, count: 1 }, vec![1]);
    let padding = ViewKind::Pad { before: vec![0], after: vec![values.len() - 1], value: 0 };
    let padded =
        if values.len() > 1 { builder.view(&[one], padding, vec![values.len()]) } else { one };
    let shaped = builder.reshape(padded, &node.shape);
    let constant = builder.combine(vec![(shaped, 0)], values.to_vec());
    builder.narrow(constant, Interval { minimum, maximum });
    Ok(constant)
}
