//! What ends a classifier: Softmax and LogSoftmax, which are dropped.

use tract_onnx::pb::NodeProto;

use super::Registration;
use super::call::{Call, axis};
use super::importer::{Importer, Stop};

pub(super) const OPERATORS: &[Registration] = &[
    Registration { name: "Softmax", attributes: &["axis"], import: softmax },
    Registration { name: "LogSoftmax", attributes: &["axis"], import: softmax },
];

/// Operators that may stand between a dropped softmax and a graph output: they move elements and change none.
const VIEWS: &[&str] = &["Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"];

/// Softmax keeps the order of the numbers it normalises, so a trailing one is dropped: the proof is about the logits.
fn softmax<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let input = importer.computed(call, 0)?;
    let rank = importer.graph.shape(input).len();
    // Until opset 13 the default is dimension 1, and all dimensions from there on are normalised together.
    let together = call.opset < 13;
    let normalised = axis(call.int("axis", if together { 1 } else { -1 })?, rank)?;
    let output = call.output()?;
    for consumer in importer.consumers(output) {
        if consumer.op_type == "ArgMax" {
            let reader = Call::new(consumer, 0, call.opset);
            let compared = axis(reader.int("axis", 0)?, rank)?;
            if compared == normalised || (together && compared > normalised) {
                continue;
            }
        }
        if !ends_in_outputs(importer, consumer) {
            return Err(Stop::Because(format!(
                "it is followed by {}, but only a final {} can be dropped",
                consumer.op_type, call.node.op_type
            )));
        }
    }
    importer.notes.push(format!(
        "`{}` ({}) is dropped: the proof is about its input, the logits, and so are the outputs computed from `{output}`",
        call.name, call.node.op_type
    ));
    importer.skipped.push(output.to_owned());
    importer.define(call, input)
}

fn ends_in_outputs(importer: &Importer<'_>, node: &NodeProto) -> bool {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if !VIEWS.contains(&node.op_type.as_str()) {
            return false;
        }
        for output in &node.output {
            open.extend(importer.consumers(output));
        }
    }
    true
}
