//! Convolution: one contraction, no cells; then `limbs + 2` or `limbs + 4` cells per output for the
//! requantisation.

use zkinfer_models::integer::graph::{Node, Window};
use zkinfer_verifier::circuit::description::{Contract, NodeId, Weights};

use super::lowering::Lowering;
use super::rescale::Affine;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    window: &Window,
    groups: usize,
    terms: Affine<'_>,
) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    let [planes, shape] = lowering.slide(window, operand.shape, &node.shape)?;
    let centred = lowering.builder.centred(operand.node, operand.zero_point);
    let input = lowering.builder.reshape(centred, &planes);
    terms.contract(lowering, slide(input, window, groups, shape[0]), shape, false)
}

/// A contraction that slides `window` over `input`, numbers still missing.
pub(super) fn slide(input: NodeId, window: &Window, groups: usize, rows: usize) -> Contract {
    Contract {
        input,
        rows,
        groups,
        kernel: window.kernel,
        strides: window.strides,
        pads: window.pads,
        dilations: window.dilations,
        weights: Weights::Public(Vec::new()),
        row_factors: Vec::new(),
        column_factors: Vec::new(),
        bias: Vec::new(),
    }
}
