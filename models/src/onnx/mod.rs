//! The door for ONNX, and the only place that sees protobuf.
//!
//! `tract-onnx` decodes the file; the nodes are then read here, by a table of small functions with one line of
//! registration per operator and one file per family. What the table does not know is refused, all of it in one error.
//!
//! | file | operators |
//! |---|---|
//! | `convolution` | Conv |
//! | `linear` | Gemm, MatMul |
//! | `activation` | Relu, Clip, LeakyRelu, Sigmoid, Tanh |
//! | `pooling` | MaxPool, AveragePool, GlobalAveragePool |
//! | `elementwise` | Add, Sub, Concat |
//! | `normalisation` | BatchNormalization |
//! | `view` | Flatten, Reshape, Squeeze, Unsqueeze, Transpose |
//! | `section` | Slice, Pad |
//! | `classification` | Softmax, LogSoftmax, ArgMax |
//! | `passthrough` | Identity, Dropout, Constant |

mod activation;
mod call;
mod classification;
mod constant;
mod convolution;
mod elementwise;
mod error;
mod file;
mod importer;
mod linear;
mod normalisation;
mod passthrough;
mod pooling;
mod section;
mod spatial;
mod view;

use std::collections::HashSet;
use std::path::Path;

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use crate::graph::{Graph, Input};
use crate::quantised::Output;
use call::Call;
use constant::Constant;
pub use error::{ImportError, Refusal, Refusals};
use importer::{Binding, Importer, Stop};

/// The oldest operator set that is imported.
pub const OLDEST_OPSET: i64 = 9;
/// The newest operator set that is imported.
pub const NEWEST_OPSET: i64 = 21;

/// One operator of the table.
struct Registration {
    /// ONNX's name.
    name: &'static str,
    /// Attributes that its importer understands; nodes with others are refused.
    attributes: &'static [&'static str],
    import: for<'i, 'a, 'c> fn(&'i mut Importer<'a>, &'c Call<'a>) -> Result<(), Stop>,
}

const FAMILIES: &[&[Registration]] = &[
    activation::OPERATORS,
    classification::OPERATORS,
    convolution::OPERATORS,
    elementwise::OPERATORS,
    linear::OPERATORS,
    normalisation::OPERATORS,
    passthrough::OPERATORS,
    pooling::OPERATORS,
    section::OPERATORS,
    view::OPERATORS,
];

/// The ONNX operators that can be imported, in alphabetical order.
pub fn supported_operators() -> Vec<&'static str> {
    let table = FAMILIES.iter().flat_map(|family| family.iter());
    let mut names: Vec<&str> = table.map(|registration| registration.name).collect();
    names.sort_unstable();
    names
}

fn registration(node: &NodeProto) -> Option<&'static Registration> {
    let own = node.domain.is_empty() || node.domain == "ai.onnx";
    let mut table = FAMILIES.iter().flat_map(|family| family.iter());
    table.find(|registration| own && registration.name == node.op_type)
}

/// A network after import.
pub(crate) struct Imported {
    pub(crate) graph: Graph,
    /// What people should know about the import.
    pub(crate) notes: Vec<String>,
    /// The model as imported (shapes fixed, dropped operators replaced by Identity), for the float reference.
    pub(crate) proto: ModelProto,
}

/// Imports a file.
pub(crate) fn import_file(path: &Path) -> Result<Imported, ImportError> {
    import_bytes(path, &file::read(path)?)
}

/// Imports a file's bytes; `path` names it in messages and is where its external data lies.
pub(crate) fn import_bytes(path: &Path, bytes: &[u8]) -> Result<Imported, ImportError> {
    let (mut model, mut proto) = file::decode(path, bytes)?;
    let opset = file::opset(path, &model)?;
    file::prune(&mut proto);
    let inputs = file::fix_inputs(path, &mut proto)?;
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    let name = stem.to_string_lossy().into_owned();
    let directory = path.parent().and_then(Path::to_str);
    let (graph, notes, skipped) = build(path, name, inputs, &proto, opset, directory)?;
    replace_by_identity(&mut proto, &skipped);
    model.graph = Some(proto);
    Ok(Imported { graph, notes, proto: model })
}

type Built = (Graph, Vec<String>, Vec<String>);

fn build(
    path: &Path,
    name: String,
    inputs: Vec<Input>,
    proto: &GraphProto,
    opset: i64,
    directory: Option<&str>,
) -> Result<Built, ImportError> {
    let invalid = |problem: String| ImportError::Invalid { path: path.to_owned(), problem };
    let mut importer = Importer::new(name, inputs, proto, directory);
    for tensor in &proto.initializer {
        let constant = Constant::decode(tensor, directory)
            .map_err(|problem| invalid(format!("initialiser `{}`: {problem}", tensor.name)))?;
        importer.bind(&tensor.name, Binding::Constant(constant)).map_err(invalid)?;
    }
    let mut refusals = Vec::new();
    for (position, node) in proto.node.iter().enumerate() {
        let call = Call::new(node, position, opset);
        let undefined = node.input.iter().find(|input| !input.is_empty() && importer.binding(input).is_none());
        if let Some(input) = undefined {
            let problem = format!("node `{}` reads `{input}`, which nothing before it defines", call.name);
            return Err(invalid(problem));
        }
        if let Err(stop) = import_node(&mut importer, &call) {
            for output in node.output.iter().filter(|output| !output.is_empty()) {
                importer.bind(output, Binding::Refused).map_err(invalid)?;
            }
            if let Stop::Because(reason) = stop {
                refusals.push(Refusal { node: call.name, operator: qualified_name(node), reason });
            }
        }
    }
    if !refusals.is_empty() {
        return Err(ImportError::Unsupported { path: path.to_owned(), refusals: Refusals(refusals) });
    }
    for output in &proto.output {
        let value = match importer.binding(&output.name) {
            Some(Binding::Computed(value)) => *value,
            Some(_) => {
                return Err(ImportError::Interface {
                    path: path.to_owned(),
                    place: format!("output `{}`", output.name),
                    problem: "it is a constant, so there is nothing to prove; remove it".into(),
                });
            }
            None => return Err(invalid(format!("nothing defines output `{}`", output.name))),
        };
        importer.graph.outputs.push(Output { name: output.name.clone(), value });
    }
    Ok((importer.graph, importer.notes, importer.skipped))
}

fn qualified_name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

fn import_node<'a>(importer: &mut Importer<'a>, call: &Call<'a>) -> Result<(), Stop> {
    let Some(registration) = registration(call.node) else {
        return Err(Stop::because("this operator is not supported"));
    };
    let attributes = call.node.attribute.iter().map(|a| a.name.as_str());
    for attribute in attributes {
        if !registration.attributes.contains(&attribute) {
            return Err(Stop::Because(format!("attribute `{attribute}` is not supported")));
        }
    }
    for output in call.node.output.iter().skip(1) {
        let read = !importer.consumers(output).is_empty();
        if !output.is_empty() && (read || importer.is_graph_output(output)) {
            return Err(Stop::Because(format!("its output `{output}` is not supported")));
        }
    }
    (registration.import)(importer, call)
}

/// Turns the nodes that compute these values into Identity, so that the float reference drops them too.
fn replace_by_identity(proto: &mut GraphProto, values: &[String]) {
    let values: HashSet<&str> = values.iter().map(String::as_str).collect();
    for node in &mut proto.node {
        let dropped = node.output.first();
        if dropped.is_some_and(|output| values.contains(output.as_str())) {
            node.op_type = "Identity".into();
            node.attribute.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_duplicates() {
        let names = supported_operators();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
        assert_eq!(names.len(), 28);
    }
}
