//! Sum: one combination, no cells; then `limbs + 2` or `limbs + 4` cells per element for the
//! requantisation.
//!
//! Sums of a Linear over many positions stand features first, as the contraction makes them: then
//! all the sum does, and only its result is turned. So whatever divides it stands directly behind
//! the contraction, whose cotangent is of rank one, and the others, which are cells, are turned.

use zkinfer_models::integer::graph::{Node, Requantise};
use zkinfer_verifier::circuit::description::NodeId;

use super::linear::swap;
use super::lowering::Lowering;
use super::rescale;
use crate::error::Error;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    multipliers: &[i64],
    constant: &[i64],
    requantise: Option<&Requantise>,
) -> Result<NodeId, Error> {
    if multipliers.len() != node.inputs.len() {
        return Err(lowering.malformed("it has one multiplier per summand"));
    }
    let overflow = || Error::Overflow { node: node.name.clone() };
    let mut offset = requantise.map_or(Some(0), rescale::offset).ok_or_else(overflow)?;
    let features = node.shape.last().copied().unwrap_or(1);
    let positions = node.shape.iter().rev().skip(1).product::<usize>();
    let turned = node.inputs.iter().any(|&value| lowering.turned(value).is_some());
    let mut terms = Vec::new();
    for (index, &multiplier) in multipliers.iter().enumerate() {
        let stands = node.inputs.get(index).and_then(|&value| lowering.turned(value));
        if let Some(stands) = stands {
            terms.push((stands, multiplier));
            continue;
        }
        let mut operand = lowering.operand(node, index)?;
        if operand.shape != node.shape {
            return Err(lowering.malformed("its summands have its shape"));
        }
        let centre = multiplier.checked_mul(operand.zero_point);
        offset = centre.and_then(|centre| offset.checked_sub(centre)).ok_or_else(overflow)?;
        if turned {
            operand.node = swap(lowering, operand.node, positions, features);
            operand.node = lowering.builder.reshape(operand.node, &[features, 1, positions]);
        }
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
    if turned && constant.len() > 1 {
        let columns = (0..features).flat_map(|feature| (0..positions).map(move |p| (p, feature)));
        constant = columns.map(|(p, feature)| constant[p * features + feature]).collect();
    }
    if constant.iter().all(|value| Some(value) == constant.first()) {
        constant.truncate(1);
    }
    let mut result = lowering.builder.combine(terms, constant);
    // Two divisions, or whoever reads accumulators, would read a product of committed values in
    // other ways than once.
    let read_otherwise = match requantise {
        Some(requantise) => rescale::divides_twice(requantise),
        None => turned || !lowering.is_put_out(result, &node.shape),
    };
    if lowering.sealed && summed.is_some() && read_otherwise {
        result = lowering.builder.copy(result);
    }
    if let Some(requantise) = requantise {
        result = rescale::requantise(lowering, result, requantise);
    }
    Ok(if turned { swap(lowering, result, features, positions) } else { result })
}
