//! What a network reads: its inputs with fixed shapes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::elements::{type_name, type_range};
use super::file::nothing;
use crate::integer::signature::{Grid, Input};
use crate::limits::{self, MAX_TENSORS};
use crate::onnx::error::ImportError;
use crate::onnx::messages::tensor_shape_proto::Length;
use crate::onnx::messages::type_proto::Value as Type;
use crate::onnx::messages::{DataType, GraphProto, ValueInfoProto};

/// Lengths for dimensions that a file names instead of giving them. Those not mentioned are 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimensions(pub BTreeMap<String, usize>);

/// What a network reads.
pub(in crate::onnx) struct Interface {
    pub(in crate::onnx) inputs: Vec<Input>,
    /// Their element types.
    pub(in crate::onnx) element_types: Vec<(String, i32)>,
    /// Inputs that no operator here can read, and why.
    pub(in crate::onnx) unusable: Vec<(String, String)>,
    pub(in crate::onnx) notes: Vec<String>,
}

/// The graph's inputs with their shapes: unknown dimensions become 1.
pub(in crate::onnx) fn fix_inputs(
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
