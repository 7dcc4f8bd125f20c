//! The door for ONNX, and the only place that sees protobuf.
//!
//! | room | idea |
//! |---|---|
//! | `cut` | where a file can be cut that cannot be imported whole |
//! | `operators` | what each operator is, one line of registration and one function each |
//! | `functions` | operators that are others in their place: ONNX's functions, and the file's own |
//! | `build` | the graph that comes about, and what importers of operators build it with |
//! | `read` | from bytes to inputs, constants and nodes |
//! | `error`, `refusals`, `naming` | why a file cannot be imported, and in which words |
//! | `advice` | what helps where a node is refused |
//! | `messages` | what of a file is decoded |
//!
//! Each imports those below it. What the operators' table does not know is refused, all of it in
//! one error.

mod advice;
mod build;
mod cut;
mod error;
mod functions;
pub(crate) mod messages;
mod naming;
mod operators;
mod read;
mod refusals;

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;

use crate::float::graph::Graph;
use crate::float::passes::sweep;
use crate::integer::graph::Output;
use crate::quantise::origin::{Origin, some_of};
use build::import::import_nodes;
use build::importer::{Binding, Importer};
use build::shelf::Shelf;
use error::Stop;
pub use error::{ImportError, NEWEST_OPSET, OLDEST_OPSET};
use functions::local;
use messages::{GraphProto, ModelProto};
pub use operators::{SOFTMAX_DROPPED, supported_operators};
use read::file;
pub use read::interface::Dimensions;
pub(crate) use read::interface::SaidShape;
use read::interface::{self, Interface, fix_inputs};
pub use refusals::{Refusal, Refusals};

/// A network after import.
pub(crate) struct Imported {
    pub(crate) graph: Graph,
    /// What people should know about the import.
    pub(crate) notes: Vec<String>,
    pub(crate) origin: Origin,
    /// The file, as tract shall run it.
    #[cfg(feature = "tract")]
    pub(crate) file: crate::float::tract::File,
}

/// Imports a file.
pub(crate) fn import_file(path: &Path, dimensions: &Dimensions) -> Result<Imported, ImportError> {
    decode(path)?.import(path, dimensions)
}

/// A file, decoded.
pub(crate) struct Decoded {
    model: ModelProto,
    graph: GraphProto,
}

/// Reads and decodes a file.
pub(crate) fn decode(path: &Path) -> Result<Decoded, ImportError> {
    let (model, graph) = file::decode(path, file::read(path)?)?;
    Ok(Decoded { model, graph })
}

impl Decoded {
    /// What it says of the shapes of its inputs.
    pub(crate) fn said_shapes(&self) -> Vec<SaidShape> {
        interface::said_shapes(&self.graph)
    }

    /// Imports it; `path` names it in messages and is where its external data lies.
    pub(crate) fn import(
        self,
        path: &Path,
        dimensions: &Dimensions,
    ) -> Result<Imported, ImportError> {
        import(path, (self.model, self.graph), dimensions)
    }
}

/// Imports a file's bytes; `path` names it in messages and is where its external data lies.
pub(crate) fn import_bytes(
    path: &Path,
    bytes: &[u8],
    dimensions: &Dimensions,
) -> Result<Imported, ImportError> {
    import(path, file::decode(path, Bytes::copy_from_slice(bytes))?, dimensions)
}

fn import(
    path: &Path,
    (mut model, mut proto): (ModelProto, GraphProto),
    dimensions: &Dimensions,
) -> Result<Imported, ImportError> {
    let opset = file::opset(path, &model, &proto)?;
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
    let readable = opset.clamp(OLDEST_OPSET, NEWEST_OPSET);
    let built = build(path, name, interface, &proto, readable, directory);
    if opset != readable {
        let refusals = match built {
            Err(ImportError::Unsupported { refusals, .. }) => refusals,
            _ => Refusals::default(),
        };
        return Err(ImportError::Opset { path: path.to_owned(), found: opset, refusals });
    }
    let (graph, mut notes, skipped, origin) = built?;
    let graph = sweep(graph);
    if graph.inputs.is_empty() {
        return Err(file::nothing(path, "inputs", &proto));
    }
    proto.input.retain(|input| {
        let read = graph.inputs.iter().any(|kept| kept.name == input.name);
        if !read {
            notes.push(format!("input {:?} is dropped: no output depends on it", input.name));
        }
        read
    });
    #[cfg(not(feature = "tract"))]
    drop((skipped, model));
    Ok(Imported {
        graph,
        notes,
        origin,
        #[cfg(feature = "tract")]
        file: crate::float::tract::File::new(model, proto, &skipped, directory),
    })
}

/// A graph, notes, what was skipped, and who quantises.
type Built = (Graph, Vec<String>, Vec<String>, Origin);

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
    importer.lengths = interface.lengths;
    importer.keep_softmax = interface.keep_softmax;
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
        let mut refusals = Refusals(std::mem::take(&mut importer.refusals));
        cut::advise(&importer, proto, path, &mut refusals);
        return Err(ImportError::Unsupported { path: path.to_owned(), refusals });
    }
    if importer.graph.inputs.is_empty() {
        return Err(file::nothing(path, "inputs", proto));
    }
    for output in &proto.output {
        let value = match importer.binding(&output.name) {
            Some(Binding::Computed(value)) => {
                if importer.is_unscaled(&output.name, *value) {
                    return Err(ImportError::Interface {
                        path: path.to_owned(),
                        place: format!("output {:?}", output.name),
                        problem: "it holds integers of DynamicQuantizeLinear, whose scale is not \
                            fixed; put out what is computed of them"
                            .into(),
                    });
                }
                *value
            }
            Some(Binding::Scale { .. } | Binding::Counted { .. }) => {
                return Err(ImportError::Interface {
                    path: path.to_owned(),
                    place: format!("output {:?}", output.name),
                    problem:
                        "it is a scale that DynamicQuantizeLinear computes from the data, and \
                        a circuit has fixed ones; remove it"
                            .into(),
                });
            }
            Some(_) => {
                let operators = naming::listed(proto.node.iter().map(|node| node.op_type.as_str()));
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
    let mut notes = std::mem::take(&mut importer.notes);
    let origin = match importer.measured.as_slice() {
        [] if importer.quantises.get() => Origin::Quantised,
        [] => Origin::Float,
        measured => {
            let names = measured.iter().map(|&value| importer.graph.value_name(value));
            notes.push(format!(
                "the file quantises {} dynamically, each time by the range of the data; the \
                proof's integers have fixed ranges, measured by calibration",
                some_of(names)
            ));
            Origin::Dynamic
        }
    };
    Ok((importer.graph, notes, importer.skipped, origin))
}
