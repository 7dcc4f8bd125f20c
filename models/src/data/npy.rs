//! NumPy files: `.npy`, and `.npz`, which is a zip archive of them.

use std::io::{Cursor, Read};
use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::npy::header::Header;
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};
use zip::ZipArchive;
use zip::result::ZipError;

use super::{DataError, NamedArray};

const TYPES: &str = "float32, float64, uint8, int8, int32 or int64";

/// No array may unpack to more bytes than this.
const MAX_BYTES: u64 = 1 << 30;

/// What an attempt to read an array as one element type says.
enum Attempt {
    Read(ArrayD<f64>),
    /// Its elements are of another type, named so in the file.
    OtherType(String),
    Broken(String),
}

/// An element type that arrays may have.
trait Element: ReadableElement + Copy {
    fn double(self) -> f64;
}

macro_rules! elements {
    ($($element:ty),*) => {
        $(impl Element for $element {
            fn double(self) -> f64 {
                self as f64
            }
        })*
    };
}

elements!(f32, f64, u8, i8, i32, i64);

fn attempt<T: Element>(bytes: &[u8]) -> Attempt {
    match ArrayD::<T>::read_npy(bytes) {
        Ok(array) => Attempt::Read(array.mapv(T::double)),
        Err(ReadNpyError::WrongDescriptor(found)) => Attempt::OtherType(found.to_string()),
        Err(other) => Attempt::Broken(other.to_string()),
    }
}

/// Decodes an array of any of the element types.
fn decode(bytes: &[u8]) -> Result<ArrayD<f64>, String> {
    plausible(bytes)?;
    let mut found = String::new();
    for attempt in [attempt::<f32>, attempt::<f64>, attempt::<u8>, attempt::<i8>, attempt::<i32>, attempt::<i64>] {
        match attempt(bytes) {
            Attempt::Read(array) => return Ok(array),
            Attempt::OtherType(name) => found = name,
            Attempt::Broken(problem) => return Err(format!("{problem}; the file may be truncated, write it again")),
        }
    }
    Err(format!("its elements are {found}, expected {TYPES}; convert it with `.astype(\"float32\")`"))
}

/// Refuses a header that promises more elements than there are bytes, before anything is allocated for them.
fn plausible(bytes: &[u8]) -> Result<(), String> {
    let header = Header::from_reader(&mut &*bytes)
        .map_err(|error| format!("not a complete .npy file ({error}); write it with `numpy.save`"))?;
    let count = header.shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
    match count.filter(|&count| count <= bytes.len()) {
        Some(_) => Ok(()),
        None => Err(format!("its shape {:?} needs more data than there is; write it again", header.shape)),
    }
}

pub(super) fn read_npy(path: &Path, bytes: &[u8]) -> Result<Vec<NamedArray>, DataError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let array = decode(bytes).map_err(|problem| DataError::File { path: path.to_owned(), problem })?;
    Ok(vec![NamedArray { name, array: Ok(array) }])
}

pub(super) fn read_npz(path: &Path, bytes: &[u8]) -> Result<Vec<NamedArray>, DataError> {
    let fault = |error: ZipError| DataError::File {
        path: path.to_owned(),
        problem: format!("not a complete .npz file ({error}); write it with `numpy.savez`"),
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(fault)?;
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(fault)?;
        let name = entry.name().strip_suffix(".npy").unwrap_or(entry.name()).to_owned();
        let mut unpacked = Vec::new();
        let array = match entry.take(MAX_BYTES + 1).read_to_end(&mut unpacked) {
            Err(error) => Err(format!("it cannot be unpacked ({error}); write the file again")),
            Ok(_) if unpacked.len() as u64 > MAX_BYTES => {
                Err(format!("it unpacks to more than {MAX_BYTES} bytes; give fewer samples"))
            }
            Ok(_) => decode(&unpacked),
        };
        arrays.push(NamedArray { name, array });
    }
    Ok(arrays)
}
