//! Conv.

use super::Registration;
use super::call::Call;
use super::importer::{Importer, Stop};
use super::linear::channel_bias;
use super::spatial::{Padding, spatial_rank, window};
use crate::graph::Operator;
use crate::window::{plane, with_plane};

pub(super) const OPERATORS: &[Registration] = &[Registration {
    name: "Conv",
    attributes: &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"],
    import: conv,
}];

fn conv<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let rank = spatial_rank(&shape)?;
    let weights = importer.constant(call, 1)?;
    let weights = weights.finite().map_err(|problem| format!("weights: {problem}"))?;
    if weights.ndim() != shape.len() {
        return Err(Stop::Because(format!("weights of shape {:?} for an input of shape {shape:?}", weights.shape())));
    }
    let (outputs, channels) = (weights.shape()[0], weights.shape()[1]);
    let kernel = &weights.shape()[2..];
    if call.has("kernel_shape") && call.sizes("kernel_shape", rank, 1, 1)? != kernel {
        return Err(Stop::because("attribute `kernel_shape` contradicts the weights"));
    }
    let groups = call.int("group", 1)?;
    let groups = usize::try_from(groups).unwrap_or(0);
    if groups == 0 || channels.checked_mul(groups) != Some(shape[1]) || !outputs.is_multiple_of(groups) {
        return Err(Stop::Because(format!(
            "{groups} groups of {channels} channels and {outputs} outputs do not fit an input of shape {shape:?}"
        )));
    }
    let window = window(call, &shape, kernel, Padding::Zero)?.window;
    let output = plane(&shape).and_then(|plane| window.output(plane));
    let output = output.ok_or_else(|| Stop::because("its kernel is larger than the padded input"))?;
    let operator = Operator::Conv {
        window,
        groups,
        weights: weights.iter().copied().collect(),
        bias: channel_bias(importer.optional_constant(call, 2)?, outputs)?,
    };
    let shape = with_plane(&shape, outputs, output);
    let value = importer.push(call, operator, vec![input], shape)?;
    importer.define(call, value)
}
