//! What is kept on disk: commitment parameters, derived once per machine and `k`, and the digests of seals whose range proofs were checked.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use thiserror::Error;
use zkinfer_verifier::{Digest, Parameters, ParametersError};

/// Environment variable that names the cache directory.
pub const CACHE_VARIABLE: &str = "ZKINFER_CACHE";

/// Folder of the cache with an empty file per checked seal, named by its digest.
const SEALS: &str = "checked-seals";

/// Why no parameters could be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The user has no cache directory.
    #[error("no cache directory: set {CACHE_VARIABLE} to a directory for the parameters")]
    NoDirectory,
    /// A file could not be read or written.
    #[error("{path}: {source}; set {CACHE_VARIABLE} to a directory that can be written")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `k` is not supported.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
}

/// Where parameters are kept: `params-K.bin` in `ZKINFER_CACHE` or the user's cache directory.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The user's cache.
    pub fn user() -> Result<Self, CacheError> {
        if let Some(directory) = std::env::var_os(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
            return Ok(Self::at(PathBuf::from(directory)));
        }
        let directories = ProjectDirs::from("", "", "zkinfer").ok_or(CacheError::NoDirectory)?;
        Ok(Self::at(directories.cache_dir()))
    }

    /// A cache in a directory, which need not exist.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The file for `k`.
    pub fn path(&self, k: u32) -> PathBuf {
        self.directory.join(format!("params-{k}.bin"))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads the parameters, or derives and stores them. `deriving` is called before the slow way is taken. A file with the wrong digest
    /// is replaced. A cache that cannot be written costs time, not the result: the second value says why it was not.
    pub fn load(&self, k: u32, deriving: impl FnOnce()) -> Result<(Parameters, Option<CacheError>), CacheError> {
        self.load_with(Parameters::read, k, deriving)
    }

    /// The same for verifying only, which takes half the time.
    pub fn load_for_verifying(
        &self,
        k: u32,
        deriving: impl FnOnce(),
    ) -> Result<(Parameters, Option<CacheError>), CacheError> {
        self.load_with(Parameters::read_for_verifying, k, deriving)
    }

    fn load_with(
        &self,
        read: impl Fn(u32, &[u8]) -> Result<Parameters, ParametersError>,
        k: u32,
        deriving: impl FnOnce(),
    ) -> Result<(Parameters, Option<CacheError>), CacheError> {
        if let Ok(bytes) = fs::read(self.path(k)) {
            match read(k, &bytes) {
                Ok(parameters) => return Ok((parameters, None)),
                Err(error @ ParametersError::RowsOutOfRange { .. }) => return Err(error.into()),
                Err(_) => {}
            }
        }
        deriving();
        let parameters = Parameters::derive(k)?;
        let stored = self.store(k, &parameters.to_bytes());
        Ok((parameters, stored.err()))
    }

    /// Whether the range proof of the seal with this digest has been checked before, by this user on this machine.
    pub fn has_checked(&self, seal: Digest) -> bool {
        self.seal(seal).is_file()
    }

    /// Records that the range proof of the seal with this digest has been checked.
    pub fn record_checked(&self, seal: Digest) -> Result<(), CacheError> {
        let path = self.seal(seal);
        let failed = |source| CacheError::File { path: path.clone(), source };
        fs::create_dir_all(self.directory.join(SEALS)).map_err(failed)?;
        fs::write(&path, b"").map_err(failed)
    }

    fn seal(&self, seal: Digest) -> PathBuf {
        self.directory.join(SEALS).join(seal.to_string())
    }

    /// Writes to a temporary file, then renames.
    fn store(&self, k: u32, bytes: &[u8]) -> Result<(), CacheError> {
        let path = self.path(k);
        let failed = |source| CacheError::File { path: path.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}
