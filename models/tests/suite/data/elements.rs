//! Element types of arrays, and which of their numbers samples hold.

use super::*;

/// A `.npy` file of a header alone.
pub(super) fn header(folder: &Folder, text: &str, version: u8) -> PathBuf {
    let length = (text.len() + 1) as u32;
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    bytes.extend(&length.to_le_bytes()[..if version == 1 { 2 } else { 4 }]);
    bytes.extend(text.bytes().chain([b'\n']));
    std::fs::write(folder.path("h.npy"), bytes).unwrap();
    folder.path("h.npy")
}

/// A `.npy` file of six elements, in two rows.
fn array(folder: &Folder, descriptor: &str, elements: &[u8]) -> PathBuf {
    let text = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': (2, 3), }}");
    let path = header(folder, &text, 1);
    let bytes = [std::fs::read(&path).unwrap(), elements.to_vec()].concat();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn bytes<const N: usize, T: Copy>(elements: [T; 6], bytes: fn(T) -> [u8; N]) -> Vec<u8> {
    elements.into_iter().flat_map(bytes).collect()
}

#[test]
fn all_element_types_of_npy() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 3])];
    let short = [0x0000, 0x3c00, 0xbc00, 0x4200, 0x3555, 0x0001u16];
    let halves = [0.0, 1.0, -1.0, 3.0, 0.333_251_95, 5.960_464_5e-8];
    let brains = [0.0, 1.0, -1.0, 3.0, 0.333_984_38, 9.183_55e-41];
    let brain = [0x0000, 0x3f80, 0xbf80, 0x4040, 0x3eab, 0x0001u16];
    let whole = [0.0, 1.0, 2.0, 3.0, 100.0, 127.0];
    let bits = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    let ints = [0u8, 1, 2, 3, 100, 127];
    for (descriptor, elements, expected) in [
        ("<f2", bytes(short, u16::to_le_bytes), halves),
        (">f2", bytes(short, u16::to_be_bytes), halves),
        ("<V2", bytes(brain, u16::to_le_bytes), brains),
        ("|V2", bytes(brain, u16::to_le_bytes), brains),
        ("<f4", bytes(halves, f32::to_le_bytes), halves),
        (">f8", bytes(halves.map(f64::from), f64::to_be_bytes), halves),
        ("|b1", vec![0, 1, 1, 0, 0, 1], bits),
        ("|u1", ints.to_vec(), whole),
        ("|i1", ints.to_vec(), whole),
        ("<u2", bytes(ints.map(u16::from), u16::to_le_bytes), whole),
        (">i2", bytes(ints.map(i16::from), i16::to_be_bytes), whole),
        ("<u4", bytes(ints.map(u32::from), u32::to_le_bytes), whole),
        ("<i4", bytes(ints.map(i32::from), i32::to_le_bytes), whole),
        (">u8", bytes(ints.map(u64::from), u64::to_be_bytes), whole),
        ("<i8", bytes(ints.map(i64::from), i64::to_le_bytes), whole),
    ] {
        let data = Dataset::read(array(&folder, descriptor, &elements), &inputs).unwrap();
        let read: Vec<f32> =
            data.samples().iter().flat_map(|sample| sample[0].iter().copied()).collect();
        assert_eq!(read, expected, "{descriptor}");
    }
    // Signs.
    let below = array(&folder, "<i2", &bytes([-1, -2, -3, 4, 5, -32768], i16::to_le_bytes));
    let data = Dataset::read(below, &inputs).unwrap();
    assert_eq!(data.samples()[1][0].iter().copied().collect::<Vec<_>>(), [4.0, 5.0, -32768.0]);
    for other in ["<c8", "<f16", "<U1", "|O", "=V2", "=f4", "f4", "|f2", "<M8[s]", "|V4"] {
        assert_eq!(
            folder.error(&array(&folder, other, &[0; 96]), &inputs),
            format!(
                "\"/h.npy\": its elements are '{other}', expected float16, bfloat16, float32, \
                float64, bool or integers; convert it with `.astype(\"float32\")`"
            )
        );
    }
}

#[test]
fn integers_that_floats_do_not_hold_are_refused() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 3])];
    let read = |x: i64| {
        let path = array(&folder, "<i8", &bytes([0, 1, 2, 3, 4, x], i64::to_le_bytes));
        match Dataset::read(&path, &inputs) {
            Ok(data) => Ok(data.samples()[1][0][[0, 2]]),
            Err(_) => Err(folder.error(&path, &inputs)),
        }
    };
    assert_eq!(read(16_777_216), Ok(16_777_216.0));
    assert_eq!(read(-(1 << 40)), Ok(-1_099_511_627_776.0));
    for x in [16_777_217, -16_777_217, i64::MAX] {
        assert_eq!(
            read(x).unwrap_err(),
            format!(
                "\"/h.npy\": it holds the integer {x}, which is none of float32, exact to \
                16777216; convert it with `.astype(\"float32\")` if it may be rounded"
            )
        );
    }
    // Floats are rounded.
    let doubles = bytes([0.1, 16_777_217.0, 0.0, 0.0, 0.0, 0.0], f64::to_le_bytes);
    let data = Dataset::read(array(&folder, "<f8", &doubles), &inputs).unwrap();
    assert_eq!(data.samples()[0][0][[0, 1]], 16_777_216.0);
}
