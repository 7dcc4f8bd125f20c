//! Convolutions over three dimensions: one over a plane for each place of the first, whose channels
//! are those of all slices that its kernel sees.

use crate::float::graph::Operator;
use crate::integer::graph::{ValueId, Window};
use crate::onnx::build::importer::Importer;
use crate::onnx::build::scales::layer;
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;
use crate::onnx::read::constant::Constant;
use crate::tensor::window::with_plane;

/// The kernel along the first of three dimensions.
pub(super) struct Depth {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) before: usize,
    pub(super) after: usize,
}

impl Depth {
    /// What the window of a column says.
    pub(super) fn of(column: &Window) -> Self {
        Self {
            kernel: column.kernel[0],
            stride: column.strides[0],
            dilation: column.dilations[0],
            before: column.pads[0],
            after: column.pads[2],
        }
    }
}

/// The convolution of `[1, C, D, H, W]` with weights `[M, C/groups, …]`; `window` is that of a
/// slice.
pub(super) fn convolve_volume<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    groups: usize,
    depth: &Depth,
    window: &Window,
    (weights, bias): (&Constant, &[f64]),
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let ([_, channels, length, height, width], [outputs, inputs, _, rest @ ..]) =
        (&shape[..], weights.shape())
    else {
        return Err(Stop::Because(format!(
            "weights of shape {:?} for an input of shape {shape:?}",
            weights.shape()
        )));
    };
    let (channels, size) = (*channels, [*height, *width]);
    let padded = length + depth.before + depth.after;
    let reach = (depth.kernel - 1) * depth.dilation + 1;
    let (Some(room), Some(output)) = (padded.checked_sub(reach), window.output(size)) else {
        return Err(Stop::because("its kernel is larger than the padded input"));
    };
    let mut deep = shape.clone();
    deep[2] = padded;
    importer.fits(&deep)?;
    let mut value = input;
    if padded != *length {
        let pad = Operator::Pad {
            before: vec![0, 0, depth.before, 0, 0],
            after: vec![0, 0, depth.after, 0, 0],
            value: 0.0,
        };
        value = importer.push(call, pad, vec![value], deep)?;
    }
    // Weights of one channel for each slice that the kernel sees.
    let flat = weights.reshape(&[&[*outputs, inputs * depth.kernel], rest].concat());
    let mut results = Vec::new();
    for place in 0..=room / depth.stride {
        let slice =
            Operator::Slice { axis: 2, start: place * depth.stride, step: depth.dilation as isize };
        let seen = vec![1, channels, depth.kernel, size[0], size[1]];
        let part = importer.push(call, slice, vec![value], seen)?;
        let plane = vec![1, channels * depth.kernel, size[0], size[1]];
        let part = importer.reshape(call, part, plane.clone())?;
        let layer = layer(&flat, bias.to_vec())?;
        let operator = Operator::Conv { window: window.clone(), groups, layer };
        let shape = with_plane(&plane, *outputs, output);
        let result = importer.push(call, operator, vec![part], shape)?;
        let shape = vec![1, *outputs, 1, output[0], output[1]];
        results.push(importer.reshape(call, result, shape)?);
    }
    importer.concat(call, results, 2)
}
