//! Resize and Upsample: nearest elements, or linear or cubic interpolation one dimension after the
//! other.

use super::matrix::{along, zeros};
use super::sample::cubic;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
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
    /// The part of the dimension that is asked for, from 0 to 1, where the file says so.
    region: Option<[f64; 2]>,
}

/// How elements are made of their neighbours.
struct Mode {
    coordinates: String,
    nearest: String,
    interpolation: String,
    /// The coefficient of cubic interpolation.
    cubic: f64,
    /// Whether shrinking averages over all that it passes.
    antialias: bool,
    /// Whether what lies outside has no weight, rather than that of the last element.
    exclude_outside: bool,
    /// What stands outside of a region.
    extrapolation: f32,
}

impl Mode {
    fn read(call: &Call<'_>, coordinates: &str, nearest: &str) -> Result<Self, Stop> {
        Ok(Self {
            coordinates: call.string("coordinate_transformation_mode", coordinates)?,
            nearest: call.string("nearest_mode", nearest)?,
            interpolation: call.string("mode", "nearest")?,
            cubic: call.float("cubic_coeff_a", -0.75)?.into(),
            antialias: call.flag("antialias", false)?,
            exclude_outside: call.flag("exclude_outside", false)?,
            extrapolation: call.float("extrapolation_value", 0.0)?,
        })
    }
}

fn upsample<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let scales: Vec<f64> = match call.floats("scales")? {
        Some(scales) => scales.iter().map(|&scale| scale.into()).collect(),
        None => importer.constant(call, 1)?.numbers().iter().copied().collect(),
    };
    let changes = scaled(&shape, &(0..shape.len()).collect::<Vec<_>>(), &scales)?;
    let mode = Mode::read(call, "asymmetric", "floor")?;
    let value = carry_out(importer, call, input, &changes, &mode)?;
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
    // Before opset 11 the scales are input 1; since, a region of interest stands before them.
    let place = if call.opset < 11 { 1 } else { 2 };
    let scales = importer.optional_constant(call, place)?;
    let scales: Vec<f64> =
        scales.map(|scales| scales.numbers().iter().copied().collect()).unwrap_or_default();
    let mut changes = if scales.is_empty() {
        let sizes = importer
            .integers(call, 3)?
            .ok_or_else(|| Stop::because("it has neither scales nor sizes"))?;
        sized(&shape, &axes, &sizes, &call.string("keep_aspect_ratio_policy", "stretch")?)?
    } else {
        scaled(&shape, &axes, &scales)?
    };
    let mode = match call.opset {
        ..11 => Mode::read(call, "asymmetric", "floor")?,
        _ => Mode::read(call, "half_pixel", "round_prefer_floor")?,
    };
    if mode.coordinates == "tf_crop_and_resize" {
        let region = importer.constant(call, 1)?.numbers();
        let region: Vec<f64> = region.into_iter().collect();
        let count = changes.len();
        if region.len() != 2 * count {
            return Err(Stop::Because(format!(
                "{} numbers of a region of {count} dimensions",
                region.len()
            )));
        }
        for (index, change) in changes.iter_mut().enumerate() {
            change.region = Some([region[index], region[count + index]]);
        }
    }
    let value = carry_out(importer, call, input, &changes, &mode)?;
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
        Ok(Change { axis, old: shape[axis], new: new as usize, scale, region: None })
    });
    changes.collect()
}

/// `policy` says whether all dimensions take the scale of one: that which makes none larger, or
/// none smaller, than asked for.
fn sized(
    shape: &[usize],
    axes: &[usize],
    sizes: &[i64],
    policy: &str,
) -> Result<Vec<Change>, Stop> {
    if sizes.len() != axes.len() {
        return Err(Stop::Because(format!("{} sizes for {} dimensions", sizes.len(), axes.len())));
    }
    let scales = axes.iter().zip(sizes).map(|(&axis, &size)| size as f64 / shape[axis] as f64);
    let common = match policy {
        "stretch" => None,
        "not_larger" => Some(scales.fold(f64::INFINITY, f64::min)),
        "not_smaller" => Some(scales.fold(0.0, f64::max)),
        other => {
            return Err(Stop::Because(format!(
                "attribute `keep_aspect_ratio_policy` is {other:?}"
            )));
        }
    };
    let changes = axes.iter().zip(sizes).map(|(&axis, &size)| {
        let old = shape[axis];
        let size = match common {
            Some(scale) => (scale * old as f64 + 0.5).floor() as i64,
            None => size,
        };
        match usize::try_from(size) {
            Ok(new @ 1..=1_000_000) => {
                let scale = common.unwrap_or(new as f64 / old as f64);
                Ok(Change { axis, old, new, scale, region: None })
            }
            _ => Err(Stop::Because(format!("size {size} for dimension {axis}"))),
        }
    });
    changes.collect()
}

fn carry_out<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    changes: &[Change],
    mode: &Mode,
) -> Result<ValueId, Stop> {
    let mut value = input;
    for change in changes {
        if change.old == change.new && change.scale == 1.0 && change.region.is_none() {
            continue;
        }
        let mut resized = importer.graph.shape(value).to_vec();
        resized[change.axis] = change.new;
        importer.fits(&resized)?;
        let places: Vec<f64> = (0..change.new)
            .map(|x| place(change, x, &mode.coordinates))
            .collect::<Result<_, _>>()?;
        let last = (change.old - 1) as f64;
        let outside = |x: f64| change.region.is_some() && !(0.0..=last).contains(&x);
        if mode.interpolation == "nearest" && !places.iter().any(|&x| outside(x)) {
            let indices = places
                .iter()
                .map(|&x| round(x, &mode.nearest).map(|x| x.clamp(0.0, last) as usize));
            let indices: Vec<usize> = indices.collect::<Result<_, _>>()?;
            value = importer.gather(call, value, change.axis, &indices)?;
            continue;
        }
        let mut matrix = zeros(importer, change.new, change.old)?;
        let mut offsets = vec![0.0; change.new];
        for ((row, offset), &x) in matrix.chunks_mut(change.old).zip(&mut offsets).zip(&places) {
            if outside(x) {
                *offset = mode.extrapolation;
                continue;
            }
            for (index, weight) in mixture(change, x, mode)? {
                row[index] += weight as f32;
            }
        }
        let average =
            matrix.iter().all(|&weight| weight >= 0.0) && !places.iter().any(|&x| outside(x));
        value = if average {
            let operator = Operator::Interpolate { axis: change.axis, matrix };
            importer.push(call, operator, vec![value], resized)?
        } else {
            along(importer, call, value, change.axis, (matrix, offsets))?
        };
    }
    Ok(value)
}

/// The elements that one at `x` is made of, with their weights, which sum to one.
fn mixture(change: &Change, x: f64, mode: &Mode) -> Result<Vec<(usize, f64)>, Stop> {
    // Shrinking by averages reaches as far as what is left out.
    let shrink = if mode.antialias { change.scale.min(1.0) } else { 1.0 };
    // The left neighbour is the one at x itself where there is one.
    let base = x.ceil() - 1.0;
    let (first, weights) = match mode.interpolation.as_str() {
        "nearest" => (round(x, &mode.nearest)?, vec![1.0]),
        "linear" | "bilinear" | "trilinear" => {
            let start = (-1.0 / shrink).floor() + 1.0;
            let count = (2.0 - 2.0 * start) as usize;
            let near = |index: usize| {
                let distance = (base + start + index as f64 - x).abs() * shrink;
                (1.0 - distance).max(0.0)
            };
            (base + start, (0..count).map(near).collect())
        }
        "cubic" | "bicubic" => {
            let start = (-2.0 / shrink).floor() + 1.0;
            let count = (2.0 - 2.0 * start) as usize;
            let near = |index: usize| {
                let distance = (base + start + index as f64 - x).abs() * shrink;
                // One of the four weights of a place as far away.
                let whole = distance.floor();
                match whole as usize {
                    0 => cubic(distance, mode.cubic)[1],
                    1 => cubic(distance - whole, mode.cubic)[0],
                    _ => 0.0,
                }
            };
            (base + start, (0..count).map(near).collect::<Vec<f64>>())
        }
        other => {
            return Err(Stop::Because(format!(
                "attribute `mode` is {other:?}, supported are \"nearest\", \"linear\" and \"cubic\""
            )));
        }
    };
    let last = (change.old - 1) as f64;
    let terms = weights.into_iter().enumerate().filter_map(|(index, weight)| {
        let at = first + index as f64;
        let counts = !mode.exclude_outside || (0.0..=last).contains(&at);
        counts.then_some((at.clamp(0.0, last) as usize, weight))
    });
    let terms: Vec<(usize, f64)> = terms.collect();
    let total: f64 = terms.iter().map(|(_, weight)| weight).sum();
    Ok(terms.into_iter().map(|(index, weight)| (index, weight / total)).collect())
}

/// Where element `x` of the result lies in the input.
fn place(change: &Change, x: usize, coordinates: &str) -> Result<f64, Stop> {
    let Change { old, new, scale, region, .. } = *change;
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
        "tf_crop_and_resize" => {
            let [start, end] = region.unwrap_or([0.0, 1.0]);
            let (last, wide) = ((old - 1) as f64, end - start);
            let inside = match new {
                1 => wide * last / 2.0,
                _ => x * wide * last / (scale * old as f64 - 1.0),
            };
            inside + start * last
        }
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
