//! ArgMax and ArgMin: no node but a kind of output; the smallest element is the largest of the
//! negatives. Cells: the limbs of one gap per element compared.

use zkinfer_models::integer::graph::Node;
use zkinfer_verifier::circuit::description::OutputSource;

use super::lowering::Lowering;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    axis: usize,
    select_last: bool,
    smallest: bool,
) -> Result<OutputSource, Error> {
    let operand = lowering.only_operand(node)?;
    let mut input = lowering.builder.reshape(operand.node, operand.shape);
    if smallest {
        input = lowering.builder.combine(vec![(input, -1)], Vec::new());
    }
    Ok(OutputSource::ArgMax { input, axis, select_last })
}
