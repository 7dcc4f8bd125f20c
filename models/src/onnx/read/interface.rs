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

/// Lengths for dimensions that a file leaves open, of which those not mentioned are 1, and what
/// else is left to whoever imports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimensions {
    /// Of dimensions that it names, by their names.
    pub lengths: BTreeMap<String, usize>,
    /// Of all dimensions of an input, by its name: with names or without, also where a name stands
    /// for several of them.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Whether a softmax that ends the network is kept, rather than dropped with a note.
    pub keep_softmax: bool,
}

/// What a network reads.
pub(in crate::onnx) struct Interface {
    /// Whether a softmax that ends the network is kept.
    pub(in crate::onnx) keep_softmax: bool,
    pub(in crate::onnx) inputs: Vec<Input>,
    /// Their element types.
    pub(in crate::onnx) element_types: Vec<(String, i32)>,
    /// Inputs that no operator here can read, and why.
    pub(in crate::onnx) unusable: Vec<(String, String)>,
    pub(in crate::onnx) notes: Vec<String>,
    /// Lengths of the symbolic dimensions.
    pub(in crate::onnx) lengths: BTreeMap<String, usize>,
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
    let mut symbols = Symbols::new(path, graph, dimensions)?;
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
    let known = |name: &&String| symbols.bound.contains_key(*name);
    if let Some(unknown) = dimensions.lengths.keys().find(|name| !known(name)) {
        let known: Vec<String> = symbols.bound.keys().map(|name| format!("{name:?}")).collect();
        return Err(ImportError::Interface {
            path: path.to_owned(),
            place: format!("dimension {unknown:?}"),
            problem: match known[..] {
                [] => {
                    "the model names no dimensions; leave it out, or say all lengths of an input \
                    (`--shape NAME=N,N`)"
                        .into()
                }
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
    let (notes, lengths) = (symbols.notes(), symbols.lengths());
    let keep_softmax = dimensions.keep_softmax;
    Ok(Interface { keep_softmax, inputs, element_types, unusable, notes, lengths })
}

/// Dimensions that the file leaves open, and the lengths they get.
struct Symbols<'d> {
    dimensions: &'d Dimensions,
    /// Lengths of named dimensions that follow from the shapes of inputs: several where inputs
    /// contradict each other.
    implied: BTreeMap<String, BTreeSet<usize>>,
    /// Named dimensions, and whether nobody chose their length.
    bound: BTreeMap<String, bool>,
    /// Inputs with dimensions that have neither length nor name.
    unnamed: BTreeSet<String>,
}

impl<'d> Symbols<'d> {
    fn new(
        path: &Path,
        graph: &GraphProto,
        dimensions: &'d Dimensions,
    ) -> Result<Self, ImportError> {
        let mut implied: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (name, shape) in &dimensions.shapes {
            let Some(info) = graph.input.iter().find(|info| info.name == *name) else {
                let inputs = graph.input.iter().map(|info| format!("{:?}", info.name));
                return Err(ImportError::Interface {
                    path: path.to_owned(),
                    place: format!("shape of {name:?}"),
                    problem: format!(
                        "the model has no input of this name; its inputs are {}",
                        inputs.collect::<Vec<_>>().join(", ")
                    ),
                });
            };
            for (dimension, &length) in open(info).iter().zip(shape) {
                if let Some(Length::DimParam(symbol)) = dimension {
                    implied.entry(symbol.clone()).or_default().insert(length);
                }
            }
        }
        Ok(Self { dimensions, implied, bound: BTreeMap::new(), unnamed: BTreeSet::new() })
    }

    /// The length of a named dimension of an input whose shape nobody gave.
    fn length(&mut self, name: &str) -> Result<usize, String> {
        let chosen = self.dimensions.lengths.get(name).copied();
        let implied: Vec<usize> = self.implied.get(name).into_iter().flatten().copied().collect();
        let length = match (chosen, implied.as_slice()) {
            (None, []) => None,
            (None, [length]) => Some(*length),
            (Some(chosen), _) => Some(chosen),
            (None, _) => {
                return Err(format!(
                    "its dimension {name:?} has the lengths {implied:?} in other inputs; give its \
                    own shape with `--shape`"
                ));
            }
        };
        self.bound.insert(name.to_owned(), length.is_none());
        Ok(length.unwrap_or(1))
    }

    /// The named dimensions whose length is one, whatever input has them.
    fn lengths(&self) -> BTreeMap<String, usize> {
        let length = |name: &String| match self.dimensions.lengths.get(name) {
            Some(&chosen) => Some(chosen),
            None => {
                match self.implied.get(name).map(|implied| implied.iter().collect::<Vec<_>>()) {
                    None => Some(1),
                    Some(implied) => <[&usize; 1]>::try_from(implied).ok().map(|[&length]| length),
                }
            }
        };
        let known = |name: &String| length(name).map(|length| (name.clone(), length));
        self.bound.keys().filter_map(known).collect()
    }

    fn notes(&self) -> Vec<String> {
        let named = self.bound.iter().filter(|&(_, &open)| open).map(|(name, _)| {
            format!("dimension {name:?} is 1; choose another length with `--dim NAME=N`")
        });
        let unnamed = self.unnamed.iter().map(|input| {
            format!(
                "input {input:?} has dimensions without length or name: they are 1; choose others \
                with `--shape NAME=N,N`"
            )
        });
        named.chain(unnamed).collect()
    }
}

/// An input's name and lengths: none of one that is open.
pub(crate) type SaidShape = (String, Vec<Option<usize>>);

/// What a file says of the shapes of its inputs.
pub(in crate::onnx) fn said_shapes(graph: &GraphProto) -> Vec<SaidShape> {
    let constants: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let inputs = graph.input.iter().filter(|input| !constants.contains(input.name.as_str()));
    let lengths = |info: &ValueInfoProto| {
        let fixed = |length: Option<Length>| match length {
            Some(Length::DimValue(length)) => usize::try_from(length).ok(),
            _ => None,
        };
        open(info).into_iter().map(fixed).collect()
    };
    inputs.map(|info| (info.name.clone(), lengths(info))).collect()
}

/// What a file says of an input's dimensions: neither length nor name where it says nothing.
fn open(info: &ValueInfoProto) -> Vec<Option<Length>> {
    let tensor = match info.r#type.as_ref().and_then(|t| t.value.as_ref()) {
        Some(Type::TensorType(tensor)) => tensor.shape.as_ref(),
        _ => None,
    };
    let dimensions = tensor.into_iter().flat_map(|shape| &shape.dim);
    let said = |length: &Option<Length>| match length {
        Some(Length::DimValue(-1)) => None,
        Some(Length::DimParam(name)) if name.is_empty() => None,
        said => said.clone(),
    };
    dimensions.map(|dimension| said(&dimension.value)).collect()
}

/// A shape that was given for an input, if it does not contradict what the file says.
fn given_shape(
    shape: Option<&[Option<Length>]>,
    given: &[usize],
    symbols: &mut Symbols<'_>,
) -> Result<Vec<usize>, String> {
    let Some(said) = shape else { return Ok(given.to_vec()) };
    for dimension in said {
        if let Some(Length::DimParam(name)) = dimension {
            symbols.bound.insert(name.clone(), false);
        }
    }
    let listed = |lengths: &[String]| lengths.join(",");
    let asked = listed(&given.iter().map(ToString::to_string).collect::<Vec<_>>());
    let file = said.iter().map(|length| match length {
        None => "?".to_owned(),
        Some(Length::DimValue(length)) => length.to_string(),
        Some(Length::DimParam(name)) => name.clone(),
    });
    let contradiction = |what: String| {
        let file = listed(&file.clone().collect::<Vec<_>>());
        Err(format!("its shape in the file is {file:?}, but `--shape` says {asked}: {what}"))
    };
    if said.len() != given.len() {
        return contradiction(format!("{} lengths, expected {}", given.len(), said.len()));
    }
    for (axis, (said, &length)) in said.iter().zip(given).enumerate() {
        match said {
            None => {}
            Some(Length::DimValue(fixed)) if usize::try_from(*fixed) == Ok(length) => {}
            Some(Length::DimValue(fixed)) => {
                return contradiction(format!(
                    "dimension {axis} is {fixed} and cannot be {length}"
                ));
            }
            Some(Length::DimParam(name)) => {
                let chosen = symbols.dimensions.lengths.get(name);
                if let Some(chosen) = chosen.filter(|&&chosen| chosen != length) {
                    return contradiction(format!("`--dim` says {name}={chosen}"));
                }
            }
        }
    }
    Ok(given.to_vec())
}

fn fix_input(info: &ValueInfoProto, symbols: &mut Symbols<'_>) -> Result<Input, String> {
    let Some(Type::TensorType(tensor)) = info.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return Err("it is not a tensor".into());
    };
    let said = open(info);
    let fixed = match symbols.dimensions.shapes.get(&info.name) {
        Some(given) => {
            let shape = tensor.shape.as_ref().map(|_| said.as_slice());
            given_shape(shape, given, symbols)?
        }
        None if tensor.shape.is_none() => {
            return Err(
                "its shape is unknown; give it with `--shape NAME=N,N`, or export the model \
                with the input's shape"
                    .into(),
            );
        }
        None => {
            let length = |length: &Option<Length>| match length {
                None => {
                    symbols.unnamed.insert(info.name.clone());
                    Ok(1)
                }
                Some(Length::DimValue(length)) => {
                    usize::try_from(*length).map_err(|_| format!("dimension {length} in its shape"))
                }
                Some(Length::DimParam(name)) => symbols.length(name),
            };
            said.iter().map(length).collect::<Result<Vec<_>, _>>()?
        }
    };
    let element = DataType::try_from(tensor.elem_type).unwrap_or(DataType::Undefined);
    let grid = match element {
        DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => None,
        DataType::Int32 | DataType::Int64 => Some(Grid::open(true)),
        DataType::Uint32 | DataType::Uint64 => Some(Grid::open(false)),
        _ => {
            let (minimum, maximum) = type_range(tensor.elem_type).ok_or_else(|| {
                format!(
                    "its elements are {}, expected floating point numbers, integers or booleans; \
                    convert the model and export it again",
                    type_name(tensor.elem_type)
                )
            })?;
            Some(Grid::integers(minimum, maximum))
        }
    };
    limits::tensor(&fixed)?;
    Ok(Input { name: info.name.clone(), shape: fixed, grid })
}
