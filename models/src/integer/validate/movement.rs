//! Checks of the operators that choose or move elements: MaxPool, views, Pad, Concat, ArgMax, TopK.

use super::site::{Bounds, Last, Site, is_activation};
use crate::integer::graph::{Operator, Window};
use crate::tensor::window::{element_count, with_plane};

pub(super) fn check(site: &Site<'_>) -> Result<Bounds, String> {
    let shape = site.shape(0).to_vec();
    let bounds = site.bounds(0);
    if let Operator::ArgMax { axis, .. } = site.node.operator {
        return arg_max(site, &shape, axis);
    }
    match site.node.operator {
        Operator::TopK { axis, indices, .. } => return top(site, &shape, axis, indices),
        // The integers may be read anew; only an accumulator's zero is zero.
        Operator::Reshape if bounds.last == Last::No => {}
        Operator::Reshape => _ = site.raw(0)?,
        _ => site.expect_same_quantisation(0..site.node.inputs.len())?,
    }
    match &site.node.operator {
        Operator::MaxPool { window } => max_pool(site, &shape, window)?,
        Operator::Reshape => {
            if element_count(&shape) != element_count(&site.node.shape) {
                return Err(format!("{shape:?} cannot become {:?}", site.node.shape));
            }
        }
        Operator::Transpose { permutation } => {
            let mut seen = permutation.clone();
            seen.sort_unstable();
            if !seen.into_iter().eq(0..shape.len()) {
                return Err(format!(
                    "{permutation:?} is not a permutation of {} dimensions",
                    shape.len()
                ));
            }
            let moved: Vec<usize> = permutation.iter().map(|&axis| shape[axis]).collect();
            site.expect_shape(&moved)?;
        }
        Operator::Slice { axis, start, step } => slice(site, &shape, *axis, *start, *step)?,
        Operator::Pad { before, after, value } => {
            pad(site, &shape, before, after)?;
            if !is_activation(*value) {
                return Err(format!("padding value {value} has more than 16 bits"));
            }
            return Ok(Bounds {
                minimum: bounds.minimum.min(*value),
                maximum: bounds.maximum.max(*value),
                last: bounds.last,
            });
        }
        Operator::Concat { axis } => return concat(site, *axis),
        other => return Err(format!("{} does not move elements", other.name())),
    }
    Ok(bounds)
}

fn max_pool(site: &Site<'_>, shape: &[usize], window: &Window) -> Result<(), String> {
    let (input, output) = site.planes(window)?;
    site.expect_shape(&with_plane(shape, shape[1], output))?;
    if window.never_empty(input) { Ok(()) } else { Err("a window lies entirely on padding".into()) }
}

fn slice(
    site: &Site<'_>,
    shape: &[usize],
    axis: usize,
    start: usize,
    step: isize,
) -> Result<(), String> {
    let declared = &site.node.shape;
    let (Some(&length), Some(&count)) = (shape.get(axis), declared.get(axis)) else {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    };
    let mut sliced = shape.to_vec();
    sliced[axis] = count;
    site.expect_shape(&sliced)?;
    let last = isize::try_from(count - 1)
        .ok()
        .and_then(|steps| step.checked_mul(steps))
        .and_then(|offset| start.checked_add_signed(offset));
    if start >= length || last.is_none_or(|last| last >= length) {
        return Err(format!(
            "elements {start}, {start}+({step}), … leave dimension {axis} of {shape:?}"
        ));
    }
    Ok(())
}

fn pad(site: &Site<'_>, shape: &[usize], before: &[usize], after: &[usize]) -> Result<(), String> {
    if before.len() != shape.len() || after.len() != shape.len() {
        return Err(format!("{}+{} pads for shape {shape:?}", before.len(), after.len()));
    }
    let padded: Option<Vec<usize>> = (0..shape.len())
        .map(|axis| before[axis].checked_add(shape[axis])?.checked_add(after[axis]))
        .collect();
    site.expect_shape(&padded.ok_or("pads overflow")?)
}

fn concat(site: &Site<'_>, axis: usize) -> Result<Bounds, String> {
    let mut shape = site.shape(0).to_vec();
    let mut bounds = site.bounds(0);
    if axis >= shape.len() {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    }
    for input in 1..site.node.inputs.len() {
        let next = site.shape(input);
        let agree = next.len() == shape.len()
            && (0..shape.len()).all(|other| other == axis || next[other] == shape[other]);
        if !agree {
            return Err(format!("{next:?} cannot follow {shape:?} along dimension {axis}"));
        }
        shape[axis] =
            shape[axis].checked_add(next[axis]).ok_or("its inputs together are too long")?;
        let other = site.bounds(input);
        bounds.minimum = bounds.minimum.min(other.minimum);
        bounds.maximum = bounds.maximum.max(other.maximum);
        if other.last != Last::No {
            bounds.last = other.last;
        }
    }
    site.expect_shape(&shape)?;
    Ok(bounds)
}

fn arg_max(site: &Site<'_>, shape: &[usize], axis: usize) -> Result<Bounds, String> {
    let Some(&length) = shape.get(axis) else {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    };
    let mut kept = shape.to_vec();
    kept[axis] = 1;
    let mut dropped = shape.to_vec();
    dropped.remove(axis);
    if site.node.shape != dropped {
        site.expect_shape(&kept)?;
    }
    let quantisation = site.node.quantisation;
    if quantisation.scale != 1.0 || quantisation.zero_point != 0 {
        return Err("an index needs scale 1 and zero point 0".into());
    }
    Ok(Bounds { minimum: 0, maximum: length as i64 - 1, last: Last::Index })
}

fn top(site: &Site<'_>, shape: &[usize], axis: usize, indices: bool) -> Result<Bounds, String> {
    let (Some(&length), Some(&count)) = (shape.get(axis), site.node.shape.get(axis)) else {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    };
    let mut kept = shape.to_vec();
    kept[axis] = count;
    site.expect_shape(&kept)?;
    if count > length {
        return Err(format!("{count} of {length} elements"));
    }
    let quantisation = site.node.quantisation;
    if !indices {
        site.expect_same_quantisation(0..1)?;
        return Ok(site.bounds(0));
    }
    let last = length as i64 - 1;
    if quantisation.scale != 1.0 || quantisation.zero_point != 0 || !is_activation(last) {
        return Err("an index needs scale 1, zero point 0 and at most 16 bits".into());
    }
    Ok(Bounds { minimum: 0, maximum: last, last: Last::No })
}
