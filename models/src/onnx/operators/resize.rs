//! Resize and Upsample: nearest elements, or linear interpolation one dimension after the other.

use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::limits;
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new(
        "Resize",
        &[
            "antialias",
            "axes",
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "keep_aspect_ratio_policy",
            "mode",
            "nearest_mode",
        ],
        resize,
    ),
    Registration::new("Upsample", &["mode", "scales"], upsample),
];

/// One dimension and its new length.
struct Change {
    axis: usize,
    old: usize,
    new: usize,
    scale: f64,
}

fn upsample<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let scales: Vec<f64> = match call.floats("scales")? {
        Some(scales) => scales.iter().map(|&scale| scale.into()).collect(),
        None => importer.constant(call, 1)?.numbers().iter().copied().collect(),
    };
    let changes = scaled(&shape, &(0..shape.len()).collect::<Vec<_>>(), &scales)?;
    let value = carry_out(importer, call, input, &changes, "asymmetric", "floor")?;
    importer.define(call, value)
}

fn resize<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let axes = match call.ints("axes")? {
        None => (0..shape.len()).collect(),
        Some(axes) => {
            axes.iter().map(|&index| axis(index, shape.len())).collect::<Result<Vec<_>, _>>()?
        }
    };
    if call.flag("antialias", false)? {
        return Err(Stop::because("attribute `antialias` is 1, which is not supported"));
    }
    if call.string("keep_aspect_ratio_policy", "stretch")? != "stretch" {
        return Err(Stop::because(
            "attribute `keep_aspect_ratio_policy` is not `stretch`, which is not supported",
        ));
    }
    // Before opset 11 the scales are input 1; since, a region of interest stands before them.
    let place = if call.opset < 11 { 1 } else { 2 };
    let scales = importer.optional_constant(call, place)?;
    let scales: Vec<f64> =
        scales.map(|scales| scales.numbers().iter().copied().collect()).unwrap_or_default();
    let changes = if scales.is_empty() {
        let sizes = importer
            .integers(call, 3)?
            .ok_or_else(|| Stop::because("it has neither scales nor sizes"))?;
        sized(&shape, &axes, &sizes)?
    } else {
        scaled(&shape, &axes, &scales)?
    };
    let default = if call.opset < 11 { "asymmetric" } else { "half_pixel" };
    let mode = call.string("coordinate_transformation_mode", default)?;
    let nearest =
        call.string("nearest_mode", if call.opset < 11 { "floor" } else { "round_prefer_floor" })?;
    let value = carry_out(importer, call, input, &changes, &mode, &nearest)?;
    importer.define(call, value)
}

fn scaled(shape: &[usize], axes: &[usize], scales: &[f64]) -> Result<Vec<Change>, Stop> {
    if scales.len() != axes.len() {
        return Err(Stop::Because(format!(
            "{} scales for {} dimensions",
            scales.len(),
            axes.len()
        )));
    }
    let changes = axes.iter().zip(scales).map(|(&axis, &scale)| {
        let new = (shape[axis] as f64 * scale).floor();
        if !(1.0..=1e6).contains(&new) {
            return Err(Stop::Because(format!(
                "scale {scale} makes {new} elements of dimension {axis}"
            )));
        }
        Ok(Change { axis, old: shape[axis], new: new as usize, scale })
    });
    changes.collect()
}

fn sized(shape: &[usize], axes: &[usize], sizes: &[i64]) -> Result<Vec<Change>, Stop> {
    if sizes.len() != axes.len() {
        return Err(Stop::Because(format!("{} sizes for {} dimensions", sizes.len(), axes.len())));
    }
    let changes = axes.iter().zip(sizes).map(|(&axis, &size)| match usize::try_from(size) {
        Ok(new @ 1..=1_000_000) => {
            Ok(Change { axis, old: shape[axis], new, scale: new as f64 / shape[axis] as f64 })
        }
        _ => Err(Stop::Because(format!("size {size} for dimension {axis}"))),
    });
    changes.collect()
}

fn carry_out<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    changes: &[Change],
    coordinates: &str,
    nearest: &str,
) -> Result<ValueId, Stop> {
    let mode = call.string("mode", "nearest")?;
    let mut value = input;
    for change in changes {
        if change.old == change.new && change.scale == 1.0 {
            continue;
        }
        let mut resized = importer.graph.shape(value).to_vec();
        resized[change.axis] = change.new;
        importer.fits(&resized)?;
        let places: Vec<f64> =
            (0..change.new).map(|x| place(change, x, coordinates)).collect::<Result<_, _>>()?;
        let last = change.old - 1;
        match mode.as_str() {
            "nearest" => {
                let indices = places
                    .iter()
                    .map(|&x| round(x, nearest).map(|x| x.clamp(0.0, last as f64) as usize));
                let indices: Vec<usize> = indices.collect::<Result<_, _>>()?;
                value = importer.gather(call, value, change.axis, &indices)?;
            }
            "linear" | "bilinear" | "trilinear" => {
                limits::tensor(&[change.new, change.old]).map_err(|problem| {
                    Stop::TooLarge(format!("the matrix of its interpolation: {problem}"))
                })?;
                let mut matrix = vec![0.0f32; change.new * change.old];
                for (row, &x) in matrix.chunks_mut(change.old).zip(&places) {
                    let x = x.clamp(0.0, last as f64);
                    let (below, share) = (x.floor() as usize, x - x.floor());
                    row[below] += (1.0 - share) as f32;
                    row[(below + 1).min(last)] += share as f32;
                }
                let operator = Operator::Interpolate { axis: change.axis, matrix };
                value = importer.push(call, operator, vec![value], resized)?;
            }
            other => {
                return Err(Stop::Because(format!(
                    "attribute `mode` is {other:?}, supported are \"nearest\" and \"linear\""
                )));
            }
        }
    }
    Ok(value)
}

/// Where element `x` of the result lies in the input.
fn place(change: &Change, x: usize, coordinates: &str) -> Result<f64, Stop> {
    let Change { old, new, scale, .. } = *change;
    let (x, length) = (x as f64, new as f64);
    Ok(match coordinates {
        "half_pixel" => (x + 0.5) / scale - 0.5,
        "half_pixel_symmetric" => {
            // What rounding the length down left out is cut off on both sides alike.
            let exact = scale * old as f64;
            let centre = old as f64 / 2.0;
            centre * (1.0 - length / exact) + (x + 0.5) / scale - 0.5
        }
        "pytorch_half_pixel" if new > 1 => (x + 0.5) / scale - 0.5,
        "pytorch_half_pixel" => 0.0,
        // The exact length, which scales need not make whole.
        "align_corners" if new > 1 => x * (old - 1) as f64 / (scale * old as f64 - 1.0),
        "align_corners" => 0.0,
        "asymmetric" => x / scale,
        other => {
            return Err(Stop::Because(format!(
                "attribute `coordinate_transformation_mode` is {other:?}, which is not supported"
            )));
        }
    })
}

fn round(x: f64, mode: &str) -> Result<f64, Stop> {
    Ok(match mode {
        "round_prefer_floor" => (x - 0.5).ceil(),
        "round_prefer_ceil" => (x + 0.5).floor(),
        "floor" => x.floor(),
        "ceil" => x.ceil(),
        other => return Err(Stop::Because(format!("attribute `nearest_mode` is {other:?}"))),
    })
}
