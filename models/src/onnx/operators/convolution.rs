//! Conv and ConvTranspose.

use super::correlation::computed_weights;
use super::linear::channel_bias;
use super::spatial::{Padding, Sides, batches, groups, spatial_rank};
use super::volume::{Depth, convolve_volume};
use crate::float::graph::Operator;
use crate::integer::graph::{ValueId, Window};
use crate::onnx::build::importer::{Importer, Operand, Registration};
use crate::onnx::build::scales::layer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::tensor::moves;
use crate::tensor::window::{plane, with_plane};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new(
        "Conv",
        &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"],
        conv,
    ),
    Registration::new(
        "ConvTranspose",
        &[
            "auto_pad",
            "dilations",
            "group",
            "kernel_shape",
            "output_padding",
            "output_shape",
            "pads",
            "strides",
        ],
        conv_transpose,
    ),
];

fn conv<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.operand(call, 0)?;
    let weights = importer.operand(call, 1)?;
    let channels = importer.shape_of(&weights).first().copied().unwrap_or(0);
    let bias = importer.optional(call, 2)?;
    let (value, bias) = match (input, weights, bias) {
        (Operand::Computed(input), Operand::Constant(weights), Some(Operand::Computed(bias))) => {
            (convolve(importer, call, input, &weights, vec![0.0; channels])?, Some(bias))
        }
        (Operand::Computed(input), Operand::Constant(weights), _) => {
            let bias = channel_bias(importer.optional_constant(call, 2)?, channels)?;
            (convolve(importer, call, input, &weights, bias)?, None)
        }
        (input, Operand::Computed(weights), bias) => {
            let shape = importer.shape_of(&input);
            let input = importer.value(call, input, &shape)?;
            let bias = match bias {
                Some(bias) => Some(importer.value(call, bias, &[channels])?),
                None => None,
            };
            (computed_weights(importer, call, input, weights)?, bias)
        }
        (Operand::Constant(_), Operand::Constant(_), _) => {
            return Err(Stop::because("its input and its weights are constants"));
        }
    };
    let Some(bias) = bias else {
        return importer.define(call, value);
    };
    let shape = importer.graph.shape(value).to_vec();
    let along = [&[channels], &vec![1; shape.len() - 2][..]].concat();
    let bias = importer.reshape(call, bias, along)?;
    let bias = importer.expand(call, bias, &shape)?;
    let sum = Operator::Add { subtract: vec![false; 2], constant: Vec::new() };
    let value = importer.push(call, sum, vec![value, bias], shape)?;
    importer.define(call, value)
}

/// The convolution that a node's attributes describe.
pub(super) fn convolve<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    weights: &Constant,
    bias: Vec<f64>,
) -> Result<ValueId, Stop> {
    batches(importer, call, input, |importer, input| {
        let shape = importer.graph.shape(input).to_vec();
        let rank = spatial_rank(&shape)?;
        let dimensions = weights.shape();
        if dimensions.len() != shape.len() {
            return Err(Stop::Because(format!(
                "weights of shape {dimensions:?} for an input of shape {shape:?}"
            )));
        }
        let kernel = &dimensions[2..];
        if call.has("kernel_shape") && call.sizes("kernel_shape", rank, 1, 1)? != kernel {
            return Err(Stop::because("attribute `kernel_shape` contradicts the weights"));
        }
        let groups = groups(call, shape[1], dimensions[1], dimensions[0])?;
        let sides = Sides::read(call, kernel)?;
        if rank == 3 {
            let [depth, plane] = sides.depth_and_plane();
            let column = depth.window(&[1, 1, shape[2], 1], Padding::Zero)?.window;
            let slice = [1, 1, shape[3], shape[4]];
            let window = plane.window(&slice, Padding::Zero)?.window;
            let depth = Depth::of(&column);
            let layer = (weights, &bias[..]);
            return convolve_volume(importer, call, input, groups, &depth, &window, layer);
        }
        let window = sides.window(&shape, Padding::Zero)?.window;
        let output = plane(&shape).and_then(|plane| window.output(plane));
        let output =
            output.ok_or_else(|| Stop::because("its kernel is larger than the padded input"))?;
        let operator = Operator::Conv { window, groups, layer: layer(weights, bias.clone())? };
        importer.push(call, operator, vec![input], with_plane(&shape, dimensions[0], output))
    })
}

/// One spatial dimension of a transposed convolution.
struct Axis {
    stride: usize,
    dilation: usize,
    kernel: usize,
    /// Padding of the convolution that it becomes; negative where it cuts elements off.
    before: isize,
    after: isize,
}

/// A transposed convolution is a convolution of the input with zeros between its elements, by the
/// kernel turned round.
fn conv_transpose<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let weights = importer.constant(call, 1)?;
    let full = importer.graph.shape(input).to_vec();
    let mut sample = full.clone();
    sample[..1].fill(1);
    let rank = spatial_rank(&sample)?;
    if weights.shape().len() != full.len() {
        return Err(Stop::Because(format!(
            "weights of shape {:?} for an input of shape {full:?}",
            weights.shape()
        )));
    }
    let groups = usize::try_from(call.int("group", 1)?).unwrap_or(0);
    let per_group = weights.shape()[1];
    if groups == 0 || weights.shape()[0] != full[1] || !full[1].is_multiple_of(groups) {
        return Err(Stop::Because(format!(
            "{groups} groups do not fit weights of shape {:?}",
            weights.shape()
        )));
    }
    let axes = axes(call, &full[2..], &weights.shape()[2..], rank)?;
    let bias = channel_bias(importer.optional_constant(call, 2)?, per_group * groups)?;
    let rows = turned(&weights, groups);
    let value = batches(importer, call, input, |importer, input| {
        let spread = spread(importer, call, input, &axes)?;
        let shape = importer.graph.shape(spread).to_vec();
        let pick = |of: fn(&Axis) -> usize| -> [usize; 2] {
            match &axes[..] {
                [.., height, width] => [of(height), of(width)],
                [width] => [1, of(width)],
                _ => [1, 1],
            }
        };
        let pads = |of: fn(&Axis) -> isize| match &axes[..] {
            [.., height, width] => [of(height).max(0) as usize, of(width).max(0) as usize],
            [width] => [0, of(width).max(0) as usize],
            _ => [0, 0],
        };
        let ([top, left], [bottom, right]) = (pads(|axis| axis.before), pads(|axis| axis.after));
        let window = Window {
            kernel: pick(|axis| axis.kernel),
            strides: [1, 1],
            pads: [top, left, bottom, right],
            dilations: pick(|axis| axis.dilation),
        };
        if let [depth, _, _] = &axes[..] {
            let depth = Depth {
                kernel: depth.kernel,
                stride: 1,
                dilation: depth.dilation,
                before: depth.before.max(0) as usize,
                after: depth.after.max(0) as usize,
            };
            let layer = (&rows, &bias[..]);
            return convolve_volume(importer, call, spread, groups, &depth, &window, layer);
        }
        let output = plane(&shape).and_then(|plane| window.output(plane));
        let output =
            output.ok_or_else(|| Stop::because("its padding leaves nothing of the result"))?;
        let operator = Operator::Conv { window, groups, layer: layer(&rows, bias.clone())? };
        importer.push(call, operator, vec![spread], with_plane(&shape, per_group * groups, output))
    })?;
    importer.define(call, value)
}

fn axes(
    call: &Call<'_>,
    lengths: &[usize],
    kernel: &[usize],
    rank: usize,
) -> Result<Vec<Axis>, Stop> {
    let strides = call.sizes("strides", rank, 1, 1)?;
    let dilations = call.sizes("dilations", rank, 1, 1)?;
    let extra = call.sizes("output_padding", rank, 0, 0)?;
    let pads = call.sizes("pads", 2 * rank, 0, 0)?;
    let auto_pad = call.string("auto_pad", "NOTSET")?;
    let declared = match call.has("output_shape") {
        true => Some(call.sizes("output_shape", rank, 1, 1)?),
        false => None,
    };
    let axes = (0..rank).map(|axis| {
        let reach = (kernel[axis] - 1) * dilations[axis] + 1;
        let whole = (lengths[axis] - 1) * strides[axis] + reach + extra[axis];
        // How much of the whole result is cut off on either side.
        let (begin, end) = match (auto_pad.as_str(), &declared) {
            ("NOTSET" | "VALID", None) => (pads[axis] as isize, pads[rank + axis] as isize),
            (_, declared) => {
                let wanted =
                    declared.as_ref().map_or(lengths[axis] * strides[axis], |shape| shape[axis]);
                let total = whole as isize - wanted as isize;
                let half = total.div_euclid(2);
                if auto_pad == "SAME_UPPER" { (half, total - half) } else { (total - half, half) }
            }
        };
        Axis {
            stride: strides[axis],
            dilation: dilations[axis],
            kernel: kernel[axis],
            before: reach as isize - 1 - begin,
            after: (reach - 1 + extra[axis]) as isize - end,
        }
    });
    Ok(axes.collect())
}

/// Weights `[C, M/groups, …]` as rows `[M, C/groups, …]` with every kernel turned round.
fn turned(weights: &Constant, groups: usize) -> Constant {
    let shape = weights.shape().to_vec();
    let (inputs, outputs) = (shape[0] / groups, shape[1]);
    let taps: usize = shape[2..].iter().product();
    let order: Vec<usize> = (0..groups * outputs * inputs * taps)
        .map(|index| {
            let (tap, rest) = (taps - 1 - index % taps, index / taps);
            let (input, rest) = (rest % inputs, rest / inputs);
            let (output, group) = (rest % outputs, rest / outputs);
            ((group * inputs + input) * outputs + output) * taps + tap
        })
        .collect();
    let rows = [&[groups * outputs, inputs], &shape[2..]].concat();
    match weights {
        Constant::Quantised { integers, scales, zeros, axis }
            if scales.len() == 1 || (*axis == 1 && groups == 1) =>
        {
            let flat: Vec<i16> = integers.iter().copied().collect();
            let integers =
                moves::from_elements(&rows, order.iter().map(|&index| flat[index]).collect());
            Constant::Quantised { integers, scales: scales.clone(), zeros: zeros.clone(), axis: 0 }
        }
        _ => {
            let flat: Vec<f32> = weights.numbers().iter().map(|&x| x as f32).collect();
            Constant::Float(moves::from_elements(
                &rows,
                order.iter().map(|&index| flat[index]).collect(),
            ))
        }
    }
}

/// The input with `stride − 1` zeros between its elements, and without what a negative padding cuts
/// off.
fn spread<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    axes: &[Axis],
) -> Result<ValueId, Stop> {
    let mut value = input;
    for (index, axis) in axes.iter().enumerate() {
        let dimension = index + 2;
        let shape = importer.graph.shape(value).to_vec();
        if axis.stride > 1 {
            let mut split = shape.clone();
            split.insert(dimension + 1, 1);
            let single = importer.reshape(call, value, split.clone())?;
            let mut after = vec![0; split.len()];
            after[dimension + 1] = axis.stride - 1;
            let before = vec![0; split.len()];
            split[dimension + 1] = axis.stride;
            let pad = Operator::Pad { before, after, value: 0.0 };
            let padded = importer.push(call, pad, vec![single], split)?;
            let mut joined = shape;
            joined[dimension] *= axis.stride;
            value = importer.reshape(call, padded, joined)?;
        }
        let spread = importer.graph.shape(value)[dimension];
        // The zeros behind the last element are padding.
        let length = spread - (axis.stride - 1);
        let start = (-axis.before).max(0) as usize;
        let end = length.saturating_sub((-axis.after).max(0) as usize);
        if start >= end {
            return Err(Stop::because("its padding leaves nothing of the input"));
        }
        value = importer.gather(call, value, dimension, &(start..end).collect::<Vec<_>>())?;
    }
    Ok(value)
}
