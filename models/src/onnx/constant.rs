//! Constants: initialisers, `Constant` nodes, and what views make of them.

use ndarray::ArrayD;
use tract_onnx::data_resolver::MmapDataResolver;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

use super::file::type_name;
use crate::layout;
use crate::window::{MAX_ELEMENTS, element_count};

/// A tensor known at import. Integers of all widths, and booleans, are widened to 64 bits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Float(ArrayD<f32>),
    Integer(ArrayD<i64>),
}

impl Constant {
    /// Decodes a protobuf tensor; `directory` is where external data lies.
    pub(super) fn decode(tensor: &TensorProto, directory: Option<&str>) -> Result<Self, String> {
        let shape: Vec<usize> = tensor
            .dims
            .iter()
            .map(|&length| usize::try_from(length).map_err(|_| format!("dimension {length}")))
            .collect::<Result<_, _>>()?;
        let element = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
        let integers = |raw: Vec<i64>| elements(&shape, raw).map(Self::Integer);
        if tensor.data_location == Some(DataLocation::External as i32) {
            return Self::external(tensor, element, directory);
        }
        let raw = &tensor.raw_data;
        match element {
            DataType::Float if raw.is_empty() => elements(&shape, tensor.float_data.clone()).map(Self::Float),
            DataType::Float => elements(&shape, words(raw, f32::from_le_bytes)?).map(Self::Float),
            DataType::Int64 if raw.is_empty() => integers(tensor.int64_data.clone()),
            DataType::Int64 => integers(words(raw, i64::from_le_bytes)?),
            DataType::Int32 if !raw.is_empty() => integers(words(raw, |word| i32::from_le_bytes(word).into())?),
            DataType::Bool if !raw.is_empty() => integers(raw.iter().map(|&byte| i64::from(byte)).collect()),
            DataType::Int32 | DataType::Bool => integers(tensor.int32_data.iter().map(|&x| x.into()).collect()),
            _ => Err(unsupported(tensor)),
        }
    }

    fn external(tensor: &TensorProto, element: DataType, directory: Option<&str>) -> Result<Self, String> {
        if !matches!(element, DataType::Float | DataType::Int64 | DataType::Int32) {
            return Err(unsupported(tensor));
        }
        let loaded = tract_onnx::tensor::load_tensor(&MmapDataResolver, tensor, directory)
            .map_err(|error| format!("external data: {}", error.root_cause()))?;
        let floats = loaded.to_plain_array_view::<f32>();
        if let Ok(array) = floats {
            return Ok(Self::Float(array.to_owned()));
        }
        let integers = loaded.cast_to::<i64>().and_then(|cast| Ok(cast.to_plain_array_view::<i64>()?.to_owned()));
        integers.map(Self::Integer).map_err(|error| error.to_string())
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Float(tensor) => tensor.shape(),
            Self::Integer(tensor) => tensor.shape(),
        }
    }

    /// The float tensor, all elements finite.
    pub(super) fn finite(&self) -> Result<&ArrayD<f32>, String> {
        match self {
            Self::Float(tensor) => match tensor.iter().find(|x| !x.is_finite()) {
                None => Ok(tensor),
                Some(x) => Err(format!("it holds {x}")),
            },
            Self::Integer(_) => Err("its elements are integers, expected FLOAT".into()),
        }
    }

    pub(super) fn integers(&self) -> Result<Vec<i64>, String> {
        match self {
            Self::Integer(tensor) => Ok(tensor.iter().copied().collect()),
            Self::Float(_) => Err("its elements are FLOAT, expected integers".into()),
        }
    }

    pub(super) fn reshape(&self, shape: &[usize]) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(layout::reshape(tensor, shape)),
            Self::Integer(tensor) => Self::Integer(layout::reshape(tensor, shape)),
        }
    }

    pub(super) fn transpose(&self, permutation: &[usize]) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(layout::transpose(tensor, permutation)),
            Self::Integer(tensor) => Self::Integer(layout::transpose(tensor, permutation)),
        }
    }

    pub(super) fn slice(&self, axis: usize, start: usize, step: isize, count: usize) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(layout::slice(tensor, axis, start, step, count)),
            Self::Integer(tensor) => Self::Integer(layout::slice(tensor, axis, start, step, count)),
        }
    }
}

fn unsupported(tensor: &TensorProto) -> String {
    format!(
        "its elements are {}, expected FLOAT (or INT64, INT32, BOOL for shapes and switches)",
        type_name(tensor.data_type)
    )
}

fn elements<T>(shape: &[usize], elements: Vec<T>) -> Result<ArrayD<T>, String> {
    let expected = match element_count(shape) {
        Some(count) => count,
        // Empty tensors are legal constants: an empty list of axes, say.
        None if shape.contains(&0) => 0,
        None => return Err(format!("shape {shape:?} has more than {MAX_ELEMENTS} elements")),
    };
    let found = elements.len();
    ArrayD::from_shape_vec(shape, elements)
        .map_err(|_| format!("{found} elements for shape {shape:?}, expected {expected}"))
}

fn words<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let (words, rest) = raw.as_chunks::<N>();
    if rest.is_empty() {
        Ok(words.iter().map(|&word| read(word)).collect())
    } else {
        Err(format!("{} bytes of data, not a multiple of {N}", raw.len()))
    }
}
