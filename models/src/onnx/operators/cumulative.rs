//! CumSum, which is a triangular matrix, and CumProd.

use super::matrix::{along, zeros};
use crate::onnx::build::importer::{Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;
use crate::tensor::moves::from_elements;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("CumSum", &["exclusive", "reverse"], sums),
    Registration::new("CumProd", &["exclusive", "reverse"], products),
];

/// The dimension, and whether each element is left out of its own result, and whether the last one
/// comes first.
fn arguments(
    importer: &Importer<'_>,
    call: &Call<'_>,
    rank: usize,
) -> Result<(usize, bool, bool), Stop> {
    let along = importer.constant(call, 1)?.integers()?;
    let along = along.first().ok_or_else(|| Stop::because("its axis is empty"))?;
    Ok((axis(*along, rank)?, call.flag("exclusive", false)?, call.flag("reverse", false)?))
}

fn sums<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let (axis, exclusive, reverse) = arguments(importer, call, shape.len())?;
    let length = shape[axis];
    let mut matrix = zeros(importer, length, length)?;
    for (index, element) in matrix.iter_mut().enumerate() {
        let (to, from) = (index / length, index % length);
        let (early, late) = if reverse { (to, from) } else { (from, to) };
        if early < late || (early == late && !exclusive) {
            *element = 1.0;
        }
    }
    let value = along(importer, call, input, axis, (matrix, vec![0.0; length]))?;
    importer.define(call, value)
}

fn products<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let (axis, exclusive, reverse) = arguments(importer, call, shape.len())?;
    let mut parts = importer.parts(call, input, axis)?;
    if reverse {
        parts.reverse();
    }
    let mut results = Vec::with_capacity(parts.len());
    if exclusive {
        let mut single = shape;
        single[axis] = 1;
        let ones = from_elements(&single, vec![1.0; single.iter().product()]);
        let ones = Operand::Constant(Constant::Float(ones).into());
        results.push(importer.value(call, ones, &single)?);
        parts.pop();
    }
    let mut product = None;
    for part in parts {
        let next = match product {
            None => part,
            Some(before) => importer.multiply(call, [before, part])?,
        };
        results.push(next);
        product = Some(next);
    }
    if reverse {
        results.reverse();
    }
    let value = importer.concat(call, results, axis)?;
    importer.define(call, value)
}
