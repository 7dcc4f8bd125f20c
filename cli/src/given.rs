//! The files that `verify` is given, and what it finds beside them.
//!
//! What lies beside a file is whatever its sender put there: it says what a proof is checked by,
//! not whose model that is. So each file remembers where it came from.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use zkinfer::artifact;
use zkinfer::files::names;
use zkinfer::foreign;
use zkinfer::manifest::{LIMIT, ManifestError};
use zkinfer::verifier::wire::files::{KEY, key_digest};
use zkinfer::verifier::{Digest, VerifyingKey};
use zkinfer::{Manifest, Seal};

use crate::files;

/// Most `.vk` files of a folder that are looked at for the one that a proof names.
const CANDIDATES: usize = 256;
/// Most of their bytes that are read for it, all together: as many as one key may have.
const BYTES: usize = KEY.limit;

/// Where a file came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was named on the command line.
    Named,
    /// It lay beside another: a key beside its proof, a seal beside its key.
    Beside,
}

/// A file that was read.
#[derive(Debug)]
pub struct Found<T> {
    pub content: T,
    pub path: PathBuf,
    pub origin: Origin,
}

/// The files on the command line, by extension.
pub struct Given {
    pub proofs: Vec<PathBuf>,
    keys: Vec<Rc<Found<VerifyingKey>>>,
    seals: Vec<PathBuf>,
    manifests: Vec<(PathBuf, Manifest)>,
}

impl Given {
    /// Sorts them, and reads keys and manifests.
    pub fn read(files: &[PathBuf]) -> Result<Self> {
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

    /// The key that a proof names: among those given, or beside the proof. A single key given is
    /// taken as it is.
    pub fn key(&mut self, proof: &Path, digest: Digest) -> Result<Rc<Found<VerifyingKey>>> {
        let named: Vec<_> = self.keys.iter().filter(|key| key.origin == Origin::Named).collect();
        if let [only] = named[..] {
            return Ok(only.clone());
        }
        let named = !named.is_empty();
        if let Some(known) = self.keys.iter().find(|key| key.content.digest() == digest) {
            return Ok(known.clone());
        }
        if named {
            bail!(
                "{}: none of the keys given has the digest {digest} that it names",
                foreign::path(proof)
            );
        }
        let path = beside(proof, digest)?;
        let key = Rc::new(read_key(&path, Origin::Beside)?);
        self.keys.push(key.clone());
        Ok(key)
    }

    /// The seal for a key with sealed weights: the only one given, the one given with this digest,
    /// or the one beside the key.
    pub fn seal(
        &self,
        key: &Found<VerifyingKey>,
        digest: Option<Digest>,
    ) -> Result<Option<Found<Seal>>> {
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
            let wanted = digest.map_or("no seal".into(), |digest| digest.to_string());
            bail!("none of the seals given is the one that the proof names ({wanted})");
        }
        let beside = names::beside(&key.path, "seal");
        if !beside.exists() {
            bail!(
                "{}: the weights are sealed and the seal is not here; name the .seal file",
                foreign::path(&beside)
            );
        }
        read_seal(&beside, Origin::Beside).map(Some)
    }

    /// The manifest of each model: the one given that fits its key and seal, or the one beside its
    /// key. Every one that was given is of some model.
    pub fn manifests(&self, models: &[Model<'_>]) -> Result<Vec<Option<Manifest>>> {
        for (path, manifest) in &self.manifests {
            let misfit =
                models.iter().map(|model| model.fits(manifest)).collect::<Result<Vec<()>, _>>();
            let any = models.iter().any(|model| model.fits(manifest).is_ok());
            if let (Err(misfit), false) = (misfit, any) {
                return Err(misfit).with_context(|| foreign::path(path));
            }
        }
        models.iter().map(|model| self.manifest(model)).collect()
    }

    fn manifest(&self, model: &Model<'_>) -> Result<Option<Manifest>> {
        let fitting: Vec<_> =
            self.manifests.iter().filter(|(_, manifest)| model.fits(manifest).is_ok()).collect();
        match fitting[..] {
            [] => {}
            [(_, manifest)] => return Ok(Some(manifest.clone())),
            [(one, _), (other, _), ..] => {
                bail!(
                    "{} and {} are of one model: give one of them",
                    foreign::path(one),
                    foreign::path(other)
                )
            }
        }
        let manifest = manifest_beside(&model.key.path)?;
        if let Some((path, manifest)) = &manifest {
            model.fits(manifest).with_context(|| foreign::path(path))?;
        }
        Ok(manifest.map(|(_, manifest)| manifest))
    }
}

/// What a manifest is of.
pub struct Model<'a> {
    pub key: &'a Found<VerifyingKey>,
    pub seal: Option<Digest>,
}

impl Model<'_> {
    fn fits(&self, manifest: &Manifest) -> Result<(), ManifestError> {
        let seal = self.seal.map(|seal| seal.to_string());
        manifest.fits(&self.key.content.digest().to_string(), seal.as_deref())
    }
}

/// The path of the key with this digest in a proof's folder. Its files are hashed, not decoded: a
/// neighbour costs its bytes and no more.
fn beside(proof: &Path, digest: Digest) -> Result<PathBuf> {
    let directory =
        proof.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(directory).with_context(|| foreign::path(directory))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let candidate = |path: PathBuf| {
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let length = usize::try_from(metadata.len()).ok().filter(|&length| length <= KEY.limit)?;
        Some((length, path))
    };
    let keys = paths.filter(|path| path.extension().is_some_and(|extension| extension == "vk"));
    // The cheapest first: a large neighbour hides no smaller key.
    let mut candidates: Vec<(usize, PathBuf)> = keys.filter_map(candidate).collect();
    candidates.sort();
    let (all, mut read, mut looked) = (candidates.len(), 0usize, 0);
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
            return Ok(path);
        }
    }
    let proof = foreign::path(proof);
    if looked < all {
        bail!(
            "{proof}: none of the {looked} .vk files beside it that were looked at has the digest \
            {digest} that it names; there are {all}, and at most \
             {CANDIDATES} of at most {} MB together are read: name the .vk file",
            BYTES >> 20
        );
    }
    bail!(
        "{proof}: no key with the digest {digest} that it names was given or lies beside it; name \
        the .vk file"
    )
}

fn read_key(path: &Path, origin: Origin) -> Result<Found<VerifyingKey>> {
    let content = artifact::read_key(path)?;
    Ok(Found { content, path: path.to_owned(), origin })
}

fn read_seal(path: &Path, origin: Origin) -> Result<Found<Seal>> {
    let content = artifact::read_seal(path)?;
    Ok(Found { content, path: path.to_owned(), origin })
}

/// The manifest beside a key or compiled model. One that is there and cannot be read is an error:
/// nobody shall be rid of it by damaging it.
pub fn manifest_beside(path: &Path) -> Result<Option<(PathBuf, Manifest)>> {
    let path = names::beside(path, "json");
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        found => found.map(drop).with_context(|| foreign::path(&path))?,
    }
    let bytes = files::read(&path, LIMIT)?;
    match Manifest::from_json(&bytes) {
        Ok(manifest) => Ok(Some((path, manifest))),
        // Inputs are JSON too, and may be called like the model.
        Err(_) if is_data(&bytes) => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("{}: the model's manifest", foreign::path(&path)))
        }
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
