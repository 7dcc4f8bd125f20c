//! Operators on integers (QOperator form): each is its float counterpart between DequantizeLinear
//! and QuantizeLinear.

use std::rc::Rc;

use super::convolution::convolve;
use super::elementwise::scale;
use super::linear::matrix_product;
use super::pooling::{average, whole};
use crate::float::activation::Activation;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Element, Importer, Operand, Registration};
use crate::onnx::build::scales::{Scales, layer};
use crate::onnx::build::shapes::broadcast_shapes;
use crate::onnx::error::Stop;
use crate::onnx::messages::DataType;
use crate::onnx::read::call::{Call, axis};
use crate::onnx::read::constant::Constant;

/// ONNX's own.
pub(super) const OPERATORS: &[Registration] = &[
    Registration::new(
        "QLinearConv",
        &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"],
        qlinear_conv,
    ),
    Registration::new("QLinearMatMul", &[], qlinear_mat_mul),
    Registration::new(
        "ConvInteger",
        &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"],
        conv_integer,
    )
    .element(Element::Is(DataType::Int32)),
    Registration::new("MatMulInteger", &[], mat_mul_integer).element(Element::Is(DataType::Int32)),
];

/// onnxruntime's own, of the domain `com.microsoft`.
pub(super) const MICROSOFT: &[Registration] = &[
    Registration::new("QLinearAdd", &[], qlinear_add),
    Registration::new("QLinearMul", &[], qlinear_mul),
    Registration::new("QLinearConcat", &["axis"], qlinear_concat),
    Registration::new(
        "QLinearAveragePool",
        &[
            "auto_pad",
            "ceil_mode",
            "channels_last",
            "count_include_pad",
            "dilations",
            "kernel_shape",
            "pads",
            "strides",
        ],
        qlinear_average_pool,
    ),
    Registration::new("QLinearGlobalAveragePool", &["channels_last"], qlinear_global_average_pool),
    Registration::new("QLinearSigmoid", &[], |i, call| activation(i, call, Activation::Sigmoid)),
    Registration::new("QLinearLeakyRelu", &["alpha"], qlinear_leaky_relu),
    Registration::new("QGemm", &["alpha", "transA", "transB"], qgemm),
];

/// Operand `index` read with the scale and zero point behind it.
fn read<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    index: usize,
    along: usize,
) -> Result<Operand, Stop> {
    let operand = importer.operand(call, index)?;
    let scales = Scales::read(importer, call, index + 1, index + 2)?;
    importer.dequantised(call, operand, scales, along)
}

/// The same for an operand that must be computed.
pub(super) fn read_computed<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    index: usize,
) -> Result<ValueId, Stop> {
    match read(importer, call, index, 0)? {
        Operand::Computed(id) => Ok(id),
        Operand::Constant(_) => {
            Err(Stop::Because(format!("input {index} is a constant, expected a computed value")))
        }
    }
}

/// The same for an operand that must be a constant, its scales along dimension `along`.
fn read_constant<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    index: usize,
    along: usize,
) -> Result<Rc<Constant>, Stop> {
    match read(importer, call, index, along)? {
        Operand::Constant(constant) => Ok(constant),
        Operand::Computed(_) => {
            Err(Stop::Because(format!("input {index} is computed, expected a constant")))
        }
    }
}

/// Defines the result as the integers of a value on the grid of operands `index` and `index + 1`.
pub(super) fn finish<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    value: ValueId,
    index: usize,
) -> Result<(), Stop> {
    let grid = importer.result_grid(call, index, index + 1)?;
    let rounded = importer.quantise(call, value, grid)?;
    let integers = importer.integers_of(call, rounded)?;
    importer.define(call, integers)
}

/// A bias of int32 in units of input scale times weight scale, as real numbers.
fn integer_bias(
    bias: Option<Rc<Constant>>,
    channels: usize,
    input: f64,
    weights: &Constant,
) -> Result<Vec<f64>, Stop> {
    let Some(bias) = bias else {
        return Ok(vec![0.0; channels]);
    };
    let bias = bias.integers()?;
    if bias.len() != channels {
        return Err(Stop::Because(format!("{} biases for {channels} channels", bias.len())));
    }
    let Constant::Quantised { scales, .. } = weights else {
        return Err(Stop::because("its weights are not quantised"));
    };
    let scale = |channel: usize| f64::from(scales[if scales.len() == 1 { 0 } else { channel }]);
    Ok(bias
        .iter()
        .enumerate()
        .map(|(channel, &bias)| bias as f64 * input * scale(channel))
        .collect())
}

fn qlinear_conv<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = read_computed(importer, call, 0)?;
    let weights = read_constant(importer, call, 3, 0)?;
    let scale = Scales::read(importer, call, 1, 2)?.only()?.scale;
    let channels = weights.shape().first().copied().unwrap_or(0);
    let bias = integer_bias(importer.optional_constant(call, 8)?, channels, scale, &weights)?;
    let value = convolve(importer, call, input, &weights, bias)?;
    finish(importer, call, value, 6)
}

fn qlinear_mat_mul<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let rank = importer.shape_of(&importer.operand(call, 3)?).len();
    let left = read(importer, call, 0, 0)?;
    let right = read(importer, call, 3, rank.saturating_sub(1))?;
    let value = matrix_product(importer, call, left, right)?;
    finish(importer, call, value, 6)
}

/// Integers with a zero point subtracted; constants stay integers.
fn integers<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    index: usize,
    zero: usize,
    along: usize,
) -> Result<Operand, Stop> {
    let operand = importer.operand(call, index)?;
    let zeros = importer.integers(call, zero)?.unwrap_or_else(|| vec![0]);
    if call.input(index).is_some_and(|name| importer.dynamic.contains_key(name)) {
        return match zeros.iter().all(|&zero| zero == 0) {
            true => Ok(operand),
            false => Err(Stop::because(
                "it reads dynamically quantised integers with another zero point than theirs",
            )),
        };
    }
    let scales = Scales { scales: vec![1.0; zeros.len()], zeros };
    importer.dequantised(call, operand, scales, along)
}

fn conv_integer<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let (input, weights) = (integers(importer, call, 0, 2, 0)?, integers(importer, call, 1, 3, 0)?);
    let (Operand::Computed(input), Operand::Constant(weights)) = (input, weights) else {
        return Err(Stop::because("expected a computed input and constant weights"));
    };
    let channels = weights.shape().first().copied().unwrap_or(0);
    let value = convolve(importer, call, input, &weights, vec![0.0; channels])?;
    importer.accumulates(call, value)?;
    importer.define(call, value)
}

fn mat_mul_integer<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let rank = importer.shape_of(&importer.operand(call, 1)?).len();
    let left = integers(importer, call, 0, 2, 0)?;
    let right = integers(importer, call, 1, 3, rank.saturating_sub(1))?;
    let value = matrix_product(importer, call, left, right)?;
    importer.accumulates(call, value)?;
    importer.define(call, value)
}

fn qlinear_add<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operands = [read(importer, call, 0, 0)?, read(importer, call, 3, 0)?];
    let shape =
        broadcast_shapes(&importer.shape_of(&operands[0]), &importer.shape_of(&operands[1]))?;
    let mut inputs = Vec::new();
    for operand in operands {
        inputs.push(importer.value(call, operand, &shape)?);
    }
    let operator = Operator::Add { subtract: vec![false; 2], constant: Vec::new() };
    let value = importer.push(call, operator, inputs, shape)?;
    finish(importer, call, value, 6)
}

fn qlinear_mul<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let operands = [read(importer, call, 0, 0)?, read(importer, call, 3, 0)?];
    let shape =
        broadcast_shapes(&importer.shape_of(&operands[0]), &importer.shape_of(&operands[1]))?;
    let value = match operands {
        [Operand::Computed(a), Operand::Computed(b)] => {
            let inputs = [importer.expand(call, a, &shape)?, importer.expand(call, b, &shape)?];
            importer.multiply(call, inputs)?
        }
        [Operand::Computed(x), Operand::Constant(c)]
        | [Operand::Constant(c), Operand::Computed(x)] => {
            let x = importer.expand(call, x, &shape)?;
            scale(importer, call, x, &c)?
        }
        [Operand::Constant(_), Operand::Constant(_)] => {
            return Err(Stop::because("both operands are constant"));
        }
    };
    finish(importer, call, value, 6)
}

/// `y_scale, y_zero, x₁, scale₁, zero₁, x₂, …`.
fn qlinear_concat<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let mut values = Vec::new();
    for index in (2..call.node.input.len()).step_by(3) {
        let operand = read(importer, call, index, 0)?;
        let shape = importer.shape_of(&operand);
        values.push(importer.value(call, operand, &shape)?);
    }
    let first = *values.first().ok_or_else(|| Stop::because("it has no inputs"))?;
    let along = axis(call.int("axis", 0)?, importer.graph.shape(first).len())?;
    let value = importer.concat(call, values, along)?;
    finish(importer, call, value, 0)
}

fn channels_first(call: &Call<'_>) -> Result<(), Stop> {
    if call.flag("channels_last", false)? {
        return Err(Stop::because(
            "attribute `channels_last` is 1, expected channels in dimension 1",
        ));
    }
    Ok(())
}

fn qlinear_average_pool<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    channels_first(call)?;
    let input = read_computed(importer, call, 0)?;
    let value = average(importer, call, input)?;
    finish(importer, call, value, 3)
}

fn qlinear_global_average_pool<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
) -> Result<(), Stop> {
    channels_first(call)?;
    let input = read_computed(importer, call, 0)?;
    let value = whole(importer, call, input, false)?;
    finish(importer, call, value, 3)
}

fn activation<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    activation: Activation,
) -> Result<(), Stop> {
    let input = read_computed(importer, call, 0)?;
    let value = importer.activate(call, input, activation)?;
    finish(importer, call, value, 3)
}

fn qlinear_leaky_relu<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let slope = call.float("alpha", 0.01)?;
    activation(importer, call, Activation::LeakyRelu { slope })
}

/// Inputs A, its scale and zero point, B and its, C, then the result's.
fn qgemm<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    if call.flag("transA", false)? || call.float("alpha", 1.0)? != 1.0 {
        return Err(Stop::because(
            "attributes `transA` and `alpha` other than 0 and 1 are not supported",
        ));
    }
    let transposed = call.flag("transB", false)?;
    let input = read_computed(importer, call, 0)?;
    let weights = read_constant(importer, call, 3, usize::from(!transposed))?;
    if weights.shape().len() != 2 {
        return Err(Stop::Because(format!(
            "a constant of shape {:?}, expected a matrix",
            weights.shape()
        )));
    }
    let rows = if transposed { weights } else { Rc::new(weights.transpose(&[1, 0])) };
    let scale = Scales::read(importer, call, 1, 2)?.only()?.scale;
    let channels = rows.shape()[0];
    let bias = importer.optional_constant(call, 6)?;
    let bias = match bias {
        Some(bias) if bias.shape().iter().product::<usize>() == channels => {
            Some(Rc::new(bias.reshape(&[channels])))
        }
        other => other,
    };
    let bias = integer_bias(bias, channels, scale, &rows)?;
    let mut shape = importer.graph.shape(input).to_vec();
    match shape.last_mut() {
        Some(last) if *last == rows.shape()[1] => *last = channels,
        _ => {
            return Err(Stop::Because(format!(
                "an input of shape {shape:?} for weights {:?}",
                rows.shape()
            )));
        }
    }
    let operator = Operator::Gemm { layer: layer(&rows, bias)? };
    let value = importer.push(call, operator, vec![input], shape)?;
    if call.input(7).is_some() {
        return finish(importer, call, value, 7);
    }
    importer.define(call, value)
}
