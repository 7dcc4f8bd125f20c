//! From a file's bytes to a protobuf model that is worth reading: decoded, of a known opset, with fixed shapes, and
//! without anything its outputs do not need.

use std::collections::HashSet;
use std::path::Path;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto};
use tract_onnx::prelude::Framework;

use super::ImportError;
use super::{NEWEST_OPSET, OLDEST_OPSET};
use crate::graph::Input;
use crate::window::{MAX_ELEMENTS, element_count};

/// Reads the file's bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    if path.is_dir() {
        let path = path.to_owned();
        return Err(ImportError::Directory { path });
    }
    std::fs::read(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })
}

/// Decodes a model and checks that it has a graph.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<(ModelProto, GraphProto), ImportError> {
    let path = || path.to_owned();
    if bytes.is_empty() {
        return Err(ImportError::Empty { path: path() });
    }
    let not_onnx = |reason: String| ImportError::NotOnnx { path: path(), reason };
    let mut model = tract_onnx::onnx()
        .proto_model_for_read(&mut &*bytes)
        .map_err(|error| not_onnx(error.root_cause().to_string()))?;
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
    let found = imports.filter(|import| own(&import.domain)).map(|import| import.version).next().unwrap_or(0);
    if (OLDEST_OPSET..=NEWEST_OPSET).contains(&found) {
        Ok(found)
    } else {
        let path = path.to_owned();
        Err(ImportError::Opset { path, found })
    }
}

/// Drops nodes and initialisers that no output depends on, and what only helps other tools (intermediate shapes).
pub(super) fn prune(graph: &mut GraphProto) {
    let mut needed: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    let mut keep = vec![false; graph.node.len()];
    for (node, keep) in graph.node.iter().zip(&mut keep).rev() {
        *keep = node.output.iter().any(|output| needed.contains(output));
        if *keep {
            needed.extend(node.input.iter().cloned());
        }
    }
    let mut keep = keep.into_iter();
    graph.node.retain(|_| keep.next().unwrap_or(false));
    graph.initializer.retain(|tensor| needed.contains(&tensor.name));
    graph.value_info.clear();
}

/// The graph's inputs with their shapes, which are fixed in the protobuf too: unknown dimensions become 1.
pub(super) fn fix_inputs(path: &Path, graph: &mut GraphProto) -> Result<Vec<Input>, ImportError> {
    // Files of IR version 3 list initialisers among the inputs.
    let constants: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    graph.input.retain(|input| !constants.contains(input.name.as_str()));
    let mut inputs: Vec<Input> = Vec::new();
    for info in &mut graph.input {
        let shape = match inputs.iter().any(|other| other.name == info.name) {
            true => Err("two inputs have this name; rename one".into()),
            false => fix_shape(info),
        };
        let shape = shape.map_err(|problem| ImportError::Interface {
            path: path.to_owned(),
            place: format!("input `{}`", info.name),
            problem,
        })?;
        inputs.push(Input { name: info.name.clone(), shape });
    }
    let nothing = |place: &str| ImportError::Interface {
        path: path.to_owned(),
        place: place.into(),
        problem: "there is none, so there is nothing to prove; export the model again".into(),
    };
    if inputs.is_empty() {
        return Err(nothing("inputs"));
    }
    if graph.output.is_empty() {
        return Err(nothing("outputs"));
    }
    Ok(inputs)
}

fn fix_shape(info: &mut ValueInfoProto) -> Result<Vec<usize>, String> {
    let Some(Type::TensorType(tensor)) = info.r#type.as_mut().and_then(|t| t.value.as_mut()) else {
        return Err("it is not a tensor; only float32 tensors are supported".into());
    };
    if tensor.elem_type != DataType::Float as i32 {
        let found = type_name(tensor.elem_type);
        return Err(format!(
            "its elements are {found}, expected FLOAT; convert the model to float32 and export it again"
        ));
    }
    let Some(shape) = &mut tensor.shape else {
        return Err("its shape is unknown; export the model with the input's shape".into());
    };
    let mut fixed = Vec::new();
    for dimension in &mut shape.dim {
        let length = match dimension.value {
            Some(Dimension::DimValue(length)) if length != 0 && length != -1 => length,
            _ => 1,
        };
        dimension.value = Some(Dimension::DimValue(length));
        let length = usize::try_from(length).map_err(|_| format!("dimension {length} in its shape"))?;
        fixed.push(length);
    }
    match element_count(&fixed) {
        Some(_) => Ok(fixed),
        None => Err(format!("shape {fixed:?} has more than {MAX_ELEMENTS} elements")),
    }
}

/// ONNX's name of an element type.
pub(super) fn type_name(element: i32) -> String {
    match DataType::try_from(element) {
        Ok(known) => known.as_str_name().into(),
        Err(_) => format!("of unknown type {element}"),
    }
}
