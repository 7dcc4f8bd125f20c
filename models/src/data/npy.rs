//! NumPy files: `.npy`, and `.npz`, which is a zip archive of them.
//!
//! Their headers say how much follows, so that is compared with the limit, and with what there is,
//! before anything is unpacked. Elements are converted as they come: what is held is the result
//! alone.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use ndarray::{ArrayD, ShapeBuilder};
use zip::ZipArchive;
use zip::result::ZipError;

use super::header::Header;
use super::number::{Element, MAX_ELEMENTS, Number};
use crate::tensor::short_floats::{brain, half};

const TYPES: &str = "float16, bfloat16, float32, float64, bool or integers";

/// Most bytes of a header and of the elements behind it.
const MAX_BYTES: u64 = 8 * MAX_ELEMENTS as u64 + (1 << 16);

/// How elements are written.
#[derive(Clone, Copy)]
struct Encoding {
    /// Bytes.
    width: usize,
    /// From bytes in little-endian order.
    read: fn([u8; 8]) -> Element,
    big_endian: bool,
}

impl Encoding {
    /// Of NumPy's descriptor, such as `<f4`.
    fn of(descriptor: &str) -> Option<Self> {
        fn first<const N: usize>(bytes: [u8; 8]) -> [u8; N] {
            std::array::from_fn(|index| bytes[index])
        }
        let (order, name) = descriptor.split_at_checked(1)?;
        fn float(x: f32) -> Element {
            Element::Float(x.into())
        }
        let (width, read): (usize, fn([u8; 8]) -> Element) = match name {
            "f2" => (2, |bytes| float(half(u16::from_le_bytes(first(bytes))))),
            // NumPy has no bfloat16, and calls it two bytes without meaning.
            "V2" => (2, |bytes| float(brain(u16::from_le_bytes(first(bytes))))),
            "f4" => (4, |bytes| float(f32::from_le_bytes(first(bytes)))),
            "f8" => (8, |bytes| Element::Float(f64::from_le_bytes(bytes))),
            "b1" => (1, |bytes| Element::Integer((bytes[0] != 0).into())),
            "u1" => (1, |bytes| Element::Integer(bytes[0].into())),
            "i1" => (1, |bytes| Element::Integer(i8::from_le_bytes(first(bytes)).into())),
            "u2" => (2, |bytes| Element::Integer(u16::from_le_bytes(first(bytes)).into())),
            "i2" => (2, |bytes| Element::Integer(i16::from_le_bytes(first(bytes)).into())),
            "u4" => (4, |bytes| Element::Integer(u32::from_le_bytes(first(bytes)).into())),
            "i4" => (4, |bytes| Element::Integer(i32::from_le_bytes(first(bytes)).into())),
            "u8" => (8, |bytes| Element::Integer(u64::from_le_bytes(bytes).into())),
            "i8" => (8, |bytes| Element::Integer(i64::from_le_bytes(bytes).into())),
            _ => return None,
        };
        let ordered = matches!(order, "<" | ">") || ((width == 1 || name == "V2") && order == "|");
        ordered.then_some(Self { width, read, big_endian: order == ">" })
    }

    fn element(self, bytes: &[u8]) -> Element {
        let mut padded = [0; 8];
        padded[..self.width].copy_from_slice(bytes);
        if self.big_endian {
            padded[..self.width].reverse();
        }
        (self.read)(padded)
    }
}

/// Decodes an array of any of the element types from a source that promises `length` bytes.
fn decode<T: Number>(mut source: impl Read, length: u64) -> Result<ArrayD<T>, String> {
    /// Bytes converted at once, a multiple of every width.
    const CHUNK: usize = 1 << 16;
    let broken = "the file may be truncated, write it again";
    let header = Header::read(&mut source)?;
    let encoding = header.element().and_then(Encoding::of).ok_or_else(|| {
        format!(
            "its elements are {}, expected {TYPES}; convert it with `.astype(\"float32\")`",
            header.described()
        )
    })?;
    let count = header.shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
    let bytes = count.and_then(|count| count.checked_mul(encoding.width));
    let (Some(count), Some(bytes)) = (count, bytes.filter(|&bytes| bytes as u64 <= length)) else {
        return Err(format!(
            "its shape {:?} needs more data than there is; {broken}",
            header.shape
        ));
    };
    if count > MAX_ELEMENTS {
        return Err(format!(
            "its shape {:?} has {count} elements, expected at most {MAX_ELEMENTS}; give fewer \
            samples",
            header.shape
        ));
    }
    let mut elements = Vec::with_capacity(count);
    let mut chunk = vec![0; CHUNK.min(bytes)];
    let mut rest = bytes;
    while rest > 0 {
        let part = &mut chunk[..rest.min(CHUNK)];
        source
            .read_exact(part)
            .map_err(|error| format!("it cannot be read ({error}); {broken}"))?;
        for bytes in part.chunks_exact(encoding.width) {
            elements.push(T::of_element(encoding.element(bytes))?);
        }
        rest -= part.len();
    }
    if source.read(&mut [0]).map_err(|error| format!("it cannot be read ({error}); {broken}"))? > 0
    {
        return Err(format!(
            "there is more data than its shape {:?} needs; {broken}",
            header.shape
        ));
    }
    let shape = header.shape.clone().set_f(header.fortran);
    ArrayD::from_shape_vec(shape, elements).map_err(|error| format!("{error}; {broken}"))
}

/// A `.npy` file.
pub(super) struct Npy {
    pub(super) file: File,
    pub(super) length: u64,
}

impl Npy {
    pub(super) fn array<T: Number>(&mut self) -> Result<ArrayD<T>, String> {
        self.file.rewind().map_err(|error| format!("it cannot be read ({error})"))?;
        decode(BufReader::new(&self.file), self.length)
    }
}

/// A `.npz` file.
pub(super) struct Npz {
    archive: ZipArchive<BufReader<File>>,
    /// Names of arrays, in the archive's order.
    pub(super) names: Vec<String>,
}

impl Npz {
    pub(super) fn open(mut file: File, length: u64) -> Result<Self, String> {
        let broken = |error: &dyn std::fmt::Display| {
            format!("not a complete .npz file ({error}); write it with `numpy.savez`")
        };
        let listed = listed(&mut file, length).map_err(|error| broken(&error))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| broken(&error))?;
        let names = (0..archive.len()).map(|index| {
            let member = archive.name_for_index(index).unwrap_or_default();
            member.strip_suffix(".npy").unwrap_or(member).to_owned()
        });
        let names: Vec<String> = names.collect();
        let mut distinct = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !distinct.insert(name.as_str())) {
            return Err(format!("two of its arrays are called {twice:?}; rename one"));
        }
        // Of members with the very same name the library knows the last alone.
        if listed.is_some_and(|listed| listed != names.len()) {
            return Err("two of its members have the same name; write it again".into());
        }
        Ok(Self { archive, names })
    }

    pub(super) fn array<T: Number>(&mut self, index: usize) -> Result<ArrayD<T>, String> {
        let unpacked =
            |error: ZipError| format!("it cannot be unpacked ({error}); write the file again");
        let entry = self.archive.by_index(index).map_err(unpacked)?;
        let size = entry.size();
        if size > MAX_BYTES {
            return Err(format!(
                "it unpacks to {size} bytes, more than the {MAX_BYTES} that are read; give fewer \
                samples"
            ));
        }
        // No more than it says, whatever is packed in it.
        decode(BufReader::new(entry.take(size.saturating_add(1))), size)
    }
}

/// Number of members that the end of a zip archive says there are, if it is given there.
fn listed(file: &mut File, length: u64) -> io::Result<Option<usize>> {
    /// The record at the end, without the comment behind it.
    const RECORD: usize = 22;
    let tail = length.min((RECORD + (1 << 16)) as u64);
    file.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.by_ref().take(tail).read_to_end(&mut bytes)?;
    file.rewind()?;
    let number = |at: usize| {
        bytes.get(at..at + 2).map(|pair| usize::from(pair[0]) | usize::from(pair[1]) << 8)
    };
    let ends = |at: usize| {
        bytes[at..].starts_with(b"PK\x05\x06") && number(at + 20) == Some(bytes.len() - at - RECORD)
    };
    let record = (0..(bytes.len() + 1).saturating_sub(RECORD)).rev().find(|&at| ends(at));
    // Archives of more members give their number elsewhere.
    Ok(record.and_then(|at| number(at + 10)).filter(|&count| count != 0xffff))
}
