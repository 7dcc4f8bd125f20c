//! Checks of scales by index: one for each index, and numbers that can be read.

use super::site::ACCUMULATOR_LIMIT;
use crate::integer::graph::{Parts, Quantisation};

pub(super) fn check(shape: &[usize], parts: &Parts) -> Result<(), String> {
    let axis = parts.axis;
    let Some(&length) = shape.get(axis) else {
        return Err(format!("scales along dimension {axis} of {shape:?}, which does not exist"));
    };
    if parts.each.len() != length {
        let count = parts.each.len();
        return Err(format!("{count} scales for the {length} indices of dimension {axis}"));
    }
    for (index, &Quantisation { scale, zero_point }) in parts.each.iter().enumerate() {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(format!("scale {scale} at index {index} is not positive and finite"));
        }
        if i128::from(zero_point).abs() >= ACCUMULATOR_LIMIT {
            return Err(format!("zero point {zero_point} at index {index} has more than 62 bits"));
        }
    }
    Ok(())
}
