//! The files of a compiled model, written together or not at all: the secret one opens the seal
//! beside it and no other.

use std::path::PathBuf;

use zeroize::Zeroizing;
use zkinfer_prover::Opening;
use zkinfer_verifier::encoding::digest::model_digest;
use zkinfer_verifier::{Digest, Seal};

use crate::circuit::Circuit;
use crate::files::set::{self, NewFile, NotWritten, Note};

/// How the names of the files end: circuit, key, and of sealed weights opening and seal.
pub const ENDINGS: [&str; 4] = ["zkc", "vk", "opening", "seal"];

/// A compiled model as the files that it becomes.
pub struct ModelFiles {
    /// Paths with what goes there, and whether it is secret.
    files: Vec<(PathBuf, Zeroizing<Vec<u8>>, bool)>,
    model: Option<Digest>,
}

/// Files that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// With their sizes, in the order of their [endings](ENDINGS).
    pub files: Vec<(PathBuf, usize)>,
    /// What names the model, for whoever demands it of a proof; none before it is sealed.
    pub model: Option<Digest>,
}

impl ModelFiles {
    /// The files of a model, `sealed` or not, at the paths for their endings: two, or four.
    pub fn new(circuit: &Circuit, sealed: Option<&(Seal, Opening)>, paths: &[PathBuf]) -> Self {
        let key = circuit.key();
        let secret = key.has_sealed_weights();
        let mut contents: Vec<(Zeroizing<Vec<u8>>, bool)> =
            vec![(circuit.to_bytes().into(), secret), (key.to_bytes().into(), false)];
        let mut model = (!secret).then(|| model_digest(key.digest(), None));
        if let Some((seal, opening)) = sealed {
            contents.push((opening.to_bytes(), true));
            contents.push((seal.to_bytes().into(), false));
            model = Some(model_digest(key.digest(), Some(seal.record.digest())));
        }
        let files = paths.iter().zip(contents);
        let files = files.map(|(path, (bytes, secret))| (path.clone(), bytes, secret));
        Self { files: files.collect(), model }
    }

    /// Writes the files of all models, or none: see [`set::write`].
    pub fn write(
        models: &[Self],
        force: bool,
        tell: impl FnMut(&Note),
    ) -> Result<Vec<Written>, NotWritten> {
        let files = models.iter().flat_map(|model| &model.files);
        let files: Vec<NewFile<'_>> =
            files.map(|(path, bytes, secret)| NewFile { path, bytes, secret: *secret }).collect();
        set::write(&files, force, tell)?;
        Ok(models.iter().map(Self::written).collect())
    }

    fn written(&self) -> Written {
        let files = self.files.iter().map(|(path, bytes, _)| (path.clone(), bytes.len()));
        Written { files: files.collect(), model: self.model }
    }
}
