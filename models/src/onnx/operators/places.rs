//! Which elements indices mean: of one dimension (GatherElements, ScatterElements), or of several
//! at once (GatherND, ScatterND).

use super::fold::indices;
use crate::onnx::error::Stop;
use crate::onnx::read::constant::Constant;

/// Elements between neighbours along each dimension.
fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

/// The place that each index means: its own, but for the dimension that it is an index of.
pub(super) fn along(chosen: &Constant, shape: &[usize], axis: usize) -> Result<Vec<usize>, Stop> {
    let counts = chosen.shape();
    let fits = counts.len() == shape.len()
        && (0..shape.len()).all(|other| other == axis || counts[other] <= shape[other]);
    if !fits {
        return Err(Stop::Because(format!(
            "indices of shape {counts:?} for shape {shape:?} and axis {axis}"
        )));
    }
    let (from, to) = (strides(counts), strides(shape));
    let place = |(place, index): (usize, usize)| {
        (0..shape.len()).fold(index * to[axis], |sum, other| match other == axis {
            true => sum,
            false => sum + place / from[other] % counts[other] * to[other],
        })
    };
    Ok(indices(chosen, shape[axis])?.into_iter().enumerate().map(place).collect())
}

/// Where the block begins that each tuple of indices means, and the shape of a block. The first
/// `batches` dimensions are those of the tuples' own places.
pub(super) fn tuples(
    chosen: &Constant,
    shape: &[usize],
    batches: usize,
) -> Result<(Vec<usize>, Vec<usize>), Stop> {
    let counts = chosen.shape();
    let wrong = || {
        Stop::Because(format!(
            "indices of shape {counts:?} for shape {shape:?}, {batches} of its dimensions batches"
        ))
    };
    let (&length, outer) = counts.split_last().ok_or_else(wrong)?;
    let depth = batches.checked_add(length).filter(|&depth| depth <= shape.len());
    let depth = depth.filter(|_| batches <= outer.len() && outer[..batches] == shape[..batches]);
    let depth = depth.ok_or_else(wrong)?;
    let strides = strides(shape);
    let listed = chosen.integers()?;
    let tuples_each: usize = outer[batches..].iter().product();
    let batch: usize = shape[batches..].iter().product();
    let mut begins = Vec::with_capacity(outer.iter().product());
    for place in 0..outer.iter().product() {
        let mut begin = place / tuples_each.max(1) * batch;
        for (dimension, &index) in
            (batches..depth).zip(listed.iter().skip(place * length).take(length))
        {
            let size = shape[dimension] as i64;
            let from_front = if index < 0 { index + size } else { index };
            if !(0..size).contains(&from_front) {
                return Err(Stop::Because(format!(
                    "index {index} is outside a dimension of {size}"
                )));
            }
            begin += from_front as usize * strides[dimension];
        }
        begins.push(begin);
    }
    Ok((begins, shape[depth..].to_vec()))
}
