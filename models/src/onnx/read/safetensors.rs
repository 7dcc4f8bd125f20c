//! Where a tensor's bytes lie in a safetensors file
//! ([format](https://huggingface.co/docs/safetensors)): eight bytes with the length of a JSON
//! object, which names each tensor's type, shape and place, and the bytes of all of them.

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::elements::type_name;
use crate::onnx::messages::{DataType, TensorProto};

/// Most bytes of the object.
const MAX_HEADER: u64 = 1 << 24;

/// What the object says of a tensor.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<i64>,
    data_offsets: [u64; 2],
}

/// Offset and length of the bytes of a tensor, which is found by its name.
pub(super) fn place(file: &mut impl Read, tensor: &TensorProto) -> Result<(u64, u64), String> {
    let broken = |problem: &dyn fmt::Display| {
        format!("it is no complete safetensors file ({problem}); write it again")
    };
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|error| broken(&error))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(broken(&format_args!("a header of {length} bytes")));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(|error| broken(&error))?;
    if header.len() as u64 != length {
        return Err(broken(&"it ends within its header"));
    }
    let mut json = serde_json::Deserializer::from_slice(&header);
    let entry = Named(&tensor.name).deserialize(&mut json).and_then(|entry| {
        json.end()?;
        Ok(entry)
    });
    let entry = entry.map_err(|error| broken(&error))?;
    let entry = entry.ok_or_else(|| format!("it has no tensor {:?}", tensor.name))?;
    if element(&entry.dtype).is_none_or(|element| element as i32 != tensor.data_type) {
        return Err(format!(
            "its tensor {:?} holds {:?}, and the model's {}",
            tensor.name,
            entry.dtype,
            type_name(tensor.data_type)
        ));
    }
    if entry.shape != tensor.dims {
        return Err(format!(
            "its tensor {:?} has shape {:?}, and the model's {:?}",
            tensor.name, entry.shape, tensor.dims
        ));
    }
    let [begin, end] = entry.data_offsets;
    let place = end.checked_sub(begin).zip((8 + length).checked_add(begin));
    place.map(|(length, offset)| (offset, length)).ok_or_else(|| {
        format!("its tensor {:?} ends at {end}, before it begins at {begin}", tensor.name)
    })
}

fn element(dtype: &str) -> Option<DataType> {
    Some(match dtype {
        "F64" => DataType::Double,
        "F32" => DataType::Float,
        "F16" => DataType::Float16,
        "BF16" => DataType::Bfloat16,
        "I64" => DataType::Int64,
        "I32" => DataType::Int32,
        "I16" => DataType::Int16,
        "I8" => DataType::Int8,
        "U64" => DataType::Uint64,
        "U32" => DataType::Uint32,
        "U16" => DataType::Uint16,
        "U8" => DataType::Uint8,
        "BOOL" => DataType::Bool,
        _ => return None,
    })
}

/// The entry of this name, of all that an object has.
struct Named<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = Option<Entry>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Option<Entry>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name != self.0 {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value::<Entry>()?).is_some() {
                return Err(A::Error::custom(format!("two tensors are called {name:?}")));
            }
        }
        Ok(found)
    }
}
