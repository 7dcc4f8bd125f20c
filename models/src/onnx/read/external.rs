//! Tensors in files beside the model.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path};

use super::safetensors;
use crate::onnx::messages::TensorProto;

/// The bytes of a tensor that lie in another file: exactly those that its shape needs, of a regular
/// file in the model's folder. They are where the model says, or in safetensors by the tensor's
/// name.
pub(super) fn external_data(
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
    let (mut offset, mut length) = (number("offset")?, number("length")?);
    // Files of other weights do not know names.
    if location.ends_with(".safetensors") && (offset, length) == (None, None) {
        let place = safetensors::place(&mut file, tensor);
        let place = place.map_err(|problem| format!("external data: {location:?}: {problem}"))?;
        (offset, length) = (Some(place.0), Some(place.1));
    }
    let offset = offset.unwrap_or(0);
    let rest = size.checked_sub(offset);
    let length = length.or(rest).unwrap_or(0);
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
