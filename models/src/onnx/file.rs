//! From a file's bytes to a protobuf model that is worth reading: decoded, of a known opset, with
//! fixed shapes, and without anything its outputs do not need.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use prost::Message;

use super::ImportError;
use super::error::listed;
use super::messages::tensor_shape_proto::Length;
use super::messages::type_proto::Value as Type;
use super::messages::{DataType, GraphProto, ModelProto, NodeProto, ValueInfoProto};
use super::quantised::type_range;
use super::{Dimensions, NEWEST_OPSET, OLDEST_OPSET};
use crate::integer::signature::{Grid, Input};
use crate::limits::{self, MAX_TENSORS};

/// Protobuf ends at 2 GiB; larger models have external data.
const MAX_BYTES: u64 = 1 << 31;

/// Reads the file's bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    if path.is_dir() {
        let path = path.to_owned();
        return Err(ImportError::Directory { path });
    }
    crate::file::read(path, MAX_BYTES)
        .map_err(|source| ImportError::Read { path: path.to_owned(), source })
}

/// Decodes a model and checks that it has a graph.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<(ModelProto, GraphProto), ImportError> {
    let path = || path.to_owned();
    if bytes.is_empty() {
        return Err(ImportError::Empty { path: path() });
    }
    let not_onnx = |reason: String| ImportError::NotOnnx { path: path(), reason };
    let mut model = ModelProto::decode(bytes).map_err(|error| not_onnx(error.to_string()))?;
    let graph = model.graph.take();
    let graph = graph.ok_or_else(|| not_onnx("it has no graph".into()))?;
    if graph.node.is_empty() {
        return Err(not_onnx("its graph has no nodes".into()));
    }
    if model.opset_import.is_empty() {
        return Err(not_onnx("it names no operator set".into()));
    }
    Ok((model, graph))
}

/// The version of ONNX's own operator set.
pub(super) fn opset(path: &Path, model: &ModelProto) -> Result<i64, ImportError> {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let imports = model.opset_import.iter();
    let found = imports
        .filter(|import| own(&import.domain))
        .map(|import| import.version)
        .next()
        .unwrap_or(0);
    if (OLDEST_OPSET..=NEWEST_OPSET).contains(&found) {
        Ok(found)
    } else {
        let path = path.to_owned();
        Err(ImportError::Opset { path, found })
    }
}

/// Drops nodes and initialisers that no output depends on.
pub(super) fn prune(graph: &mut GraphProto) {
    let mut needed: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    let mut keep = vec![false; graph.node.len()];
    for (node, keep) in graph.node.iter().zip(&mut keep).rev() {
        *keep = node.output.iter().any(|output| needed.contains(output));
        if *keep {
            need(node, &mut needed);
        }
    }
    let mut keep = keep.into_iter();
    graph.node.retain(|_| keep.next().unwrap_or(false));
    graph.initializer.retain(|tensor| needed.contains(&tensor.name));
}

/// What a node reads, the branches inside it included.
fn need(node: &NodeProto, needed: &mut HashSet<String>) {
    needed.extend(node.input.iter().cloned());
    for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
        graph.node.iter().for_each(|node| need(node, needed));
        needed.extend(graph.output.iter().map(|output| output.name.clone()));
    }
}

/// What a network reads.
pub(super) struct Interface {
    pub(super) inputs: Vec<Input>,
    /// Their element types.
    pub(super) element_types: Vec<(String, i32)>,
    /// Inputs that no operator here can read, and why.
    pub(super) unusable: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
}

/// The graph's inputs with their shapes: unknown dimensions become 1.
pub(super) fn fix_inputs(
    path: &Path,
    graph: &mut GraphProto,
    dimensions: &Dimensions,
) -> Result<Interface, ImportError> {
    // Files of IR version 3 list initialisers among the inputs.
    let constants: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    graph.input.retain(|input| !constants.contains(input.name.as_str()));
    let mut symbols = Symbols { dimensions, bound: BTreeMap::new(), unnamed: BTreeSet::new() };
    let (mut inputs, mut unusable): (Vec<Input>, Vec<_>) = (Vec::new(), Vec::new());
    let (mut names, mut element_types) = (HashSet::new(), Vec::new());
    for info in &graph.input {
        if !names.insert(info.name.clone()) {
            return Err(ImportError::Interface {
                path: path.to_owned(),
                place: format!("input {:?}", info.name),
                problem: "two inputs have this name; rename one".into(),
            });
        }
        if let Some(Type::TensorType(tensor)) = info.r#type.as_ref().and_then(|t| t.value.as_ref())
        {
            element_types.push((info.name.clone(), tensor.elem_type));
        }
        match fix_input(info, &mut symbols) {
            Ok(input) => inputs.push(input),
            Err(problem) => {
                unusable.push((info.name.clone(), format!("input {:?}: {problem}", info.name)))
            }
        }
    }
    if let Some(unknown) = dimensions.0.keys().find(|name| !symbols.bound.contains_key(*name)) {
        let known: Vec<String> = symbols.bound.keys().map(|name| format!("{name:?}")).collect();
        return Err(ImportError::Interface {
            path: path.to_owned(),
            place: format!("dimension {unknown:?}"),
            problem: match known[..] {
                [] => "the model has no symbolic dimensions; leave it out".into(),
                _ => {
                    format!(
                        "the model has no dimension of this name; its symbolic dimensions are {}",
                        known.join(", ")
                    )
                }
            },
        });
    }
    for (place, count) in [("inputs", graph.input.len()), ("outputs", graph.output.len())] {
        if count > MAX_TENSORS {
            return Err(ImportError::Interface {
                path: path.to_owned(),
                place: place.into(),
                problem: format!(
                    "there are {count}, expected at most {MAX_TENSORS}; join them, or cut the file \
                    in pieces"
                ),
            });
        }
    }
    if inputs.is_empty() && unusable.is_empty() {
        return Err(nothing(path, "inputs", graph));
    }
    if graph.output.is_empty() {
        return Err(nothing(path, "outputs", graph));
    }
    Ok(Interface { inputs, element_types, unusable, notes: symbols.notes() })
}

/// A network without inputs or outputs.
pub(super) fn nothing(path: &Path, place: &str, graph: &GraphProto) -> ImportError {
    let operators = listed(graph.node.iter().map(|node| node.op_type.as_str()));
    ImportError::Interface {
        path: path.to_owned(),
        place: place.into(),
        problem: format!(
            "there is none for its nodes ({operators}), so there is nothing to prove; export the \
            model again"
        ),
    }
}

/// Symbolic dimensions and the lengths they get.
struct Symbols<'d> {
    dimensions: &'d Dimensions,
    bound: BTreeMap<String, usize>,
    /// Inputs with dimensions that have neither length nor name.
    unnamed: BTreeSet<String>,
}

impl Symbols<'_> {
    fn length(&mut self, name: &str) -> usize {
        let length = self.dimensions.0.get(name).copied().unwrap_or(1);
        self.bound.insert(name.to_owned(), length);
        length
    }

    fn notes(&self) -> Vec<String> {
        let open = self.bound.iter().filter(|(name, _)| !self.dimensions.0.contains_key(*name));
        let named = open.map(|(name, _)| {
            format!("dimension {name:?} is 1; choose another length with `--dim NAME=N`")
        });
        let unnamed = self.unnamed.iter().map(|input| {
            format!("input {input:?} has dimensions without length or name: they are 1")
        });
        named.chain(unnamed).collect()
    }
}

fn fix_input(info: &ValueInfoProto, symbols: &mut Symbols<'_>) -> Result<Input, String> {
    let Some(Type::TensorType(tensor)) = info.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err("it is not a tensor".into());
    };
    let element = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
    let grid = match element {
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => None,
        _ => {
            let (minimum, maximum) = type_range(tensor.elem_type).ok_or_else(|| {
                format!(
                    "its elements are {}, expected FLOAT or integers of at most 16 bits; convert \
                    the model and export it again",
                    type_name(tensor.elem_type)
                )
            })?;
            Some(Grid::integers(minimum, maximum))
        }
    };
    let Some(shape) = &tensor.shape else {
        return Err("its shape is unknown; export the model with the input's shape".into());
    };
    let mut fixed = Vec::new();
    for dimension in &shape.dim {
        let length = match &dimension.value {
            Some(Length::DimValue(-1)) | None => {
                symbols.unnamed.insert(info.name.clone());
                1
            }
            Some(Length::DimValue(length)) => *length,
            Some(Length::DimParam(name)) if name.is_empty() => {
                symbols.unnamed.insert(info.name.clone());
                1
            }
            Some(Length::DimParam(name)) => symbols.length(name) as i64,
        };
        fixed
            .push(usize::try_from(length).map_err(|_| format!("dimension {length} in its shape"))?);
    }
    limits::tensor(&fixed)?;
    Ok(Input { name: info.name.clone(), shape: fixed, grid })
}

/// ONNX's name of an element type.
pub(super) fn type_name(element: i32) -> String {
    match DataType::try_from(element) {
        Ok(known) => known.as_str_name().into(),
        Err(_) => format!("of unknown type {element}"),
    }
}
