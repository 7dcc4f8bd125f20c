//! ReduceMean, ReduceSum, ReduceMax, ReduceMin and what is made of them.

use crate::float::activation::{Activation, Plain};
use crate::float::graph::Operator;
use crate::integer::graph::{ValueId, Window};
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::read::call::{Call, axis};

const ATTRIBUTES: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("ReduceL1", ATTRIBUTES, reduce),
    Registration::new("ReduceL2", ATTRIBUTES, reduce),
    Registration::new("ReduceLogSum", ATTRIBUTES, reduce),
    Registration::new("ReduceMax", ATTRIBUTES, reduce),
    Registration::new("ReduceMean", ATTRIBUTES, reduce),
    Registration::new("ReduceMin", ATTRIBUTES, reduce),
    Registration::new("ReduceSum", ATTRIBUTES, reduce),
    Registration::new("ReduceSumSquare", ATTRIBUTES, reduce),
];

/// How a window's elements become one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduction {
    Sum,
    Mean,
    Max,
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
    let shape = importer.graph.shape(input).to_vec();
    let order = |wanted: bool| (0..shape.len()).filter(move |&axis| reduced[axis] == wanted);
    let permutation: Vec<usize> = order(false).chain(order(true)).collect();
    let moved = importer.transpose(call, input, permutation)?;
    let channels: usize = order(false).map(|axis| shape[axis]).product();
    let elements: usize = order(true).map(|axis| shape[axis]).product();
    let flat = importer.reshape(call, moved, vec![1, channels, elements])?;
    let window = Window::whole([1, elements]);
    let operator = match reduction {
        Reduction::Max => Operator::MaxPool { window },
        Reduction::Mean => Operator::AveragePool { window, divisors: vec![elements] },
        Reduction::Sum => Operator::AveragePool { window, divisors: vec![1] },
    };
    let value = importer.push(call, operator, vec![flat], vec![1, channels, 1])?;
    let kept = (0..shape.len()).map(|axis| if reduced[axis] { 1 } else { shape[axis] });
    importer.reshape(call, value, kept.collect())
}
