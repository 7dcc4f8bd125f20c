//! From a file's bytes to a protobuf model that is worth reading: decoded, of a known opset, and
//! without anything its outputs do not need.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use prost::Message;

use super::formats;
use crate::onnx::error::{ImportError, NEWEST_OPSET};
use crate::onnx::messages::{GraphProto, ModelProto, NodeProto};
use crate::onnx::naming::{listed, quoted};

/// Protobuf ends at 2 GiB; larger models have external data.
const MAX_BYTES: u64 = 1 << 31;

/// Reads the file's bytes.
pub(in crate::onnx) fn read(path: &Path) -> Result<Bytes, ImportError> {
    if path.is_dir() {
        let path = path.to_owned();
        return Err(ImportError::Directory { path });
    }
    let bytes = crate::file::read(path, MAX_BYTES);
    bytes.map(Bytes::from).map_err(|source| ImportError::Read { path: path.to_owned(), source })
}

/// Decodes a model, whose constants stay where they are, and checks that it has a graph.
pub(in crate::onnx) fn decode(
    path: &Path,
    bytes: Bytes,
) -> Result<(ModelProto, GraphProto), ImportError> {
    let path = || path.to_owned();
    if bytes.is_empty() {
        return Err(ImportError::Empty { path: path() });
    }
    let not_onnx = |reason: String| ImportError::NotOnnx { path: path(), reason };
    if let Some(format) = formats::other(&bytes) {
        return Err(ImportError::Format { path: path(), format });
    }
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

/// The version of ONNX's own operator set; the newest for a file that has none of its operators.
pub(in crate::onnx) fn opset(
    path: &Path,
    model: &ModelProto,
    graph: &GraphProto,
) -> Result<i64, ImportError> {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    if let Some(import) = model.opset_import.iter().find(|import| own(&import.domain)) {
        return Ok(import.version);
    }
    match graph.node.iter().find(|node| own(&node.domain)) {
        None => Ok(NEWEST_OPSET),
        Some(node) => Err(ImportError::Invalid {
            path: path.to_owned(),
            problem: format!(
                "it has operators of ONNX ({}), but names no version of them",
                quoted(&node.op_type)
            ),
        }),
    }
}

/// Drops nodes and initialisers that no output depends on.
pub(in crate::onnx) fn prune(graph: &mut GraphProto) {
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

/// A network without inputs or outputs.
pub(in crate::onnx) fn nothing(path: &Path, place: &str, graph: &GraphProto) -> ImportError {
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
