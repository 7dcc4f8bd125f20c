//! ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceProd and what is made of them.

use super::fold;
use crate::float::activation::{Activation, Plain};
use crate::float::graph::Operator;
use crate::integer::graph::{ValueId, Window};
use crate::onnx::build::importer::{Fold, Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

const ATTRIBUTES: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("ReduceL1", ATTRIBUTES, reduce),
    Registration::new("ReduceL2", ATTRIBUTES, reduce),
    Registration::new("ReduceLogSum", ATTRIBUTES, reduce),
    Registration::new("ReduceLogSumExp", ATTRIBUTES, reduce),
    Registration::new("ReduceMax", ATTRIBUTES, reduce).folds(Fold::Some(fold::reduced)),
    Registration::new("ReduceMean", ATTRIBUTES, reduce),
    Registration::new("ReduceMin", ATTRIBUTES, reduce).folds(Fold::Some(fold::reduced)),
    Registration::new("ReduceProd", ATTRIBUTES, reduce).folds(Fold::Some(fold::reduced)),
    Registration::new("ReduceSum", ATTRIBUTES, reduce).folds(Fold::Some(fold::reduced)),
    Registration::new("ReduceSumSquare", ATTRIBUTES, reduce),
];

/// How a window's elements become one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduction {
    Sum,
    Mean,
    Max,
    Product,
    /// `ln Σ e^x`.
    LogSumExp,
}

fn reduce<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let mut input = importer.computed(call, 0)?;
    let rank = importer.graph.shape(input).len();
    let axes = match call.ints("axes")? {
        Some(axes) => axes.to_vec(),
        None => importer.integers(call, 1)?.unwrap_or_default(),
    };
    if axes.is_empty() && call.flag("noop_with_empty_axes", false)? {
        return importer.define(call, input);
    }
    let mut reduced = vec![axes.is_empty(); rank];
    for index in axes {
        reduced[axis(index, rank)?] = true;
    }
    let keep = call.flag("keepdims", true)?;
    let name = call.node.op_type.as_str();
    let square = Activation::Power { factor: 1.0, offset: 0.0, exponent: 2.0 };
    let (before, reduction, after) = match name {
        "ReduceL1" => (Some(Activation::Plain(Plain::Abs)), Reduction::Sum, None),
        "ReduceL2" => (
            Some(square),
            Reduction::Sum,
            Some(Activation::Power { factor: 1.0, offset: 0.0, exponent: 0.5 }),
        ),
        "ReduceLogSum" => (None, Reduction::Sum, Some(Activation::Plain(Plain::Log))),
        "ReduceSumSquare" => (Some(square), Reduction::Sum, None),
        "ReduceMean" => (None, Reduction::Mean, None),
        "ReduceSum" => (None, Reduction::Sum, None),
        "ReduceProd" => (None, Reduction::Product, None),
        "ReduceLogSumExp" => (None, Reduction::LogSumExp, None),
        "ReduceMin" => (
            Some(Activation::Plain(Plain::Neg)),
            Reduction::Max,
            Some(Activation::Plain(Plain::Neg)),
        ),
        _ => (None, Reduction::Max, None),
    };
    if let Some(activation) = before {
        input = importer.activate(call, input, activation)?;
    }
    let mut value = over(importer, call, input, &reduced, reduction)?;
    if let Some(activation) = after {
        value = importer.activate(call, value, activation)?;
    }
    if !keep {
        let shape = importer.graph.shape(value).to_vec();
        let kept =
            shape.iter().zip(&reduced).filter(|(_, reduced)| !**reduced).map(|(&length, _)| length);
        value = importer.reshape(call, value, kept.collect())?;
    }
    importer.define(call, value)
}

/// Reduces some dimensions to length 1: they are moved to the back, where they are one window per
/// channel.
pub(super) fn over<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    reduced: &[bool],
    reduction: Reduction,
) -> Result<ValueId, Stop> {
    if reduction == Reduction::LogSumExp {
        return log_sum_exp(importer, call, input, reduced);
    }
    let shape = importer.graph.shape(input).to_vec();
    let order = |wanted: bool| (0..shape.len()).filter(move |&axis| reduced[axis] == wanted);
    let permutation: Vec<usize> = order(false).chain(order(true)).collect();
    let moved = importer.transpose(call, input, permutation)?;
    let channels: usize = order(false).map(|axis| shape[axis]).product();
    let elements: usize = order(true).map(|axis| shape[axis]).product();
    let flat = importer.reshape(call, moved, vec![1, channels, elements])?;
    let window = Window::whole([1, elements]);
    let single = vec![1, channels, 1];
    let pool = |operator| importer.push(call, operator, vec![flat], single);
    let value = match reduction {
        Reduction::Max => pool(Operator::MaxPool { window })?,
        Reduction::Mean => pool(Operator::AveragePool { window, divisors: vec![elements] })?,
        Reduction::Product => product(importer, call, flat)?,
        _ => pool(Operator::AveragePool { window, divisors: vec![1] })?,
    };
    let kept = (0..shape.len()).map(|axis| if reduced[axis] { 1 } else { shape[axis] });
    importer.reshape(call, value, kept.collect())
}

/// The product of the last dimension's elements: of both halves of them, and so on.
fn product<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    value: ValueId,
) -> Result<ValueId, Stop> {
    let mut value = value;
    loop {
        let shape = importer.graph.shape(value).to_vec();
        let [_, channels, length @ (2..)] = shape[..] else {
            return Ok(value);
        };
        let half = length / 2;
        let mut part = |start, count| {
            let slice = Operator::Slice { axis: 2, start, step: 1 };
            importer.push(call, slice, vec![value], vec![1, channels, count])
        };
        let halves = [part(0, half)?, part(half, half)?];
        let rest = if length % 2 == 1 { Some(part(length - 1, 1)?) } else { None };
        let products = importer.multiply(call, halves)?;
        let all = [products].into_iter().chain(rest).collect();
        value = importer.concat(call, all, 2)?;
    }
}

/// `x − max`, `e^(x − max)` and its sum, and the maximum: what softmaxes and `ln Σ e^x` are made
/// of, so that no power is too large.
pub(super) struct Powers {
    pub(super) largest: ValueId,
    pub(super) below: ValueId,
    pub(super) powers: ValueId,
    pub(super) sum: ValueId,
}

pub(super) fn powers<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    reduced: &[bool],
) -> Result<Powers, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let largest = over(importer, call, input, reduced, Reduction::Max)?;
    let full = importer.expand(call, largest, &shape)?;
    let difference = Operator::Add { subtract: vec![false, true], constant: Vec::new() };
    let below = importer.push(call, difference, vec![input, full], shape)?;
    let powers = importer.activate(call, below, Activation::Plain(Plain::Exp))?;
    let sum = over(importer, call, powers, reduced, Reduction::Sum)?;
    Ok(Powers { largest, below, powers, sum })
}

/// `max + ln Σ e^(x − max)`.
fn log_sum_exp<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    reduced: &[bool],
) -> Result<ValueId, Stop> {
    let Powers { largest, sum, .. } = powers(importer, call, input, reduced)?;
    let kept = importer.graph.shape(largest).to_vec();
    let logarithm = importer.activate(call, sum, Activation::Plain(Plain::Log))?;
    let sum = Operator::Add { subtract: vec![false; 2], constant: Vec::new() };
    importer.push(call, sum, vec![largest, logarithm], kept)
}
