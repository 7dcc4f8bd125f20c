//! Constants: initialisers, `Constant` nodes, and what views make of them.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path};

use ndarray::ArrayD;

use super::file::type_name;
use super::messages::{DataLocation, DataType, TensorProto};
use crate::limits;
use crate::tensor::moves;

/// A tensor known at import.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    /// Of all floating point types.
    Float(ArrayD<f32>),
    /// Real numbers that need more bits: biases that the file has quantised to 32.
    Double(ArrayD<f64>),
    /// Integers of all widths, and booleans.
    Integer(ArrayD<i64>),
    /// Integers of at most 8 bits, of which there may be many.
    Small(ArrayD<i16>),
    /// Real numbers that the file has quantised: `scale·(integer − zero)`.
    Quantised {
        /// The integers.
        integers: ArrayD<i16>,
        /// One for all, or one for each index of `axis`.
        scales: Vec<f32>,
        /// As many.
        zeros: Vec<i64>,
        axis: usize,
    },
}

impl Constant {
    /// Decodes a protobuf tensor; `directory` is where external data lies.
    pub(super) fn decode(tensor: &TensorProto, directory: Option<&Path>) -> Result<Self, String> {
        let shape = dimensions(tensor)?;
        let count = elements_of(&shape)?;
        let element = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
        let external;
        let raw = if tensor.data_location == Some(DataLocation::External as i32) {
            let needed = bytes_of(element, count).ok_or_else(|| unsupported(tensor))?;
            external = external_data(tensor, directory, needed)?;
            &external
        } else {
            &tensor.raw_data
        };
        let floats = |floats| elements(&shape, floats).map(Self::Float);
        let integers = |integers| elements(&shape, integers).map(Self::Integer);
        let small = |integers| elements(&shape, integers).map(Self::Small);
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

    /// Numbers as a constant of integers or of reals.
    pub(super) fn from_numbers(numbers: ArrayD<f64>, integer: bool) -> Self {
        if integer {
            Self::Integer(numbers.mapv(|x| x as i64))
        } else {
            Self::Float(numbers.mapv(|x| x as f32))
        }
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.shape().iter().product()
    }

    pub(super) fn scalar(value: f32) -> Self {
        Self::Float(ArrayD::from_elem(vec![], value))
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Float(tensor) => tensor.shape(),
            Self::Double(tensor) => tensor.shape(),
            Self::Integer(tensor) => tensor.shape(),
            Self::Small(tensor) | Self::Quantised { integers: tensor, .. } => tensor.shape(),
        }
    }

    /// Whether its elements are integers.
    pub(super) fn is_integer(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Small(_))
    }

    /// The elements as double precision numbers.
    pub(super) fn numbers(&self) -> ArrayD<f64> {
        match self {
            Self::Float(tensor) => tensor.mapv(f64::from),
            Self::Double(tensor) => tensor.clone(),
            Self::Integer(tensor) => tensor.mapv(|x| x as f64),
            Self::Small(tensor) => tensor.mapv(f64::from),
            Self::Quantised { integers, scales, zeros, axis } => {
                let mut reals = integers.mapv(f64::from);
                if let ([scale], [zero]) = (&scales[..], &zeros[..]) {
                    let (scale, zero) = (f64::from(*scale), *zero as f64);
                    return reals.mapv_into(|x| scale * (x - zero));
                }
                for (index, mut part) in reals.axis_iter_mut(ndarray::Axis(*axis)).enumerate() {
                    let (scale, zero) = (f64::from(scales[index]), zeros[index] as f64);
                    part.mapv_inplace(|x| scale * (x - zero));
                }
                reals
            }
        }
    }

    /// The elements as real numbers, all of them finite.
    pub(super) fn finite(&self) -> Result<ArrayD<f32>, String> {
        let reals = match self {
            Self::Float(tensor) => tensor.clone(),
            Self::Double(_) | Self::Quantised { .. } => self.numbers().mapv(|x| x as f32),
            Self::Integer(_) | Self::Small(_) => {
                return Err("its elements are integers, expected FLOAT".into());
            }
        };
        match reals.iter().find(|x| !x.is_finite()) {
            None => Ok(reals),
            Some(x) => Err(format!("it holds {x}")),
        }
    }

    pub(super) fn integers(&self) -> Result<Vec<i64>, String> {
        match self {
            Self::Integer(tensor) => Ok(tensor.iter().copied().collect()),
            Self::Small(tensor) => Ok(tensor.iter().map(|&x| x.into()).collect()),
            Self::Float(_) | Self::Double(_) | Self::Quantised { .. } => {
                Err("its elements are FLOAT, expected integers".into())
            }
        }
    }

    pub(super) fn reshape(&self, shape: &[usize]) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(moves::reshape(tensor, shape)),
            Self::Double(tensor) => Self::Double(moves::reshape(tensor, shape)),
            Self::Integer(tensor) => Self::Integer(moves::reshape(tensor, shape)),
            Self::Small(tensor) => Self::Small(moves::reshape(tensor, shape)),
            Self::Quantised { integers, scales, zeros, .. } if scales.len() == 1 => {
                Self::Quantised {
                    integers: moves::reshape(integers, shape),
                    scales: scales.clone(),
                    zeros: zeros.clone(),
                    axis: 0,
                }
            }
            Self::Quantised { .. } => {
                Self::Float(moves::reshape(&self.numbers().mapv(|x| x as f32), shape))
            }
        }
    }

    pub(super) fn transpose(&self, permutation: &[usize]) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(moves::transpose(tensor, permutation)),
            Self::Double(tensor) => Self::Double(moves::transpose(tensor, permutation)),
            Self::Integer(tensor) => Self::Integer(moves::transpose(tensor, permutation)),
            Self::Small(tensor) => Self::Small(moves::transpose(tensor, permutation)),
            Self::Quantised { integers, scales, zeros, axis } => Self::Quantised {
                integers: moves::transpose(integers, permutation),
                scales: scales.clone(),
                zeros: zeros.clone(),
                axis: permutation.iter().position(|from| from == axis).unwrap_or(0),
            },
        }
    }

    pub(super) fn slice(&self, axis: usize, start: usize, step: isize, count: usize) -> Self {
        match self {
            Self::Float(tensor) => Self::Float(moves::slice(tensor, axis, start, step, count)),
            Self::Integer(tensor) => Self::Integer(moves::slice(tensor, axis, start, step, count)),
            Self::Small(tensor) => Self::Small(moves::slice(tensor, axis, start, step, count)),
            Self::Double(_) | Self::Quantised { .. } => {
                let reals = self.numbers().mapv(|x| x as f32);
                Self::Float(moves::slice(&reals, axis, start, step, count))
            }
        }
    }
}

/// Bytes of so many elements.
fn bytes_of(element: DataType, count: usize) -> Option<usize> {
    let width = match element {
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Float16 | DataType::Bfloat16 | DataType::Int16 | DataType::Uint16 => 2,
        DataType::Int8 | DataType::Uint8 | DataType::Bool => 1,
        DataType::Int4 | DataType::Uint4 => return Some(count.div_ceil(2)),
        _ => return None,
    };
    count.checked_mul(width)
}

/// The bytes of a tensor that lie in another file: exactly those that its shape needs, of a regular
/// file in the model's folder.
fn external_data(
    tensor: &TensorProto,
    directory: Option<&Path>,
    needed: usize,
) -> Result<Vec<u8>, String> {
    let entry = |key: &str| {
        tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
    };
    let number = |key: &str| -> Result<Option<u64>, String> {
        let parsed = entry(key).map(str::parse).transpose();
        parsed.map_err(|_| format!("external data: {key} is no number"))
    };
    let location = entry("location").ok_or("external data: its location is missing")?;
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(location).components().all(inside) {
        return Err(format!("external data: {location:?} leaves the model's folder"));
    }
    let folder =
        directory.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = folder.join(location);
    let failed = |error: io::Error| format!("external data: cannot read {path:?}: {error}");
    // Where links lead.
    if !path.canonicalize().map_err(failed)?.starts_with(folder.canonicalize().map_err(failed)?) {
        return Err(format!(
            "external data: {location:?} is a link that leaves the model's folder; copy the file \
            it leads to"
        ));
    }
    let (mut file, size) = crate::file::open(&path).map_err(failed)?;
    let offset = number("offset")?.unwrap_or(0);
    let rest = size.checked_sub(offset);
    let length = number("length")?.or(rest).unwrap_or(0);
    if rest.is_none_or(|rest| length > rest) {
        return Err(format!(
            "external data: {length} bytes from {offset} on, but {location:?} has {size}"
        ));
    }
    if length != needed as u64 {
        return Err(format!(
            "external data: {length} bytes for shape {:?}, expected {needed}",
            tensor.dims
        ));
    }
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut bytes = vec![0; needed];
    file.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
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
pub(super) fn declared(tensor: &TensorProto) -> Result<usize, String> {
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

fn words<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let (words, rest) = raw.as_chunks::<N>();
    if rest.is_empty() {
        Ok(words.iter().map(|&word| read(word)).collect())
    } else {
        Err(format!("{} bytes of data, not a multiple of {N}", raw.len()))
    }
}

/// `count` integers of 4 bits, two in a byte, the lower ones first.
fn nibbles(bytes: &[u8], count: usize, signed: bool) -> Vec<i16> {
    let pairs = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
    let integers =
        pairs.map(
            |nibble| if signed && nibble > 7 { i16::from(nibble) - 16 } else { i16::from(nibble) },
        );
    integers.take(count).collect()
}

/// The number that 16 bits of IEEE 754 half precision stand for.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// The same for bfloat16.
fn brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_floats_and_nibbles_are_decoded() {
        assert_eq!(
            [0x3c00, 0xc000, 0x3555, 1, 0x7c00].map(half),
            [1.0, -2.0, 0.333_251_95, 5.960_464_5e-8, f32::INFINITY]
        );
        assert_eq!(brain(0xc040), -3.0);
        assert_eq!(nibbles(&[0x8f, 0x07], 3, true), [-1, -8, 7]);
        assert_eq!(nibbles(&[0x8f, 0x07], 3, false), [15, 8, 7]);
    }
}
