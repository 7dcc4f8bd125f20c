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

/// The number that 16 bits of IEEE 754 half precision stand for.
pub(super) fn half(bits: u16) -> f32 {
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
pub(super) fn brain(bits: u16) -> f32 {
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
