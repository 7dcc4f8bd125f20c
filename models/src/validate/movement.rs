//! Checks of the operators that choose or move elements: MaxPool, views, Pad, Concat, ArgMax, TopK.

use super::{Bounds, Context, Last, is_activation};
use crate::quantised::{Operator, Window};
use crate::window::{element_count, with_plane};

pub(super) fn check(context: &Context<'_>) -> Result<Bounds, String> {
    let shape = context.shape(0).to_vec();
    let bounds = context.bounds(0);
    if let Operator::ArgMax { axis, .. } = context.node.operator {
        return arg_max(context, &shape, axis);
    }
    match context.node.operator {
        Operator::TopK { axis, indices, .. } => return top(context, &shape, axis, indices),
        // An accumulator's zero is zero; the integers of an activation may be read anew.
        Operator::Reshape if bounds.last == Last::No => {}
        _ => context.expect_same_quantisation(0..context.node.inputs.len())?,
    }
    match &context.node.operator {
        Operator::MaxPool { window } => max_pool(context, &shape, window)?,
        Operator::Reshape => {
            if element_count(&shape) != element_count(&context.node.shape) {
                return Err(format!("{shape:?} cannot become {:?}", context.node.shape));
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
            context.expect_shape(&moved)?;
        }
        Operator::Slice { axis, start, step } => slice(context, &shape, *axis, *start, *step)?,
        Operator::Pad { before, after, value } => {
            pad(context, &shape, before, after)?;
            if !is_activation(*value) {
                return Err(format!("padding value {value} has more than 16 bits"));
            }
            return Ok(Bounds {
                minimum: bounds.minimum.min(*value),
                maximum: bounds.maximum.max(*value),
                last: bounds.last,
            });
        }
        Operator::Concat { axis } => return concat(context, *axis),
        other => return Err(format!("{} does not move elements", other.name())),
    }
    Ok(bounds)
}

fn max_pool(context: &Context<'_>, shape: &[usize], window: &Window) -> Result<(), String> {
    let (input, output) = context.planes(window)?;
    context.expect_shape(&with_plane(shape, shape[1], output))?;
    if window.never_empty(input) { Ok(()) } else { Err("a window lies entirely on padding".into()) }
}

fn slice(
    context: &Context<'_>,
    shape: &[usize],
    axis: usize,
    start: usize,
    step: isize,
) -> Result<(), String> {
    let declared = &context.node.shape;
    let (Some(&length), Some(&count)) = (shape.get(axis), declared.get(axis)) else {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    };
    let mut sliced = shape.to_vec();
    sliced[axis] = count;
    context.expect_shape(&sliced)?;
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

fn pad(
    context: &Context<'_>,
    shape: &[usize],
    before: &[usize],
    after: &[usize],
) -> Result<(), String> {
    if before.len() != shape.len() || after.len() != shape.len() {
        return Err(format!("{}+{} pads for shape {shape:?}", before.len(), after.len()));
    }
    let padded: Option<Vec<usize>> = (0..shape.len())
        .map(|axis| before[axis].checked_add(shape[axis])?.checked_add(after[axis]))
        .collect();
    context.expect_shape(&padded.ok_or("pads overflow")?)
}

fn concat(context: &Context<'_>, axis: usize) -> Result<Bounds, String> {
    let mut shape = context.shape(0).to_vec();
    let mut bounds = context.bounds(0);
    if axis >= shape.len() {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    }
    for input in 1..context.node.inputs.len() {
        let next = context.shape(input);
        let agree = next.len() == shape.len()
            && (0..shape.len()).all(|other| other == axis || next[other] == shape[other]);
        if !agree {
            return Err(format!("{next:?} cannot follow {shape:?} along dimension {axis}"));
        }
        shape[axis] =
            shape[axis].checked_add(next[axis]).ok_or("its inputs together are too long")?;
        let other = context.bounds(input);
        bounds.minimum = bounds.minimum.min(other.minimum);
        bounds.maximum = bounds.maximum.max(other.maximum);
    }
    context.expect_shape(&shape)?;
    Ok(bounds)
}

fn arg_max(context: &Context<'_>, shape: &[usize], axis: usize) -> Result<Bounds, String> {
    let Some(&length) = shape.get(axis) else {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    };
    let mut kept = shape.to_vec();
    kept[axis] = 1;
    let mut dropped = shape.to_vec();
    dropped.remove(axis);
    if context.node.shape != dropped {
        context.expect_shape(&kept)?;
    }
    let quantisation = context.node.quantisation;
    if quantisation.scale != 1.0 || quantisation.zero_point != 0 {
        return Err("an index needs scale 1 and zero point 0".into());
    }
    Ok(Bounds { minimum: 0, maximum: length as i64 - 1, last: Last::Index })
}

fn top(
    context: &Context<'_>,
    shape: &[usize],
    axis: usize,
    indices: bool,
) -> Result<Bounds, String> {
    let (Some(&length), Some(&count)) = (shape.get(axis), context.node.shape.get(axis)) else {
        return Err(format!("dimension {axis} of {shape:?} does not exist"));
    };
    let mut kept = shape.to_vec();
    kept[axis] = count;
    context.expect_shape(&kept)?;
    if count > length {
        return Err(format!("{count} of {length} elements"));
    }
    let quantisation = context.node.quantisation;
    if !indices {
        context.expect_same_quantisation(0..1)?;
        return Ok(context.bounds(0));
    }
    let last = length as i64 - 1;
    if quantisation.scale != 1.0 || quantisation.zero_point != 0 || !is_activation(last) {
        return Err("an index needs scale 1, zero point 0 and at most 16 bits".into());
    }
    Ok(Bounds { minimum: 0, maximum: last, last: Last::No })
}
