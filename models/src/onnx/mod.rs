//! The door for ONNX, and the only place that sees protobuf.
//!
//! `messages` says what of a file is decoded; the nodes are then read here, by a table of small
//! functions with one line of registration per operator and one file per family. What the table
//! does not know is refused, all of it in one error.
//!
//! | file | operators |
//! |---|---|
//! | `convolution` | Conv, ConvTranspose |
//! | `linear` | Gemm, MatMul |
//! | `activation` | functions of one number |
//! | `elementwise` | arithmetic, comparisons and logic on several tensors, Where, PRelu |
//! | `pooling` | MaxPool, AveragePool and their global forms |
//! | `reduce` | ReduceMean, ReduceSum, ReduceMax and their relatives |
//! | `normalisation` | BatchNormalization, InstanceNormalization, LRN |
//! | `resize` | Resize, Upsample |
//! | `rearrange` | Concat, Split, Gather, Expand, Tile, DepthToSpace, SpaceToDepth, Shape, Size |
//! | `view` | Flatten, Reshape, Squeeze, Unsqueeze, Transpose |
//! | `section` | Slice, Pad |
//! | `order` | ArgMax, ArgMin, TopK |
//! | `classification` | Softmax, LogSoftmax, where they end the network |
//! | `quantised` | QuantizeLinear, DequantizeLinear |
//! | `qlinear` | operators on integers: QLinearConv and so on |
//! | `conversion` | Cast |
//! | `control` | If |
//! | `passthrough` | Identity, Dropout, Constant |
//! | `fold` | all of them on constants |

mod activation;
mod call;
mod classification;
mod compose;
mod constant;
mod control;
mod conversion;
mod convolution;
mod elementwise;
mod error;
mod file;
mod fold;
mod importer;
mod linear;
pub(crate) mod messages;
mod normalisation;
mod order;
mod passthrough;
mod pooling;
mod qlinear;
mod quantised;
mod rearrange;
mod reduce;
mod resize;
mod section;
mod spatial;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::float::execute::Execution;
use crate::float::graph::{self, Graph};
use crate::integer::graph::{Output, ValueId};
use crate::limits;
use call::Call;
use constant::Constant;
pub use error::{ImportError, Refusal, Refusals};
use importer::{Binding, Importer, Stop};
use messages::{GraphProto, ModelProto, NodeProto};

/// The oldest operator set that is imported.
pub const OLDEST_OPSET: i64 = 1;
/// The newest operator set that is imported.
pub const NEWEST_OPSET: i64 = 28;

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
    control::OPERATORS,
    conversion::OPERATORS,
    convolution::OPERATORS,
    elementwise::OPERATORS,
    linear::OPERATORS,
    normalisation::OPERATORS,
    order::OPERATORS,
    passthrough::OPERATORS,
    pooling::OPERATORS,
    qlinear::OPERATORS,
    quantised::OPERATORS,
    rearrange::OPERATORS,
    reduce::OPERATORS,
    resize::OPERATORS,
    section::OPERATORS,
    view::OPERATORS,
];

/// onnxruntime's own operators, and ONNX's that it has for more element types.
const MICROSOFT: &[&[Registration]] = &[qlinear::MICROSOFT, quantised::OPERATORS];

/// Operators all of whose outputs are imported.
const SEVERAL_OUTPUTS: &[&str] = &["If", "Split", "TopK"];

/// Operators whose importers take constants as they are: quantised weights must stay quantised.
const TAKES_CONSTANTS: &[&str] = &[
    "DequantizeLinear",
    "Dropout",
    "Flatten",
    "Identity",
    "If",
    "QuantizeLinear",
    "Reshape",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// The operators that can be imported, in alphabetical order; onnxruntime's own begin with
/// `com.microsoft.`.
pub fn supported_operators() -> Vec<String> {
    let own = FAMILIES
        .iter()
        .flat_map(|family| family.iter())
        .map(|registration| registration.name.to_owned());
    let others = qlinear::MICROSOFT
        .iter()
        .map(|registration| format!("com.microsoft.{}", registration.name));
    let refused = ["DynamicQuantizeLinear"];
    let mut names: Vec<String> =
        own.chain(others).filter(|name| !refused.contains(&name.as_str())).collect();
    names.sort_unstable();
    names
}

fn registration(node: &NodeProto) -> Option<&'static Registration> {
    let families = match node.domain.as_str() {
        "" | "ai.onnx" => FAMILIES,
        "com.microsoft" => MICROSOFT,
        _ => return None,
    };
    families
        .iter()
        .flat_map(|family| family.iter())
        .find(|registration| registration.name == node.op_type)
}

/// Lengths for dimensions that a file names instead of giving them. Those not mentioned are 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimensions(pub BTreeMap<String, usize>);

/// A network after import.
pub(crate) struct Imported {
    pub(crate) graph: Graph,
    /// What people should know about the import.
    pub(crate) notes: Vec<String>,
    /// The file, as tract shall run it.
    #[cfg(feature = "tract")]
    pub(crate) file: crate::float::tract::File,
}

/// Imports a file.
pub(crate) fn import_file(path: &Path, dimensions: &Dimensions) -> Result<Imported, ImportError> {
    let decoded = file::decode(path, &file::read(path)?)?;
    import(path, decoded, dimensions)
}

/// Imports a file's bytes; `path` names it in messages and is where its external data lies.
pub(crate) fn import_bytes(
    path: &Path,
    bytes: &[u8],
    dimensions: &Dimensions,
) -> Result<Imported, ImportError> {
    import(path, file::decode(path, bytes)?, dimensions)
}

fn import(
    path: &Path,
    (model, mut proto): (ModelProto, GraphProto),
    dimensions: &Dimensions,
) -> Result<Imported, ImportError> {
    let opset = file::opset(path, &model)?;
    file::prune(&mut proto);
    let interface = file::fix_inputs(path, &mut proto, dimensions)?;
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    let name = stem.to_string_lossy().into_owned();
    let directory = path.parent();
    let (graph, notes, skipped) = build(path, name, interface, &proto, opset, directory)?;
    #[cfg(not(feature = "tract"))]
    drop(skipped);
    Ok(Imported {
        graph,
        notes,
        #[cfg(feature = "tract")]
        file: crate::float::tract::File::new(model, proto, &skipped, directory),
    })
}

type Built = (Graph, Vec<String>, Vec<String>);

fn build(
    path: &Path,
    name: String,
    interface: file::Interface,
    proto: &GraphProto,
    opset: i64,
    directory: Option<&Path>,
) -> Result<Built, ImportError> {
    let invalid = |problem: String| ImportError::Invalid { path: path.to_owned(), problem };
    let mut importer = Importer::new(name, interface.inputs, proto, directory);
    importer.notes = interface.notes;
    for tensor in &proto.initializer {
        importer.element_types.insert(&tensor.name, tensor.data_type);
        let binding = match importer.stored(tensor) {
            Ok(constant) => Binding::Constant(constant.into()),
            Err(problem) => {
                importer.unusable.insert(
                    tensor.name.clone(),
                    format!("initialiser {:?}: {problem}", tensor.name),
                );
                Binding::Refused
            }
        };
        importer.bind(&tensor.name, binding).map_err(invalid)?;
    }
    let elements: HashMap<String, i32> = interface.element_types.into_iter().collect();
    for input in &proto.input {
        if let Some(&element) = elements.get(&input.name) {
            importer.element_types.insert(&input.name, element);
        }
    }
    for (name, problem) in interface.unusable {
        importer.unusable.insert(name, problem);
    }
    for input in &proto.input {
        if importer.unusable.contains_key(&input.name) {
            importer.bind(&input.name, Binding::Refused).map_err(invalid)?;
        }
    }
    match import_nodes(&mut importer, &proto.node, opset) {
        Ok(()) | Err(Stop::Blocked) => {}
        Err(Stop::Because(problem) | Stop::TooLarge(problem)) => return Err(invalid(problem)),
    }
    if !importer.refusals.is_empty() {
        let refusals = Refusals(importer.refusals);
        return Err(ImportError::Unsupported { path: path.to_owned(), refusals });
    }
    if importer.graph.inputs.is_empty() {
        return Err(file::nothing(path, "inputs", proto));
    }
    for output in &proto.output {
        let value = match importer.binding(&output.name) {
            Some(Binding::Computed(value)) => *value,
            Some(_) => {
                let operators = error::listed(proto.node.iter().map(|node| node.op_type.as_str()));
                return Err(ImportError::Interface {
                    path: path.to_owned(),
                    place: format!("output {:?}", output.name),
                    problem: format!(
                        "it is a constant (made by {operators}), so there is nothing to prove; \
                        remove it"
                    ),
                });
            }
            None => return Err(invalid(format!("nothing defines output {:?}", output.name))),
        };
        importer.graph.outputs.push(Output { name: output.name.clone(), value });
    }
    Ok((importer.graph, importer.notes, importer.skipped))
}

/// Imports nodes one after another. Those at fault are noted; `Err` if the nodes contradict each
/// other.
fn import_nodes<'a>(
    importer: &mut Importer<'a>,
    nodes: &'a [NodeProto],
    opset: i64,
) -> Result<(), Stop> {
    for (position, node) in nodes.iter().enumerate() {
        let call = Call::new(node, position, opset);
        let undefined =
            node.input.iter().find(|input| !input.is_empty() && importer.binding(input).is_none());
        if let Some(input) = undefined {
            return Err(Stop::Because(format!(
                "node {:?} reads {input:?}, which nothing before it defines",
                call.name
            )));
        }
        let imported = import_node(importer, &call);
        importer.infer_types(&call);
        if let Err(stop) = imported {
            for output in node.output.iter().filter(|output| !output.is_empty()) {
                if importer.binding(output).is_none() {
                    importer.bind(output, Binding::Refused)?;
                }
            }
            let reason = match stop {
                Stop::Because(reason) => reason,
                // Once there is no room, there is none for what follows either.
                Stop::TooLarge(reason) if !std::mem::replace(&mut importer.full, true) => reason,
                Stop::TooLarge(_) | Stop::Blocked => continue,
            };
            importer.refusals.push(Refusal {
                node: call.name,
                operator: qualified_name(node),
                reason,
            });
        }
    }
    Ok(())
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
            return Err(Stop::Because(format!("attribute {attribute:?} is not supported")));
        }
    }
    if let Some(reason) = call.node.input.iter().find_map(|input| importer.unusable.get(input)) {
        return Err(Stop::Because(reason.clone()));
    }
    let several = SEVERAL_OUTPUTS.contains(&registration.name);
    for output in call.node.output.iter().skip(1).filter(|_| !several) {
        let read = !importer.consumers(output).is_empty();
        if !output.is_empty() && (read || importer.is_graph_output(output)) {
            return Err(Stop::Because(format!("its output {output:?} is not supported")));
        }
    }
    if let Some(constant) = folded(importer, call) {
        return importer.define_constant(call, constant?);
    }
    (registration.import)(importer, call)
}

/// The result of a node that reads nothing but constants, if it can be computed at import.
fn folded<'a>(importer: &Importer<'a>, call: &Call<'a>) -> Option<Result<Constant, Stop>> {
    let operands = call.node.input.iter().map(|input| match importer.binding(input) {
        Some(Binding::Constant(constant)) => Some(constant.as_ref()),
        _ => None,
    });
    let operands: Vec<&Constant> = operands.collect::<Option<_>>()?;
    if operands.is_empty() {
        return None;
    }
    let elements = operands.iter().map(|operand| operand.len()).sum();
    if let Err(stop) = importer.spend(elements) {
        return Some(Err(stop));
    }
    fold::evaluate(importer, call, &operands)
        .or_else(|| computed_at_import(importer, call).transpose())
}

/// The only result of a node on constants, computed in floating point; `None` if that cannot be.
fn computed_at_import(importer: &Importer<'_>, call: &Call<'_>) -> Result<Option<Constant>, Stop> {
    let proto = GraphProto::default();
    let mut alone = importer.alone(&proto);
    let result = import_alone(importer, &mut alone, call);
    importer.rejoin(&alone);
    let (value, integer) = match result {
        Ok(computed) => computed,
        Err(Stop::TooLarge(reason)) => return Err(Stop::TooLarge(reason)),
        Err(Stop::Because(_) | Stop::Blocked) => return Ok(None),
    };
    // Results in between are read and made too, and each multiplication is work.
    let results = alone
        .graph
        .nodes
        .iter()
        .map(|node| limits::elements(&node.shape))
        .fold(0, usize::saturating_add);
    importer.spend(results.saturating_add(alone.room.products_taken()))?;
    alone.graph.outputs.push(Output { name: String::new(), value });
    let result = Execution::new(&alone.graph).run(&[], |_, _, _| {}).pop();
    Ok(result.map(|result| Constant::from_numbers(result, integer)))
}

/// Imports a node whose first operand is a value and the others are constants; gives its value, and
/// whether that is a constant of integers.
fn import_alone<'c>(
    importer: &Importer<'_>,
    alone: &mut Importer<'c>,
    call: &Call<'c>,
) -> Result<(ValueId, bool), Stop> {
    let registration =
        registration(call.node).filter(|known| !TAKES_CONSTANTS.contains(&known.name));
    let registration = registration.ok_or(Stop::Blocked)?;
    let [output] = call.node.output.as_slice() else {
        return Err(Stop::Blocked);
    };
    let mut integer = false;
    for (index, input) in call.node.input.iter().enumerate() {
        let Some(Binding::Constant(constant)) = importer.binding(input) else {
            continue;
        };
        alone.element_types.insert(input, importer.element_type(input));
        if index == 0 {
            integer = constant.is_integer();
            let numbers = constant.numbers();
            let operator = graph::Operator::Constant(numbers.iter().copied().collect());
            let value = alone.push(call, operator, Vec::new(), numbers.shape().to_vec())?;
            alone.bind(input, Binding::Computed(value))?;
        } else if alone.binding(input).is_none() {
            alone.bind(input, Binding::Constant(constant.clone()))?;
        }
    }
    (registration.import)(alone, call)?;
    let Some(&Binding::Computed(value)) = alone.binding(output) else {
        return Err(Stop::Blocked);
    };
    alone.infer_types(call);
    let first = call.input(0).ok_or(Stop::Blocked)?;
    integer &= alone.element_type(output) == alone.element_type(first);
    Ok((value, integer))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_has_no_duplicates() {
        let names = supported_operators();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
        assert!(names.len() > 100, "{}", names.len());
    }
}
