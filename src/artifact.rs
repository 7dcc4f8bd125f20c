//! What a file is: told by its first bytes, not by its name.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;
use zkinfer_prover::Opening;
use zkinfer_verifier::encoding::Kind;
use zkinfer_verifier::wire::files::{KEY, PROOF, SEAL};
use zkinfer_verifier::{FormatError, Proof, Seal, VerifyingKey};

use crate::circuit::Circuit;
use crate::error::Error as CircuitError;
use crate::files::regular::{self, RegularFile};
use crate::foreign;
use crate::manifest::{self, Manifest, ManifestError};

/// What is in a file of ours, decoded and checked as far as the file alone allows.
#[derive(Debug)]
pub enum Artifact {
    /// A compiled network, `.zkc`: as secret as its weights.
    Circuit(Box<Circuit>),
    /// A verifying key, `.vk`.
    Key(Box<VerifyingKey>),
    /// A seal, `.seal`, whose range proof nobody has checked yet.
    Seal(Seal),
    /// What opens a seal, `.opening`: secret.
    Opening(Opening),
    /// A proof, `.proof`, which nobody has verified yet.
    Proof(Proof),
    /// A model's manifest, `.json`; a signature in it is valid.
    Manifest(Manifest),
}

/// Why a file is no artifact, or none of the kind that was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] io::Error),
    /// It begins like a compiled network and is none.
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    /// It begins like one of the others and is none, or not like what was asked for.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It is called like a manifest and is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It neither begins nor is called like any.
    #[error("neither a .zkc, .vk, .seal, .opening, .proof nor manifest file")]
    Unknown,
}

/// Which file could not be read, and why.
#[derive(Debug)]
pub struct NotRead {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: ArtifactError,
}

impl std::fmt::Display for NotRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&foreign::path(&self.path))
    }
}

impl std::error::Error for NotRead {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Artifact {
    /// Reads a file of any kind; says how many bytes it has.
    pub fn read(path: &Path) -> Result<(Self, usize), ArtifactError> {
        let file = RegularFile::open(path)?;
        let kinds = [Circuit::KIND, KEY, SEAL, Opening::KIND, PROOF];
        let kind = kinds.into_iter().find(|kind| kind.magic == file.head());
        let json = path.extension().is_some_and(|extension| extension == "json");
        let limit = match kind {
            Some(kind) => kind.limit,
            None if json => manifest::LIMIT,
            None => return Err(ArtifactError::Unknown),
        };
        // An opening is wiped from memory, and another file is none the worse for it.
        let bytes = Zeroizing::new(file.read(limit)?);
        Ok((Self::from_bytes(kind, &bytes)?, bytes.len()))
    }

    /// Decodes what is of a kind, or of none and so a manifest.
    fn from_bytes(kind: Option<Kind>, bytes: &[u8]) -> Result<Self, ArtifactError> {
        Ok(match kind.map(|kind| kind.magic) {
            None => Self::Manifest(Manifest::from_json(bytes)?),
            Some(magic) if magic == Circuit::KIND.magic => {
                Self::Circuit(Box::new(Circuit::from_bytes(bytes)?))
            }
            Some(magic) if magic == KEY.magic => {
                Self::Key(Box::new(VerifyingKey::from_bytes(bytes)?))
            }
            Some(magic) if magic == SEAL.magic => Self::Seal(Seal::from_bytes(bytes)?),
            Some(magic) if magic == Opening::KIND.magic => {
                Self::Opening(Opening::from_bytes(bytes)?)
            }
            Some(_) => Self::Proof(Proof::from_bytes(bytes)?),
        })
    }
}

/// The compiled network in a file.
pub fn read_circuit(path: &Path) -> Result<Circuit, NotRead> {
    read(path, Circuit::KIND, |bytes| Ok(Circuit::from_bytes(bytes)?))
}

/// The key in a file.
pub fn read_key(path: &Path) -> Result<VerifyingKey, NotRead> {
    read(path, KEY, |bytes| Ok(VerifyingKey::from_bytes(bytes)?))
}

/// The seal in a file; its range proof is not checked.
pub fn read_seal(path: &Path) -> Result<Seal, NotRead> {
    read(path, SEAL, |bytes| Ok(Seal::from_bytes(bytes)?))
}

/// The opening in a file, whose bytes are wiped.
pub fn read_opening(path: &Path) -> Result<Opening, NotRead> {
    read(path, Opening::KIND, |bytes| Ok(Opening::from_bytes(bytes)?))
}

/// The proof in a file; it is not verified.
pub fn read_proof(path: &Path) -> Result<Proof, NotRead> {
    read(path, PROOF, |bytes| Ok(Proof::from_bytes(bytes)?))
}

/// The manifest in a file; a wrong signature is an error.
pub fn read_manifest(path: &Path) -> Result<Manifest, NotRead> {
    let read = || Ok(Manifest::from_json(&regular::read(path, manifest::LIMIT)?)?);
    read().map_err(|error| NotRead { path: path.into(), error })
}

fn read<T>(
    path: &Path,
    kind: Kind,
    decode: impl FnOnce(&[u8]) -> Result<T, ArtifactError>,
) -> Result<T, NotRead> {
    let bytes = || Ok(Zeroizing::new(regular::read_kind(path, kind)?));
    bytes()
        .and_then(|bytes: Zeroizing<Vec<u8>>| decode(&bytes))
        .map_err(|error| NotRead { path: path.into(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each kind is told by, and that each is decoded as what it is told to be.
    #[test]
    fn a_file_is_what_its_first_bytes_say_whatever_it_is_called() {
        let directory = tempfile::tempdir().expect("a directory");
        let known = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/tests/known");
        let path = directory.path().join("misnamed.json");
        let mut kinds = std::collections::BTreeSet::new();
        for file in std::fs::read_dir(known).expect("known-answer files") {
            let file = file.expect("an entry").path();
            let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if !["zkc", "vk", "seal", "opening", "proof"].contains(&ending) {
                continue;
            }
            std::fs::copy(&file, &path).expect("a copy");
            let (artifact, length) = Artifact::read(&path).expect("an artifact");
            assert_eq!(length as u64, std::fs::metadata(&file).expect("a file").len());
            let told = match artifact {
                Artifact::Circuit(_) => "zkc",
                Artifact::Key(_) => "vk",
                Artifact::Seal(_) => "seal",
                Artifact::Opening(_) => "opening",
                Artifact::Proof(_) => "proof",
                Artifact::Manifest(_) => "json",
            };
            assert_eq!(told, ending, "{}", file.display());
            kinds.insert(ending.to_owned());
        }
        assert_eq!(kinds.len(), 5);
        std::fs::write(&path, "{}").expect("a file");
        assert!(matches!(Artifact::read(&path), Err(ArtifactError::Manifest(_))));
        let path = path.with_extension("txt");
        std::fs::write(&path, "{}").expect("a file");
        assert!(matches!(Artifact::read(&path), Err(ArtifactError::Unknown)));
    }
}
