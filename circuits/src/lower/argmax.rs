//! ArgMax: no node but a kind of output. Cells: the limbs of one gap per element compared.

use zkinfer_models::quantised::Node;
use zkinfer_verifier::description::OutputSource;

use super::Context;
use crate::error::Error;

pub(super) fn lower(
    context: &mut Context<'_>,
    node: &Node,
    axis: usize,
    select_last: bool,
) -> Result<OutputSource, Error> {
    let operand = context.only_operand(node)?;
    let input = context.builder.reshape(operand.node, operand.shape);
    Ok(OutputSource::ArgMax { input, axis, select_last })
}
