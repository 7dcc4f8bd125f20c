//! Activation: a requantisation that divides by nothing. Cells: 2 per element (argument and
//! result), one lookup.

use zkinfer_models::integer::graph::{Function, Node};
use zkinfer_verifier::circuit::description::NodeId;

use super::lowering::Lowering;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    function: &Function,
) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    Ok(lowering.builder.requantise(operand.node, 0, function))
}
