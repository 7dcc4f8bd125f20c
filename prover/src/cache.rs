//! What is kept on disk: commitment parameters, derived once per machine and `k`, and the digests of seals whose range proofs were checked.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use thiserror::Error;
use zkinfer_verifier::parameters::Basis;
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
    #[error("{path:?}: {source}; set {CACHE_VARIABLE} to a directory that can be written")]
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

/// Where parameters are kept: `generators-K.bin` and `lagrange-K.bin` in `ZKINFER_CACHE` or the user's cache directory.
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

    /// The file with a basis for `k`.
    pub fn path(&self, basis: Basis, k: u32) -> PathBuf {
        self.directory.join(match basis {
            Basis::Coefficient => format!("generators-{k}.bin"),
            Basis::Lagrange => format!("lagrange-{k}.bin"),
        })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads the parameters, or derives and stores what is missing. `deriving` is called before the slow way is taken. A file with the wrong
    /// digest is replaced. A cache that cannot be written costs time, not the result: the second value says why it was not.
    pub fn load(&self, k: u32, deriving: impl FnOnce()) -> Result<(Parameters, Option<CacheError>), CacheError> {
        let mut deriving = Some(deriving);
        // Both files may be missing.
        let mut announce = || deriving.take().into_iter().for_each(|deriving| deriving());
        let (mut parameters, unsaved) = self.load_for_verifying(k, &mut announce)?;
        let read = fs::read(self.path(Basis::Lagrange, k)).is_ok_and(|bytes| parameters.read_lagrange(&bytes).is_ok());
        if read {
            return Ok((parameters, unsaved));
        }
        announce();
        parameters.derive_lagrange()?;
        let stored = self.store(Basis::Lagrange, k, &parameters.lagrange_to_bytes());
        Ok((parameters, unsaved.or(stored.err())))
    }

    /// The same for verifying only, which takes one of the two files, and by far the one that is derived faster.
    pub fn load_for_verifying(
        &self,
        k: u32,
        deriving: impl FnOnce(),
    ) -> Result<(Parameters, Option<CacheError>), CacheError> {
        if let Ok(bytes) = fs::read(self.path(Basis::Coefficient, k))
            && let Ok(parameters) = Parameters::read_for_verifying(k, &bytes)
        {
            return Ok((parameters, None));
        }
        deriving();
        let parameters = Parameters::derive_for_verifying(k)?;
        let stored = self.store(Basis::Coefficient, k, &parameters.to_bytes());
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

    /// The bytes of a file of the cache, if it is there.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.directory.join(name)).ok()
    }

    /// Writes a file of the cache.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        self.persist(&self.directory.join(name), bytes)
    }

    fn store(&self, basis: Basis, k: u32, bytes: &[u8]) -> Result<(), CacheError> {
        self.persist(&self.path(basis, k), bytes)
    }

    /// Writes to a temporary file, then renames.
    fn persist(&self, path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
        let failed = |source| CacheError::File { path: path.to_owned(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: u32 = zkinfer_verifier::MIN_K;

    /// What a load gave, and whether it derived.
    fn load(cache: &Cache, proving: bool) -> (Parameters, bool) {
        let mut derived = 0;
        let deriving = || derived += 1;
        let loaded = if proving { cache.load(K, deriving) } else { cache.load_for_verifying(K, deriving) };
        let (parameters, unsaved) = loaded.expect("a supported size");
        assert!(unsaved.is_none() && derived <= 1);
        assert_eq!(parameters.for_proving(), proving);
        (parameters, derived == 1)
    }

    #[test]
    fn what_is_missing_or_damaged_is_derived_and_stored() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(directory.path().join("not/yet/there"));
        let [coefficient, lagrange] = [Basis::Coefficient, Basis::Lagrange].map(|basis| cache.path(basis, K));

        assert!(load(&cache, false).1);
        assert!(coefficient.is_file() && !lagrange.exists(), "verifiers store what they use");
        assert!(!load(&cache, false).1);
        let (derived, slowly) = load(&cache, true);
        assert!(slowly && lagrange.is_file());
        let files = [&coefficient, &lagrange].map(|path| fs::read(path).expect("a file"));
        assert_eq!(files, [derived.to_bytes(), derived.lagrange_to_bytes()]);
        assert!(!load(&cache, true).1);

        for (path, file) in [&coefficient, &lagrange].into_iter().zip(&files) {
            for damaged in [&file[1..], &[], &[&file[..], &[0]].concat()] {
                fs::write(path, damaged).expect("a file");
                assert!(load(&cache, true).1);
                assert_eq!(&fs::read(path).expect("a file"), file, "replaced");
            }
        }
        fs::write(&lagrange, "no matter").expect("a file");
        assert!(!load(&cache, false).1, "verifiers do not look at it");
        assert!(cache.load(K - 1, || ()).is_err());
    }

    #[test]
    fn a_cache_that_cannot_be_written_costs_time_only() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let (parameters, unsaved) = Cache::at(file.path()).load(K, || ()).expect("a supported size");
        assert!(parameters.for_proving());
        assert!(matches!(unsaved, Some(CacheError::File { .. })));
    }
}
