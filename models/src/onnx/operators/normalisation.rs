//! BatchNormalization in inference, InstanceNormalization, LRN.

use super::reduce::{Reduction, over};
use crate::float::activation::Activation;
use crate::float::graph::Operator;
use crate::integer::graph::Window;
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::Call;

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new(
        "BatchNormalization",
        &["epsilon", "momentum", "spatial", "training_mode"],
        batch_normalization,
    ),
    Registration::new("InstanceNormalization", &["epsilon"], instance_normalization),
    Registration::new("LRN", &["alpha", "beta", "bias", "size"], local_response),
];

/// `scale·(x − mean) / √(variance + epsilon) + bias` per channel, folded into one factor and one
/// offset.
fn batch_normalization<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    if call.flag("training_mode", false)? {
        return Err(Stop::because("it is in training mode; export the model in inference mode"));
    }
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let [batch, channels, ref rest @ ..] = shape[..] else {
        return Err(Stop::Because(format!("its input has shape {shape:?}, expected [N, C, …]")));
    };
    let mut parameters = Vec::new();
    for (index, name) in ["scale", "bias", "mean", "variance"].into_iter().enumerate() {
        let constant = importer.constant(call, index + 1)?;
        let tensor = constant.finite().map_err(|problem| format!("{name}: {problem}"))?;
        if tensor.shape() != [channels] {
            let found = tensor.shape();
            return Err(Stop::Because(format!("{name} of shape {found:?}, expected [{channels}]")));
        }
        parameters.push(tensor.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    }
    let epsilon = f64::from(call.float("epsilon", 1e-5)?);
    let deviations = parameters[3].iter().map(|variance| (variance + epsilon).sqrt());
    let factors = parameters[0].iter().zip(deviations);
    let scale: Vec<f64> = factors.map(|(scale, deviation)| scale / deviation).collect();
    let shifted = parameters[2].iter().zip(&scale).map(|(mean, scale)| mean * scale);
    let offset = parameters[1].iter().zip(shifted).map(|(bias, shift)| bias - shift);
    let offset: Vec<f32> = offset.map(|x| x as f32).collect();
    let scale: Vec<f32> = scale.into_iter().map(|x| x as f32).collect();
    if scale.iter().chain(&offset).any(|x| !x.is_finite()) {
        return Err(Stop::because("a variance plus epsilon is not positive, or too small"));
    }
    if batch == 1 {
        let operator = Operator::BatchNormalization { scale, offset };
        let value = importer.push(call, operator, vec![input], shape)?;
        return importer.define(call, value);
    }
    // Several batches are one with more channels.
    let flat = vec![1, batch * channels, rest.iter().product()];
    let planes = importer.reshape(call, input, flat.clone())?;
    let operator =
        Operator::BatchNormalization { scale: scale.repeat(batch), offset: offset.repeat(batch) };
    let value = importer.push(call, operator, vec![planes], flat)?;
    let value = importer.reshape(call, value, shape)?;
    importer.define(call, value)
}

/// `scale·(x − mean) / √(variance + epsilon) + bias`, mean and variance of each channel of each
/// batch.
fn instance_normalization<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let [batch, channels, ref rest @ ..] = shape[..] else {
        return Err(Stop::Because(format!("its input has shape {shape:?}, expected [N, C, …]")));
    };
    let parameter = |index: usize| -> Result<Vec<f32>, Stop> {
        let constant = importer.constant(call, index)?.finite()?;
        match constant.shape() == [channels] {
            true => Ok(constant.iter().copied().collect::<Vec<f32>>().repeat(batch)),
            false => Err(Stop::Because(format!(
                "a parameter of shape {:?}, expected [{channels}]",
                constant.shape()
            ))),
        }
    };
    let (scale, offset) = (parameter(1)?, parameter(2)?);
    let epsilon = call.float("epsilon", 1e-5)?;
    let flat = vec![1, batch * channels, rest.iter().product()];
    let x = importer.reshape(call, input, flat.clone())?;
    let plane = [false, false, true];
    let mean = over(importer, call, x, &plane, Reduction::Mean)?;
    let mean = importer.expand(call, mean, &flat)?;
    let difference = Operator::Add { subtract: vec![false, true], constant: Vec::new() };
    let centred = importer.push(call, difference, vec![x, mean], flat.clone())?;
    let square = Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 };
    let squares = importer.activate(call, centred, square)?;
    let variance = over(importer, call, squares, &plane, Reduction::Mean)?;
    let inverse = Activation::Power { factor: 1.0, offset: epsilon, exponent: -0.5 };
    let inverse = importer.activate(call, variance, inverse)?;
    let inverse = importer.expand(call, inverse, &flat)?;
    let normal = importer.push(call, Operator::Product, vec![centred, inverse], flat.clone())?;
    let value =
        importer.push(call, Operator::BatchNormalization { scale, offset }, vec![normal], flat)?;
    let value = importer.reshape(call, value, shape)?;
    importer.define(call, value)
}

/// `x / (bias + alpha/size · Σ x²)^beta`, the sum over neighbouring channels.
fn local_response<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let shape = importer.graph.shape(input).to_vec();
    let [batch, channels, ref rest @ ..] = shape[..] else {
        return Err(Stop::Because(format!("its input has shape {shape:?}, expected [N, C, …]")));
    };
    let size =
        usize::try_from(call.int("size", 0)?).ok().filter(|size| (1..=1 << 12).contains(size));
    let size =
        size.ok_or_else(|| Stop::because("attribute `size` is missing or no number of channels"))?;
    let (alpha, beta, bias) =
        (call.float("alpha", 1e-4)?, call.float("beta", 0.75)?, call.float("bias", 1.0)?);
    let square = Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 };
    let squares = importer.activate(call, input, square)?;
    // Channels as the height of one plane per batch.
    let flat = vec![1, batch, channels, rest.iter().product()];
    let squares = importer.reshape(call, squares, flat.clone())?;
    let (before, after) = ((size - 1) / 2, size / 2);
    let window = Window { kernel: [size, 1], pads: [before, 0, after, 0], ..Window::unit() };
    let divisors = vec![1; flat[2] * flat[3]];
    let sums =
        importer.push(call, Operator::AveragePool { window, divisors }, vec![squares], flat)?;
    let sums = importer.reshape(call, sums, shape.clone())?;
    let power = Activation::Power { factor: alpha / size as f32, offset: bias, exponent: -beta };
    let factor = importer.activate(call, sums, power)?;
    let value = importer.push(call, Operator::Product, vec![input, factor], shape)?;
    importer.define(call, value)
}
