//! Product, Binary and Select: operators on activations element by element.
//!
//! **Product** is one of committed values, real zero taken off both. Cells: 2 per element, its
//! operands, in no lookup; then the requantisation's.
//!
//! **Binary** looks `counts[1]·a + b` up: 2 cells per element, and a table of `counts[0]·counts[1]`
//! rows.
//!
//! **Select** is `no + f(yes − no + condition·(2·spread + 1))`, where `f` is zero up to `spread`,
//! which no difference exceeds, and gives the difference back beyond: 2 cells per element.

use zkinfer_models::integer::graph::{BinaryFunction, Function, Node, Requantise};
use zkinfer_verifier::circuit::description::NodeId;

use super::builder::Builder;
use super::lowering::{Lowering, Operand};
use super::{extremum, rescale};
use crate::error::Error;

/// Most pairs of operands that a table has a row for.
const MAX_PAIRS: i128 = 1 << 18;

pub(super) fn product(
    lowering: &mut Lowering<'_>,
    node: &Node,
    multiplier: i64,
    requantise: Option<&Requantise>,
) -> Result<NodeId, Error> {
    let operands: [Operand<'_>; 2] = lowering
        .operands(node)?
        .try_into()
        .map_err(|_| lowering.malformed("it reads two values"))?;
    let offset = requantise.map_or(Some(0), rescale::offset);
    let offset = offset.ok_or_else(|| Error::Overflow { node: node.name.clone() })?;
    let builder = &mut lowering.builder;
    let [left, right] = operands.map(|operand| builder.centred(operand.node, operand.zero_point));
    let product = builder.hadamard(left, right);
    let Some(requantise) = requantise else {
        let scaled = |builder: &mut Builder| builder.combine(vec![(product, multiplier)], vec![0]);
        return Ok(if multiplier == 1 { product } else { scaled(builder) });
    };
    let accumulator = builder.combine(vec![(product, multiplier)], vec![offset]);
    Ok(rescale::requantise(lowering, accumulator, requantise))
}

pub(super) fn binary(
    lowering: &mut Lowering<'_>,
    node: &Node,
    function: &BinaryFunction,
) -> Result<NodeId, Error> {
    let [left, right] = lowering
        .operands(node)?
        .try_into()
        .map_err(|_| lowering.malformed("it reads two values"))?;
    // The whole range of the right operand fits between two values of the left one; the table
    // saturates as the function does.
    let (rows, columns) = (lowering.range(left.node)?, lowering.range(right.node)?);
    let width = i64::try_from(columns.count()).unwrap_or(i64::MAX);
    if rows.count().saturating_mul(width.into()) > MAX_PAIRS {
        return Err(Error::WideMaximum { node: node.name.clone() });
    }
    let pairs = (rows.minimum..=rows.maximum)
        .flat_map(|a| (columns.minimum..=columns.maximum).map(move |b| (a, b)));
    let values = pairs.map(|(a, b)| function.apply(a, b)).collect();
    let table = Function { minimum: rows.minimum * width + columns.minimum, values };
    let index = lowering.builder.combine(vec![(left.node, width), (right.node, 1)], Vec::new());
    Ok(lowering.builder.requantise(index, 0, &table))
}

pub(super) fn select(lowering: &mut Lowering<'_>, node: &Node) -> Result<NodeId, Error> {
    let [condition, yes, no] = lowering
        .operands(node)?
        .try_into()
        .map_err(|_| lowering.malformed("it reads three values"))?;
    let range = extremum::range(lowering, yes.node)?.union(extremum::range(lowering, no.node)?);
    let spread = range.maximum - range.minimum;
    let step = 2 * spread + 1;
    let zeros = (-spread..=spread).map(|_| 0);
    let function = Function { minimum: -spread, values: zeros.chain(-spread..=spread).collect() };
    let terms = vec![(yes.node, 1), (no.node, -1), (condition.node, step)];
    let difference = lowering.builder.combine(terms, Vec::new());
    let chosen = lowering.builder.requantise(difference, 0, &function);
    let result = lowering.builder.combine(vec![(no.node, 1), (chosen, 1)], Vec::new());
    lowering.builder.narrow(result, range);
    Ok(result)
}
