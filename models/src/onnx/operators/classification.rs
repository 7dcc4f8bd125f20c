//! Softmax and LogSoftmax: dropped where they end a classifier, otherwise spelled out.

use std::collections::HashSet;

use super::reduce::{Reduction, over};
use crate::float::activation::{Activation, Plain};
use crate::float::binary::BinaryOperator;
use crate::float::graph::Operator;
use crate::integer::graph::ValueId;
use crate::onnx::build::importer::{Importer, Registration};
use crate::onnx::error::Stop;
use crate::onnx::messages::NodeProto;
use crate::onnx::read::call::{Call, axis};

pub(super) const OPERATORS: &[Registration] = &[
    Registration::new("Softmax", &["axis"], softmax),
    Registration::new("LogSoftmax", &["axis"], softmax),
];

/// Softmax keeps the order of the numbers it normalises, so a trailing one is dropped: the proof is
/// about the logits. Any other is spelled out.
fn softmax<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let rank = importer.graph.shape(input).len();
    // Until opset 13 the default is dimension 1, and all dimensions from there on are normalised
    // together.
    let together = call.opset < 13;
    let normalised = axis(call.int("axis", if together { 1 } else { -1 })?, rank)?;
    let output = call.output()?;
    let readers = importer.consumers(output);
    // Nothing reads it where it is computed at import.
    let read = importer.is_graph_output(output) || !readers.is_empty();
    let ends = |consumer: &&NodeProto| {
        if consumer.op_type == "ArgMax" {
            let reader = Call::new(consumer, 0, call.opset);
            let compared = reader.int("axis", 0).and_then(|index| axis(index, rank));
            return compared.is_ok_and(|compared| {
                compared == normalised || (together && compared > normalised)
            });
        }
        ends_in_outputs(importer, consumer)
    };
    let dropped = read && readers.iter().all(ends);
    if !dropped {
        let reduced: Vec<bool> =
            (0..rank).map(|axis| axis == normalised || (together && axis > normalised)).collect();
        let value = spelled_out(importer, call, input, &reduced)?;
        return importer.define(call, value);
    }
    importer.notes.push(format!(
        "{:?} ({}) is dropped: the proof is about its input, the logits, and so are the outputs \
        computed from {output:?}",
        call.name, call.node.op_type
    ));
    importer.skipped.push(output.to_owned());
    importer.define(call, input)
}

/// `e^(x − max) / Σ e^(x − max)`, or its logarithm `x − max − ln Σ e^(x − max)`.
fn spelled_out<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    reduced: &[bool],
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let difference = || Operator::Add { subtract: vec![false, true], constant: Vec::new() };
    let largest = over(importer, call, input, reduced, Reduction::Max)?;
    let largest = importer.expand(call, largest, &shape)?;
    let below = importer.push(call, difference(), vec![input, largest], shape.clone())?;
    let powers = importer.activate(call, below, Activation::Plain(Plain::Exp))?;
    let sum = over(importer, call, powers, reduced, Reduction::Sum)?;
    if call.node.op_type == "LogSoftmax" {
        let logarithm = importer.activate(call, sum, Activation::Plain(Plain::Log))?;
        let logarithm = importer.expand(call, logarithm, &shape)?;
        return importer.push(call, difference(), vec![below, logarithm], shape);
    }
    let sum = importer.expand(call, sum, &shape)?;
    let quotient = Operator::Binary(BinaryOperator::Div { integers: false });
    importer.push(call, quotient, vec![powers, sum], shape)
}

/// Whether all that is made of a node's result is moved elements of it, and outputs.
fn ends_in_outputs(importer: &Importer<'_>, node: &NodeProto) -> bool {
    let mut open = vec![node];
    // By address: a node that reads a value twice is its consumer twice.
    let mut seen: HashSet<*const NodeProto> = HashSet::new();
    while let Some(node) = open.pop() {
        if !importer.registration(node).is_some_and(|known| known.view) {
            return false;
        }
        if seen.insert(node) {
            node.output.iter().for_each(|output| open.extend(importer.consumers(output)));
        }
    }
    true
}
