//! From protobuf tensors to constants.

use std::path::Path;

use ndarray::ArrayD;

use super::constant::Constant;
use super::elements::{bytes_of, nibbles, type_name, words};
use super::external::external_data;
use crate::limits;
use crate::onnx::messages::{DataLocation, DataType, TensorProto};
use crate::tensor::short_floats::{brain, half};

/// Decodes a protobuf tensor; `directory` is where external data lies.
pub(in crate::onnx) fn decode(
    tensor: &TensorProto,
    directory: Option<&Path>,
) -> Result<Constant, String> {
    let shape = dimensions(tensor)?;
    let count = elements_of(&shape)?;
    let element = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
    let external;
    let raw = if tensor.data_location == Some(DataLocation::External as i32) {
        let needed = bytes_of(element, count).ok_or_else(|| unsupported(tensor))?;
        external = external_data(tensor, directory, needed)?;
        external.as_slice()
    } else {
        &tensor.raw_data
    };
    let floats = |floats| elements(&shape, floats).map(Constant::Float);
    let integers = |integers| elements(&shape, integers).map(Constant::Integer);
    let small = |integers| elements(&shape, integers).map(Constant::Small);
    let listed = || tensor.int32_data.iter().copied();
    let listed_bytes = || listed().map(|x| x as u8).collect::<Vec<u8>>();
    if raw.is_empty() {
        return match element {
            DataType::Float => floats(tensor.float_data.clone()),
            DataType::Double => floats(tensor.double_data.iter().map(|&x| x as f32).collect()),
            DataType::Float16 => floats(listed().map(|bits| half(bits as u16)).collect()),
            DataType::Bfloat16 => floats(listed().map(|bits| brain(bits as u16)).collect()),
            DataType::Int64 => integers(tensor.int64_data.clone()),
            DataType::Uint64 | DataType::Uint32 => {
                integers(tensor.uint64_data.iter().map(|&x| x as i64).collect())
            }
            DataType::Int32 | DataType::Int16 | DataType::Uint16 => {
                integers(listed().map(i64::from).collect())
            }
            DataType::Int8 | DataType::Uint8 | DataType::Bool => {
                small(listed().map(|x| x as i16).collect())
            }
            DataType::Int4 => small(nibbles(&listed_bytes(), count, true)),
            DataType::Uint4 => small(nibbles(&listed_bytes(), count, false)),
            _ => Err(unsupported(tensor)),
        };
    }
    match element {
        DataType::Float => floats(words(raw, f32::from_le_bytes)?),
        DataType::Double => floats(words(raw, |word| f64::from_le_bytes(word) as f32)?),
        DataType::Float16 => floats(words(raw, |word| half(u16::from_le_bytes(word)))?),
        DataType::Bfloat16 => floats(words(raw, |word| brain(u16::from_le_bytes(word)))?),
        DataType::Int64 => integers(words(raw, i64::from_le_bytes)?),
        DataType::Uint64 => integers(words(raw, |word| u64::from_le_bytes(word) as i64)?),
        DataType::Int32 => integers(words(raw, |word| i32::from_le_bytes(word).into())?),
        DataType::Uint32 => integers(words(raw, |word| u32::from_le_bytes(word).into())?),
        DataType::Int16 => integers(words(raw, |word| i16::from_le_bytes(word).into())?),
        DataType::Uint16 => integers(words(raw, |word| u16::from_le_bytes(word).into())?),
        DataType::Int8 => small(raw.iter().map(|&byte| i16::from(byte as i8)).collect()),
        DataType::Uint8 | DataType::Bool => {
            small(raw.iter().map(|&byte| i16::from(byte)).collect())
        }
        DataType::Int4 => small(nibbles(raw, count, true)),
        DataType::Uint4 => small(nibbles(raw, count, false)),
        _ => Err(unsupported(tensor)),
    }
}

fn unsupported(tensor: &TensorProto) -> String {
    format!("its elements are {}, which is not supported", type_name(tensor.data_type))
}

fn dimensions(tensor: &TensorProto) -> Result<Vec<usize>, String> {
    let lengths = tensor.dims.iter();
    lengths
        .map(|&length| usize::try_from(length).map_err(|_| format!("dimension {length}")))
        .collect()
}

/// Elements that a protobuf tensor declares.
pub(in crate::onnx) fn declared(tensor: &TensorProto) -> Result<usize, String> {
    elements_of(&dimensions(tensor)?)
}

fn elements_of(shape: &[usize]) -> Result<usize, String> {
    // Empty tensors are legal constants: an empty list of axes, say.
    let empty = shape.contains(&0);
    let largest: Vec<usize> = shape.iter().map(|&length| length.max(1)).collect();
    limits::tensor(&largest).map(|count| if empty { 0 } else { count })
}

fn elements<T>(shape: &[usize], elements: Vec<T>) -> Result<ArrayD<T>, String> {
    let (expected, found) = (elements_of(shape)?, elements.len());
    ArrayD::from_shape_vec(shape, elements)
        .map_err(|_| format!("{found} elements for shape {shape:?}, expected {expected}"))
}
