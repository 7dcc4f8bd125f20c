//! Slice and Pad: operators whose arguments moved from attributes to inputs (opset 10 and 11).

use crate::float::graph::Operator;
use crate::onnx::build::importer::{Importer, Operand, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Slice", &["axes", "ends", "starts"], slice).takes_constants(),
    Registration::new("Pad", &["mode", "pads", "value"], pad),
];

fn slice<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let list = |name: &str, index: usize| -> Result<Option<Vec<i64>>, Stop> {
        match call.opset {
            ..10 => Ok(call.ints(name)?.map(<[i64]>::to_vec)),
            _ => importer.integers(call, index),
        }
    };
    let missing = || Stop::because("its `starts` or `ends` are missing");
    let starts = list("starts", 1)?.ok_or_else(missing)?;
    let ends = list("ends", 2)?.ok_or_else(missing)?;
    let axes = list("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = match call.opset {
        ..10 => None,
        _ => importer.integers(call, 4)?,
    };
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [&ends, &axes, &steps].iter().any(|list| list.len() != starts.len()) {
        return Err(Stop::because("its starts, ends, axes and steps differ in number"));
    }
    let mut operand = importer.operand(call, 0)?;
    for index in 0..starts.len() {
        let mut shape = importer.shape_of(&operand);
        let axis = axis(axes[index], shape.len())?;
        if steps[index] == 0 {
            return Err(Stop::because("one of its steps is 0"));
        }
        let Some((start, count)) = section(starts[index], ends[index], steps[index], shape[axis])
        else {
            // Nothing is left, and nothing is known.
            shape[axis] = 0;
            operand = Operand::Constant(importer.nothing(call, &shape).into());
            continue;
        };
        // A step beyond the dimension is only reached with one element, where it does not matter.
        let length = shape[axis] as i64;
        let step = steps[index].clamp(-length, length) as isize;
        if (start, step, count) == (0, 1, shape[axis]) {
            continue;
        }
        shape[axis] = count;
        operand = match operand {
            Operand::Computed(id) => {
                let operator = Operator::Slice { axis, start, step };
                Operand::Computed(importer.push(call, operator, vec![id], shape)?)
            }
            Operand::Constant(constant) => {
                Operand::Constant(constant.slice(axis, start, step, count).into())
            }
        };
    }
    match operand {
        Operand::Computed(id) => importer.define(call, id),
        Operand::Constant(constant) => importer.define_shared(call, constant),
    }
}

/// First index and number of elements of ONNX's `start..end` in steps; `None` if there are none.
fn section(start: i64, end: i64, step: i64, length: usize) -> Option<(usize, usize)> {
    if length == 0 || step == 0 {
        return None;
    }
    let length = length as i64;
    let from_front = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let (start, end) = (from_front(start), from_front(end));
    let count = if step > 0 {
        let (start, end) = (start.clamp(0, length), end.clamp(0, length));
        (end - start).max(0) as u64
    } else {
        let (start, end) = (start.clamp(0, length - 1), end.clamp(-1, length - 1));
        (start - end).max(0) as u64
    };
    let count = count.div_ceil(step.unsigned_abs());
    let start = start.clamp(0, length - 1) as usize;
    (count > 0).then_some((start, count as usize))
}

fn pad<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let mode = call.string("mode", "constant")?;
    let mut value = importer.computed(call, 0)?;
    let shape = importer.graph.shape(value).to_vec();
    let rank = shape.len();
    let (pads, filling, axes) = match call.opset {
        ..11 => {
            let pads = call.ints("pads")?.map(<[i64]>::to_vec);
            (pads, call.float("value", 0.0)?, None)
        }
        _ => {
            let filling = importer.optional_constant(call, 2)?;
            let filling = filling.and_then(|constant| constant.numbers().first().copied());
            (
                importer.integers(call, 1)?,
                filling.unwrap_or(0.0) as f32,
                importer.integers(call, 3)?,
            )
        }
    };
    if filling.is_nan() {
        return Err(Stop::because("its padding value is NaN, expected a number"));
    }
    let pads = pads.ok_or_else(|| Stop::because("its pads are missing"))?;
    let axes = axes.unwrap_or_else(|| (0..rank as i64).collect());
    if pads.len() != 2 * axes.len() {
        return Err(Stop::Because(format!(
            "its pads are {pads:?}, expected {} numbers",
            2 * axes.len()
        )));
    }
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    for (index, &axis_number) in axes.iter().enumerate() {
        let axis = axis(axis_number, rank)?;
        let sides = [pads[index], pads[axes.len() + index]];
        if sides.iter().any(|side| side.unsigned_abs() > 1 << 26) {
            return Err(Stop::because("its pads are too large"));
        }
        // What a negative pad cuts off, and what the other modes repeat, are elements chosen by
        // index.
        let constant = mode == "constant";
        let [start, end] = if constant { sides.map(|side| side.min(0)) } else { sides };
        let length = shape[axis] as i64;
        if start > 0 || end > 0 {
            let mut longer = importer.graph.shape(value).to_vec();
            longer[axis] =
                usize::try_from(length + start.max(0) + end.max(0)).unwrap_or(usize::MAX);
            importer.fits(&longer)?;
        }
        let chosen: Option<Vec<usize>> =
            (-start..length + end).map(|index| element(index, length, &mode)).collect();
        let chosen =
            chosen.ok_or_else(|| Stop::Because(format!("attribute `mode` is {mode:?}")))?;
        if chosen.is_empty() {
            return Err(Stop::Because(format!(
                "its pads {pads:?} leave nothing of dimension {axis} of {shape:?}"
            )));
        }
        value = importer.gather(call, value, axis, &chosen)?;
        if constant {
            [before[axis], after[axis]] = sides.map(|side| side.max(0) as usize);
        }
    }
    if before.iter().chain(&after).any(|&size| size > 0) {
        let padded = importer.graph.shape(value).iter().zip(before.iter().zip(&after));
        let padded = padded.map(|(length, (before, after))| before + length + after).collect();
        value = importer.push(
            call,
            Operator::Pad { before, after, value: filling },
            vec![value],
            padded,
        )?;
    }
    importer.define(call, value)
}

/// The element that stands at an index beyond the dimension or within it; `None` if there is no
/// such mode.
fn element(index: i64, length: i64, mode: &str) -> Option<usize> {
    let element = match mode {
        "constant" | "edge" => index.clamp(0, length - 1),
        "wrap" => index.rem_euclid(length),
        "reflect" if length == 1 => 0,
        "reflect" => {
            let period = 2 * (length - 1);
            let place = index.rem_euclid(period);
            if place < length { place } else { period - place }
        }
        _ => return None,
    };
    usize::try_from(element).ok()
}

#[cfg(test)]
mod tests {
    use super::{element, section};

    #[test]
    fn padding_repeats_elements() {
        let padded = |mode| (-3..6).filter_map(|index| element(index, 3, mode)).collect::<Vec<_>>();
        assert_eq!(padded("edge"), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(padded("wrap"), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!(padded("reflect"), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(element(0, 3, "other"), None);
    }

    #[test]
    fn sections_follow_onnx() {
        assert_eq!(section(1, 4, 1, 5), Some((1, 3)));
        assert_eq!(section(0, i64::MAX, 2, 5), Some((0, 3)));
        assert_eq!(section(-2, i64::MAX, 1, 5), Some((3, 2)));
        assert_eq!(section(-1, i64::MIN, -1, 5), Some((4, 5)));
        assert_eq!(section(3, 0, -2, 5), Some((3, 2)));
        assert_eq!(section(3, 3, 1, 5), None);
        assert_eq!(section(5, 9, 1, 5), None);
        assert_eq!(section(0, 5, 0, 5), None);
    }
}
