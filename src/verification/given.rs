//! The files that a verifier is given, and what lies beside them.
//!
//! What lies beside a file is whatever its sender put there: it says what a proof is checked by,
//! not whose model that is. So each file remembers where it came from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zkinfer_verifier::{Digest, Seal, VerifyingKey};

use super::beside::{has_seal, key_beside, manifest_beside};
use super::error::VerificationError;
use crate::artifact;
use crate::files::names;
use crate::manifest::{Manifest, ManifestError};

/// Where a file came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was given.
    Named,
    /// It lay beside another: a key beside its proof, a seal beside its key.
    Beside,
}

/// A file that was read.
#[derive(Debug)]
pub struct Found<T> {
    /// What is in it.
    pub content: T,
    /// Its path.
    pub path: PathBuf,
    /// Where it came from.
    pub origin: Origin,
}

/// The files given, by extension; what has none of the others is a proof.
pub struct Given {
    proofs: Vec<PathBuf>,
    keys: Vec<Arc<Found<VerifyingKey>>>,
    seals: Vec<PathBuf>,
    manifests: Vec<(PathBuf, Manifest)>,
}

impl Given {
    /// Sorts them, and reads keys and manifests.
    pub fn read(files: &[PathBuf]) -> Result<Self, VerificationError> {
        let mut given =
            Self { proofs: Vec::new(), keys: Vec::new(), seals: Vec::new(), manifests: Vec::new() };
        for path in files {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("vk") => given.keys.push(read_key(path, Origin::Named)?.into()),
                Some("seal") => given.seals.push(path.clone()),
                Some("json") => {
                    given.manifests.push((path.clone(), artifact::read_manifest(path)?))
                }
                _ => given.proofs.push(path.clone()),
            }
        }
        Ok(given)
    }

    /// The proofs, in order.
    pub fn proofs(&self) -> &[PathBuf] {
        &self.proofs
    }

    /// The key that a proof names: among those given, or beside the proof, with the seal that it
    /// names too. A single key given is taken as it is.
    pub fn key(
        &mut self,
        proof: &Path,
        digest: Digest,
        seal: Option<Digest>,
    ) -> Result<Arc<Found<VerifyingKey>>, VerificationError> {
        let named: Vec<_> = self.keys.iter().filter(|key| key.origin == Origin::Named).collect();
        if let [only] = named[..] {
            return Ok(only.clone());
        }
        let named = !named.is_empty();
        let fits = |key: &&Arc<Found<VerifyingKey>>| {
            key.content.digest() == digest && (named || has_seal(&key.path, seal))
        };
        if let Some(known) = self.keys.iter().find(fits) {
            return Ok(known.clone());
        }
        if named {
            return Err(VerificationError::OtherKeys { proof: proof.into(), digest });
        }
        let path = key_beside(proof, digest, seal)?;
        let key = Arc::new(read_key(&path, Origin::Beside)?);
        self.keys.push(key.clone());
        Ok(key)
    }

    /// The seal for a key with sealed weights: the only one given, the one given with this digest,
    /// or the one beside the key.
    pub fn seal(
        &self,
        key: &Found<VerifyingKey>,
        digest: Option<Digest>,
    ) -> Result<Option<Found<Seal>>, VerificationError> {
        if !key.content.has_sealed_weights() {
            return Ok(None);
        }
        if let [only] = self.seals.as_slice() {
            return read_seal(only, Origin::Named).map(Some);
        }
        for path in &self.seals {
            let seal = read_seal(path, Origin::Named)?;
            if Some(seal.content.record.digest()) == digest {
                return Ok(Some(seal));
            }
        }
        if !self.seals.is_empty() {
            return Err(VerificationError::OtherSeals { digest });
        }
        let beside = names::beside(&key.path, "seal");
        if !beside.exists() {
            return Err(VerificationError::NoSeal { path: beside });
        }
        read_seal(&beside, Origin::Beside).map(Some)
    }

    /// The manifest of each model: the one given that fits its key and seal, or the one beside its
    /// key. Every one that was given is of some model.
    pub fn manifests(
        &self,
        models: &[Model<'_>],
    ) -> Result<Vec<Option<Manifest>>, VerificationError> {
        for (path, manifest) in &self.manifests {
            let misfit =
                models.iter().map(|model| model.fits(manifest)).collect::<Result<Vec<()>, _>>();
            let any = models.iter().any(|model| model.fits(manifest).is_ok());
            if let (Err(misfit), false) = (misfit, any) {
                return Err(VerificationError::of_manifest(path, misfit));
            }
        }
        models.iter().map(|model| self.manifest(model)).collect()
    }

    fn manifest(&self, model: &Model<'_>) -> Result<Option<Manifest>, VerificationError> {
        let fitting: Vec<_> =
            self.manifests.iter().filter(|(_, manifest)| model.fits(manifest).is_ok()).collect();
        match fitting[..] {
            [] => {}
            [(_, manifest)] => return Ok(Some(manifest.clone())),
            [(one, _), (other, _), ..] => {
                let (one, other) = (one.clone(), other.clone());
                return Err(VerificationError::TwoManifests { one, other });
            }
        }
        let manifest = manifest_beside(&model.key.path)?;
        if let Some((path, manifest)) = &manifest {
            model.fits(manifest).map_err(|error| VerificationError::of_manifest(path, error))?;
        }
        Ok(manifest.map(|(_, manifest)| manifest))
    }
}

/// What a manifest is of.
pub struct Model<'a> {
    /// Its key.
    pub key: &'a Found<VerifyingKey>,
    /// The digest of its seal, if its weights are sealed.
    pub seal: Option<Digest>,
}

impl Model<'_> {
    fn fits(&self, manifest: &Manifest) -> Result<(), ManifestError> {
        let seal = self.seal.map(|seal| seal.to_string());
        manifest.fits(&self.key.content.digest().to_string(), seal.as_deref())
    }
}

fn read_key(path: &Path, origin: Origin) -> Result<Found<VerifyingKey>, VerificationError> {
    let content = artifact::read_key(path)?;
    Ok(Found { content, path: path.to_owned(), origin })
}

fn read_seal(path: &Path, origin: Origin) -> Result<Found<Seal>, VerificationError> {
    let content = artifact::read_seal(path)?;
    Ok(Found { content, path: path.to_owned(), origin })
}
