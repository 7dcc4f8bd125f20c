//! Operators that put elements elsewhere, or put constants beside them.

use std::f64::consts::TAU;

use super::expansion::{expand, function};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

pub(super) const FUNCTIONS: &[Registration] = &[
    function("AffineGrid", &["align_corners"], |i, call| expand(i, call, affine_grid)),
    function("BlackmanWindow", &["output_datatype", "periodic"], |i, call| expand(i, call, window)),
    function("CenterCropPad", &["axes"], |i, call| expand(i, call, centre)),
    function("Col2Im", &["dilations", "pads", "strides"], |i, call| expand(i, call, col2im)),
    function("HammingWindow", &["output_datatype", "periodic"], |i, call| expand(i, call, window)),
    function("HannWindow", &["output_datatype", "periodic"], |i, call| expand(i, call, window)),
    function("Trilu", &["upper"], |i, call| expand(i, call, triangle)),
];

fn shape(importer: &Importer<'_>, call: &Call<'_>) -> Result<Vec<usize>, Stop> {
    Ok(importer.shape_of(&importer.operand(call, 0)?))
}

/// Lengths that a constant operand lists.
fn lengths(importer: &Importer<'_>, call: &Call<'_>, index: usize) -> Result<Vec<usize>, Stop> {
    let listed = importer.constant(call, index)?.integers()?;
    let lengths = listed.iter().map(|&length| usize::try_from(length).ok());
    let lengths: Option<Vec<usize>> =
        lengths.map(|length| length.filter(|length| (1..=1 << 24).contains(length))).collect();
    lengths.ok_or_else(|| Stop::Because(format!("input {index} is {listed:?}, no lengths")))
}

/// The elements on one side of a diagonal, and zeros.
fn triangle(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let shape = shape(importer, call)?;
    let [.., rows, columns] = shape[..] else {
        return Err(Stop::Because(format!("its input has shape {shape:?}, expected a matrix")));
    };
    let diagonal = importer.integers(call, 1)?.and_then(|k| k.first().copied()).unwrap_or(0);
    let compared = if call.flag("upper", true)? { "GreaterOrEqual" } else { "LessOrEqual" };
    let zero = if importer.is_integer(call, 0) { "0" } else { "0.0" };
    Ok(format!(
        "(X, k) => (Y)
        right = Sub (Range (0, {columns}, 1), Reshape (Range (0, {rows}, 1), {:?}))
        Y = Where ({compared} (right, {diagonal}), X, {zero})",
        [rows, 1]
    ))
}

/// The middle of dimensions that are too long, and zeros around those that are too short.
fn centre(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let shape = shape(importer, call)?;
    let axes = match call.ints("axes")? {
        None => (0..shape.len()).collect(),
        Some(axes) => {
            let axes = axes.iter().map(|&index| axis(index, shape.len()));
            axes.collect::<Result<Vec<_>, _>>()?
        }
    };
    let wanted = lengths(importer, call, 1)?;
    if wanted.len() != axes.len() {
        return Err(Stop::Because(format!("{} lengths for {} axes", wanted.len(), axes.len())));
    }
    let (mut starts, mut ends) = (vec![0; shape.len()], shape.clone());
    let (mut before, mut after) = (vec![0; shape.len()], vec![0; shape.len()]);
    for (&axis, wanted) in axes.iter().zip(wanted) {
        let length = shape[axis];
        if wanted < length {
            starts[axis] = (length - wanted) / 2;
            ends[axis] = starts[axis] + wanted;
        } else {
            before[axis] = (wanted - length) / 2;
            after[axis] = wanted - length - before[axis];
        }
    }
    let pads = [before, after].concat();
    Ok(format!("(X, shape) => (Y) Y = Pad (Slice (X, {starts:?}, {ends:?}), {pads:?})"))
}

/// Blocks laid over each other and summed: a transposed convolution by kernels of a single one.
fn col2im(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let (shape, image) = (shape(importer, call)?, lengths(importer, call, 1)?);
    let (block, rank) = (lengths(importer, call, 2)?, image.len());
    let taps: usize = block.iter().product();
    let fits = block.len() == rank && shape.len() == 3 && shape[1].is_multiple_of(taps);
    if !fits {
        return Err(Stop::Because(format!(
            "blocks of {block:?} in an image of {image:?} from an input of shape {shape:?}"
        )));
    }
    let channels = shape[1] / taps;
    let strides = call.sizes("strides", rank, 1, 1)?;
    let dilations = call.sizes("dilations", rank, 1, 1)?;
    let pads = call.sizes("pads", 2 * rank, 0, 0)?;
    let mut places = vec![shape[0], shape[1]];
    let mut rest = Vec::new();
    for side in 0..rank {
        let reach = (block[side] - 1) * dilations[side] + 1;
        let room = (image[side] + pads[side] + pads[rank + side]).checked_sub(reach);
        let room = room.ok_or_else(|| Stop::because("its blocks do not fit its image"))?;
        places.push(room / strides[side] + 1);
        rest.push(room % strides[side]);
    }
    let kernels = [&[shape[1], 1], &block[..]].concat();
    let one = "Cast <to = 1> (Equal (";
    Ok(format!(
        "(X, image, block) => (Y)
        single = {one}Range (0, {taps}, 1), Reshape (Range (0, {taps}, 1), {:?})))
        kernels = Reshape (Expand (Unsqueeze (single, [0]), {:?}), {kernels:?})
        Y = ConvTranspose <group = {channels}, strides = {strides:?}, dilations = {dilations:?}, \
            pads = {pads:?}, output_padding = {rest:?}> (Reshape (X, {places:?}), kernels)",
        [taps, 1],
        [channels, taps, taps]
    ))
}

/// Places of a grid, moved by a matrix.
fn affine_grid(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let size = lengths(importer, call, 1)?;
    let ([batch, _, sides @ ..], 4..=5) = (&size[..], size.len()) else {
        return Err(Stop::Because(format!("its size is {size:?}, expected [N, C, H, W]")));
    };
    let (count, rank) = (sides.iter().product::<usize>(), sides.len());
    let corners = call.flag("align_corners", false)?;
    let mut columns = Vec::new();
    // Coordinates come in reverse: the last dimension's first.
    for (side, &length) in sides.iter().enumerate().rev() {
        let place = |index: usize| match (corners, length) {
            (true, 1) => -1.0,
            (true, _) => 2.0 * index as f32 / (length - 1) as f32 - 1.0,
            (false, _) => (2 * index + 1) as f32 / length as f32 - 1.0,
        };
        let places: Vec<f32> = (0..length).map(place).collect();
        let mut along = vec![1; rank];
        along[side] = length;
        columns.push(format!(
            "Reshape (Expand (Reshape ({places:?}, {along:?}), {sides:?}), {:?})",
            [count, 1]
        ));
    }
    let result = [&[*batch], sides, &[rank]].concat();
    Ok(format!(
        "(theta, size) => (Y)
        places = Concat <axis = 1> ({}, Expand ([1.0], {:?}))
        Y = Reshape (MatMul (places, Transpose <perm = [0, 2, 1]> (theta)), {result:?})",
        columns.join(", "),
        [count, 1]
    ))
}

/// Hann's, Hamming's and Blackman's windows of a known length.
fn window(importer: &Importer<'_>, call: &Call<'_>) -> Result<String, Stop> {
    let [length] = lengths(importer, call, 0)?[..] else {
        return Err(Stop::because("its size is no single number"));
    };
    importer.fits(&[length])?;
    let turn =
        TAU / (if call.flag("periodic", true)? { length } else { (length - 1).max(1) }) as f64;
    let weights: [f64; 3] = match call.node.op_type.as_str() {
        "BlackmanWindow" => [0.42, -0.5, 0.08],
        "HammingWindow" => [25.0 / 46.0, -21.0 / 46.0, 0.0],
        _ => [0.5, -0.5, 0.0],
    };
    let place = |index: usize| -> f32 {
        let terms = weights.iter().enumerate();
        let terms = terms.map(|(k, weight)| weight * (turn * (k * index) as f64).cos());
        terms.sum::<f64>() as f32
    };
    let numbers: Vec<f32> = (0..length).map(place).collect();
    Ok(format!("(size) => (Y) Y = Identity ({numbers:?})"))
}
