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
    // Summands that agree on a shape are read as they stand. Accumulators stand as they are in any
    // case: their rows are those that the cotangent of the division has a factor for.
    let summed = (0..terms.len()).find(|&index| lowering.is_accumulator(node, index));
    let common = lowering.builder.shape(terms.get(summed.unwrap_or(0)).map_or(0, |term| term.0));
    let common = common.to_vec();
    let agree = terms.iter().all(|&(term, _)| lowering.builder.shape(term) == common);
    if !agree {
        let shape = if summed.is_some() { &common } else { &node.shape };
        for (term, _) in &mut terms {
            *term = lowering.builder.reshape(*term, shape);
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
    let mut accumulator = lowering.builder.combine(terms, constant);
    // Two divisions would read a product of committed values twice.
    if lowering.sealed && summed.is_some() && rescale::divides_twice(requantise) {
        accumulator = lowering.builder.copy(accumulator);
    }
    Ok(rescale::requantise(lowering, accumulator, requantise))
}
