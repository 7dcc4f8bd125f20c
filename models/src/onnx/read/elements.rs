//! Element types: names, ranges, and how their numbers are written.

use crate::onnx::messages::DataType;

/// ONNX's name of an element type.
pub(in crate::onnx) fn type_name(element: i32) -> String {
    match DataType::try_from(element) {
        Ok(known) => known.as_str_name().into(),
        Err(_) => format!("of unknown type {element}"),
    }
}

/// The integers of an element type.
pub(in crate::onnx) fn type_range(element: i32) -> Option<(i64, i64)> {
    Some(match DataType::try_from(element).ok()? {
        DataType::Int8 => (-128, 127),
        DataType::Uint8 => (0, 255),
        DataType::Int16 => (-32_768, 32_767),
        DataType::Uint16 => (0, 65_535),
        DataType::Int4 => (-8, 7),
        DataType::Uint4 => (0, 15),
        DataType::Bool => (0, 1),
        _ => return None,
    })
}

/// Bytes of so many elements.
pub(super) fn bytes_of(element: DataType, count: usize) -> Option<usize> {
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

pub(super) fn words<const N: usize, T>(
    raw: &[u8],
    read: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, String> {
    let (words, rest) = raw.as_chunks::<N>();
    if rest.is_empty() {
        Ok(words.iter().map(|&word| read(word)).collect())
    } else {
        Err(format!("{} bytes of data, not a multiple of {N}", raw.len()))
    }
}

/// `count` integers of 4 bits, two in a byte, the lower ones first.
pub(super) fn nibbles(bytes: &[u8], count: usize, signed: bool) -> Vec<i16> {
    let pairs = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
    let integers =
        pairs.map(
            |nibble| if signed && nibble > 7 { i16::from(nibble) - 16 } else { i16::from(nibble) },
        );
    integers.take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nibbles_are_decoded() {
        assert_eq!(nibbles(&[0x8f, 0x07], 3, true), [-1, -8, 7]);
        assert_eq!(nibbles(&[0x8f, 0x07], 3, false), [15, 8, 7]);
    }
}
