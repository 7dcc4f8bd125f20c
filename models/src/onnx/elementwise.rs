//! Add, Sub, Concat.

use ndarray::ArrayD;

use super::Registration;
use super::call::{Call, axis};
use super::constant::Constant;
use super::importer::{Importer, Operand, Stop};
use crate::graph::Operator;
use crate::quantised::ValueId;

pub(super) const OPERATORS: &[Registration] = &[
    Registration { name: "Add", attributes: &[], import: |importer, call| add(importer, call, false) },
    Registration { name: "Sub", attributes: &[], import: |importer, call| add(importer, call, true) },
    Registration { name: "Concat", attributes: &["axis"], import: concat },
];

/// `a + b`, or with `subtract` `a − b`.
fn add<'a>(importer: &mut Importer<'a>, call: &Call<'a>, subtract: bool) -> Result<(), Stop> {
    let operands = [importer.operand(call, 0)?, importer.operand(call, 1)?];
    let shapes = operands.each_ref().map(|operand| match operand {
        Operand::Computed(id) => importer.graph.shape(*id).to_vec(),
        Operand::Constant(constant) => constant.shape().to_vec(),
    });
    let shape = broadcast(&shapes[0], &shapes[1])
        .ok_or_else(|| Stop::Because(format!("shapes {:?} and {:?} do not broadcast", shapes[0], shapes[1])))?;
    let mut inputs: Vec<ValueId> = Vec::new();
    let mut signs = Vec::new();
    let mut constant: Option<ArrayD<f32>> = None;
    for (operand, negate) in operands.into_iter().zip([false, subtract]) {
        match operand {
            Operand::Computed(id) => {
                inputs.push(importer.expand(call, id, &shape)?);
                signs.push(negate);
            }
            Operand::Constant(tensor) => {
                let term = full(&tensor, &shape, negate)?;
                constant = Some(match constant {
                    None => term,
                    Some(other) => other + term,
                });
            }
        }
    }
    if let (true, Some(constant)) = (inputs.is_empty(), &constant) {
        return importer.define_constant(call, Constant::Float(constant.clone()));
    }
    let operator = Operator::Add {
        subtract: signs,
        constant: constant.map_or(Vec::new(), |constant| constant.iter().copied().collect()),
    };
    let value = importer.push(call, operator, inputs, shape)?;
    importer.define(call, value)
}

/// A constant broadcast to a shape, perhaps negated.
fn full(constant: &Constant, shape: &[usize], negate: bool) -> Result<ArrayD<f32>, Stop> {
    let finite = constant.finite();
    let tensor = finite.map_err(|problem| format!("its constant operand: {problem}"))?;
    let view = tensor.broadcast(shape).ok_or_else(|| {
        Stop::Because(format!("a constant of shape {:?} does not broadcast to {shape:?}", tensor.shape()))
    })?;
    let sign = if negate { -1.0 } else { 1.0 };
    Ok(view.mapv(|x| sign * x))
}

/// The shape that two shapes broadcast to; at most as large as what they are made of allows the rest of the import.
fn broadcast(left: &[usize], right: &[usize]) -> Option<Vec<usize>> {
    let rank = left.len().max(right.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let lengths = (0..rank).map(|axis| match (length(left, axis), length(right, axis)) {
        (left, right) if left == right => Some(left),
        (1, other) | (other, 1) => Some(other),
        _ => None,
    });
    let shape: Vec<usize> = lengths.collect::<Option<_>>()?;
    crate::window::element_count(&shape)?;
    Some(shape)
}

fn concat<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let inputs =
        (0..call.node.input.len()).map(|index| importer.computed(call, index)).collect::<Result<Vec<_>, _>>()?;
    let Some(&first) = inputs.first() else {
        return Err(Stop::because("it has no inputs"));
    };
    if !call.has("axis") {
        return Err(Stop::because("attribute `axis` is missing"));
    }
    let mut shape = importer.graph.shape(first).to_vec();
    let axis = axis(call.int("axis", 0)?, shape.len())?;
    for &input in &inputs[1..] {
        let next = importer.graph.shape(input);
        let agree =
            next.len() == shape.len() && (0..shape.len()).all(|other| other == axis || next[other] == shape[other]);
        if !agree {
            return Err(Stop::Because(format!("{next:?} cannot follow {shape:?} along axis {axis}")));
        }
        shape[axis] += next[axis];
    }
    let value = match inputs.len() {
        1 => first,
        _ => importer.push(call, Operator::Concat { axis }, inputs, shape)?,
    };
    importer.define(call, value)
}

#[cfg(test)]
mod tests {
    use super::broadcast;

    #[test]
    fn shapes_broadcast_from_the_back() {
        assert_eq!(broadcast(&[1, 3, 1], &[4]), Some(vec![1, 3, 4]));
        assert_eq!(broadcast(&[], &[2]), Some(vec![2]));
        assert_eq!(broadcast(&[3], &[2]), None);
    }
}
