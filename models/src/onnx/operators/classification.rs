//! Softmax and LogSoftmax: dropped where they end a classifier, otherwise spelled out.

use std::collections::HashSet;

use super::qlinear::{finish, read_computed};
use super::reduce::{Powers, powers};
use super::softmax::between_grids;
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

/// onnxruntime's own.
pub(super) const MICROSOFT: &[Registration] =
    &[Registration::new("QLinearSoftmax", &["axis", "opset"], qlinear_softmax)];

/// Softmax keeps the order of the numbers it normalises, so a trailing one is dropped: the proof is
/// about the logits. Any other is spelled out.
fn softmax<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let axes = Axes::new(importer, call, input, call.opset)?;
    if dropped(importer, call, &axes)? {
        return importer.define(call, input);
    }
    let reduced = axes.reduced();
    let value = match importer.grid(input) {
        Some(grid) if call.node.op_type == "Softmax" && is_quantised(importer, call)? => {
            between_grids(importer, call, input, grid, &reduced)?
        }
        _ => spelled_out(importer, call, input, &reduced)?,
    };
    if call.node.op_type == "Softmax" {
        importer.softmaxes.insert(value, (input, reduced));
    }
    importer.define(call, value)
}

/// The same on the integers of a grid: the input with scale and zero point, and those of the
/// result.
fn qlinear_softmax<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = read_computed(importer, call, 0)?;
    let opset = call.int("opset", call.opset)?;
    let axes = Axes::new(importer, call, input, opset)?;
    if dropped(importer, call, &axes)? {
        return importer.define(call, input);
    }
    let grid = importer.grid(input).ok_or_else(|| Stop::because("its input is not quantised"))?;
    let value = between_grids(importer, call, input, grid, &axes.reduced())?;
    finish(importer, call, value, 3)
}

/// The dimensions that are normalised.
struct Axes {
    rank: usize,
    first: usize,
    /// Until opset 13 all dimensions from there on are normalised together, and by default those
    /// from dimension 1 on.
    together: bool,
}

impl Axes {
    fn new(
        importer: &Importer<'_>,
        call: &Call<'_>,
        input: ValueId,
        opset: i64,
    ) -> Result<Self, Stop> {
        let rank = importer.graph.shape(input).len();
        let together = opset < 13;
        let first = axis(call.int("axis", if together { 1 } else { -1 })?, rank)?;
        Ok(Self { rank, first, together })
    }

    fn has(&self, axis: usize) -> bool {
        axis == self.first || (self.together && axis > self.first)
    }

    fn reduced(&self) -> Vec<bool> {
        (0..self.rank).map(|axis| self.has(axis)).collect()
    }
}

/// Whether everything that reads a node's result quantises it.
fn is_quantised(importer: &Importer<'_>, call: &Call<'_>) -> Result<bool, Stop> {
    let output = call.output()?;
    let readers = importer.consumers(output);
    let quantises = |node: &&NodeProto| node.op_type == "QuantizeLinear";
    Ok(!importer.is_graph_output(output) && !readers.is_empty() && readers.iter().all(quantises))
}

/// What is noted of a softmax that is dropped.
pub const SOFTMAX_DROPPED: &str = "the proof is about its input, the logits";

/// Whether a softmax ends the network; then it is noted as dropped, with what quantises its result.
fn dropped<'a>(importer: &mut Importer<'a>, call: &Call<'a>, axes: &Axes) -> Result<bool, Stop> {
    if importer.keep_softmax {
        return Ok(false);
    }
    let output = call.output()?;
    // Nothing reads it where it is computed at import.
    let read = importer.is_graph_output(output) || !importer.consumers(output).is_empty();
    let Some(rounded) = end(importer, call, axes).filter(|_| read) else {
        return Ok(false);
    };
    let with = match rounded.is_empty() {
        true => "",
        false => ", and with it the quantisation of its result",
    };
    importer.notes.push(format!(
        "{:?} ({}) is dropped{with}: {SOFTMAX_DROPPED}, and so are the outputs computed from \
        {output:?}",
        call.name, call.node.op_type
    ));
    importer.skipped.push(output.to_owned());
    importer.passing.extend(rounded);
    Ok(true)
}

/// The QuantizeLinear and DequantizeLinear nodes behind a softmax, by their outputs, if beside them
/// its result is only moved, put out, and compared by an ArgMax over what was normalised.
fn end<'a>(importer: &Importer<'a>, call: &Call<'a>, axes: &Axes) -> Option<Vec<&'a str>> {
    let compares = |node: &NodeProto| {
        let reader = Call::new(node, 0, call.opset);
        let compared = reader.int("axis", 0).and_then(|index| axis(index, axes.rank));
        compared.is_ok_and(|compared| axes.has(compared))
    };
    let mut rounded = Vec::new();
    // Nodes, and whether the result comes to them as it was made.
    let readers = importer.consumers(call.output().ok()?);
    let mut open: Vec<(&'a NodeProto, bool)> = readers.iter().map(|&node| (node, true)).collect();
    // By address: a node that reads a value twice is its consumer twice.
    let mut seen: HashSet<(*const NodeProto, bool)> = HashSet::new();
    while let Some((node, whole)) = open.pop() {
        if !seen.insert((node, whole)) {
            continue;
        }
        let known = importer.registration(node)?;
        if node.op_type == "ArgMax" && whole {
            if compares(node) {
                continue;
            }
            return None;
        }
        let rounds = ["QuantizeLinear", "DequantizeLinear"].contains(&known.name);
        if rounds {
            rounded.push(node.output.first()?.as_str());
        } else if !known.view {
            return None;
        }
        for output in &node.output {
            open.extend(importer.consumers(output).iter().map(|&next| (next, whole && rounds)));
        }
    }
    Some(rounded)
}

/// `e^(x − max) / Σ e^(x − max)`, or its logarithm `x − max − ln Σ e^(x − max)`.
fn spelled_out<'a>(
    importer: &mut Importer<'a>,
    call: &Call<'a>,
    input: ValueId,
    reduced: &[bool],
) -> Result<ValueId, Stop> {
    let shape = importer.graph.shape(input).to_vec();
    let Powers { below, powers, sum, .. } = powers(importer, call, input, reduced)?;
    if call.node.op_type == "LogSoftmax" {
        let logarithm = importer.activate(call, sum, Activation::Plain(Plain::Log))?;
        let logarithm = importer.expand(call, logarithm, &shape)?;
        let difference = Operator::Add { subtract: vec![false, true], constant: Vec::new() };
        return importer.push(call, difference, vec![below, logarithm], shape);
    }
    let sum = importer.expand(call, sum, &shape)?;
    let quotient = Operator::Binary(BinaryOperator::Div { integers: false });
    importer.push(call, quotient, vec![powers, sum], shape)
}
