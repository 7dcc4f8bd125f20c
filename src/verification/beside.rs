//! What lies beside a file.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use zkinfer_verifier::Digest;
use zkinfer_verifier::wire::files::{KEY, key_digest};

use super::error::{BYTES, CANDIDATES, VerificationError};
use crate::artifact::{NotRead, read_seal};
use crate::files::{names, regular};
use crate::manifest::{LIMIT, Manifest};

/// The path of the key with this digest in a proof's folder: of several, the one that the seal with
/// the other digest lies beside, since one network can be sealed many times. Its files are hashed,
/// not decoded: a neighbour costs its bytes and no more.
pub fn key_beside(
    proof: &Path,
    digest: Digest,
    seal: Option<Digest>,
) -> Result<PathBuf, VerificationError> {
    let directory =
        proof.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(directory)
        .map_err(|error| NotRead { path: directory.into(), error: error.into() })?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let length_of = |path: &Path| {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        usize::try_from(metadata.len()).ok()
    };
    let candidate = |path: PathBuf| {
        let length = length_of(&path).filter(|&length| length <= KEY.limit)?;
        Some((length, path))
    };
    let keys = paths.filter(|path| path.extension().is_some_and(|extension| extension == "vk"));
    // The cheapest first: a large neighbour hides no smaller key.
    let mut candidates: Vec<(usize, PathBuf)> = keys.filter_map(candidate).collect();
    candidates.sort();
    let (all, mut read, mut looked) = (candidates.len(), 0usize, 0);
    let mut without_seal = None;
    for (length, path) in candidates.into_iter().take(CANDIDATES) {
        read = read.saturating_add(length);
        if read > BYTES {
            break;
        }
        looked += 1;
        if fs::File::open(&path)
            .and_then(|file| key_digest(file, length))
            .is_ok_and(|found| found == Some(digest))
        {
            if has_seal(&path, seal) {
                return Ok(path);
            }
            read = read.saturating_add(length_of(&names::beside(&path, "seal")).unwrap_or(0));
            without_seal.get_or_insert(path);
        }
    }
    if let Some(path) = without_seal {
        return Ok(path);
    }
    let proof = proof.to_owned();
    Err(if looked < all {
        VerificationError::TooManyKeys { proof, digest, looked, all }
    } else {
        VerificationError::NoKey { proof, digest }
    })
}

/// Whether the seal that a proof names, if it does, lies beside a key.
pub fn has_seal(key: &Path, seal: Option<Digest>) -> bool {
    seal.is_none_or(|digest| {
        let found = read_seal(&names::beside(key, "seal"));
        found.is_ok_and(|found| found.record.digest() == digest)
    })
}

/// The manifest beside a key or compiled model. One that is there and cannot be read is an error:
/// nobody shall be rid of it by damaging it.
pub fn manifest_beside(path: &Path) -> Result<Option<(PathBuf, Manifest)>, VerificationError> {
    let path = names::beside(path, "json");
    let unread = |error: io::Error| NotRead { path: path.clone(), error: error.into() };
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map(drop).map_err(unread)?,
    }
    let bytes = regular::read(&path, LIMIT).map_err(unread)?;
    match Manifest::from_json(&bytes) {
        Ok(manifest) => Ok(Some((path, manifest))),
        // Inputs are JSON too, and may be called like the model.
        Err(_) if is_data(&bytes) => Ok(None),
        Err(error) => Err(VerificationError::ManifestBeside { path, error }),
    }
}

/// Whether this is JSON as `prove` reads it, nested lists, by name or not, and cannot be what
/// became of a manifest, which holds texts.
fn is_data(bytes: &[u8]) -> bool {
    if bytes.len() > LIMIT {
        return false;
    }
    match serde_json::from_slice(bytes) {
        Ok(serde_json::Value::Array(_)) => true,
        Ok(serde_json::Value::Object(members)) => {
            !members.is_empty() && members.values().all(|value| value.is_array())
        }
        _ => false,
    }
}
