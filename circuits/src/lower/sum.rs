//! Sum: one combination, no cells; then `limbs + 2` or `limbs + 4` cells per element for the
//! requantisation.

use zkinfer_models::integer::graph::{Node, Requantise};
use zkinfer_verifier::circuit::description::NodeId;

use super::lowering::Lowering;
use super::rescale;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    multipliers: &[i64],
    constant: &[i64],
    requantise: &Requantise,
) -> Result<NodeId, Error> {
    if multipliers.len() != node.inputs.len() {
        return Err(lowering.malformed("it has one multiplier per summand"));
    }
    let overflow = || Error::Overflow { node: node.name.clone() };
    let mut offset = rescale::offset(requantise).ok_or_else(overflow)?;
    let mut terms = Vec::new();
    for (index, &multiplier) in multipliers.iter().enumerate() {
        let operand = lowering.operand(node, index)?;
        if operand.shape != node.shape {
            return Err(lowering.malformed("its summands have its shape"));
        }
        let centre = multiplier.checked_mul(operand.zero_point);
        offset = centre.and_then(|centre| offset.checked_sub(centre)).ok_or_else(overflow)?;
        terms.push((operand.node, multiplier));
    }
    // Summands that agree on a shape are read as they stand.
    let first = terms.first().map_or(0, |&(first, _)| first);
    if terms.iter().any(|&(term, _)| lowering.builder.shape(term) != lowering.builder.shape(first))
    {
        for (term, _) in &mut terms {
            *term = lowering.builder.reshape(*term, &node.shape);
        }
    }
    let mut constant: Vec<i64> = match constant {
        [] => vec![offset],
        constants if constants.len() != node.shape.iter().product::<usize>() => {
            return Err(lowering.malformed("it has one constant per element, or none"));
        }
        constants => {
            let sums =
                constants.iter().map(|constant| constant.checked_add(offset).ok_or_else(overflow));
            sums.collect::<Result<_, _>>()?
        }
    };
    if constant.iter().all(|value| Some(value) == constant.first()) {
        constant.truncate(1);
    }
    let accumulator = lowering.builder.combine(terms, constant);
    Ok(rescale::requantise(lowering, accumulator, requantise))
}
