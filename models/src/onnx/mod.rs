//! The door for ONNX, and the only place that sees protobuf.
//!
//! | room | idea |
//! |---|---|
//! | `operators` | what each operator is, one line of registration and one function each |
//! | `functions` | operators that are others in their place: ONNX's functions, and the file's own |
//! | `build` | the graph that comes about, and what importers of operators build it with |
//! | `read` | from bytes to inputs, constants and nodes |
//! | `messages` | what of a file is decoded |
//! | `error` | why a file cannot be imported |
//!
//! Each imports those below it. What the operators' table does not know is refused, all of it in
//! one error.

mod build;
mod error;
mod functions;
pub(crate) mod messages;
mod operators;
mod read;

use std::collections::HashMap;
use std::path::Path;

use crate::float::graph::Graph;
use crate::integer::graph::Output;
use build::import::import_nodes;
use build::importer::{Binding, Importer};
use build::shelf::Shelf;
use error::Stop;
pub use error::{ImportError, NEWEST_OPSET, OLDEST_OPSET, Refusal, Refusals};
use functions::local;
use messages::{GraphProto, ModelProto};
pub use operators::supported_operators;
use read::file;
pub use read::interface::Dimensions;
use read::interface::{Interface, fix_inputs};

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
    (mut model, mut proto): (ModelProto, GraphProto),
    dimensions: &Dimensions,
) -> Result<Imported, ImportError> {
    let opset = file::opset(path, &model)?;
    local::inline(&std::mem::take(&mut model.functions), &mut proto, opset).map_err(
        |(function, problem)| ImportError::Interface {
            path: path.to_owned(),
            place: format!("function {function:?}"),
            problem,
        },
    )?;
    file::prune(&mut proto);
    let interface = fix_inputs(path, &mut proto, dimensions)?;
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    let name = stem.to_string_lossy().into_owned();
    let directory = path.parent();
    let (graph, notes, skipped) = build(path, name, interface, &proto, opset, directory)?;
    #[cfg(not(feature = "tract"))]
    drop((skipped, model));
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
    interface: Interface,
    proto: &GraphProto,
    opset: i64,
    directory: Option<&Path>,
) -> Result<Built, ImportError> {
    let invalid = |problem: String| ImportError::Invalid { path: path.to_owned(), problem };
    let shelf = Shelf::default();
    let table = operators::registration;
    let mut importer = Importer::new(name, interface.inputs, proto, directory, table, &shelf);
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
        let supported = supported_operators().len();
        return Err(ImportError::Unsupported { path: path.to_owned(), refusals, supported });
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
