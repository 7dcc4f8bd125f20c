//! What is kept on disk: commitment parameters, derived once per machine and `k`, and the digests
//! of seals whose range proofs were checked.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use thiserror::Error;
use zkinfer_verifier::argument::bound::VERSION;
use zkinfer_verifier::parameters::Basis;
use zkinfer_verifier::{Digest, MAX_K, Parameters, ParametersError};

use crate::files::regular::{RegularFile, is_private, read};
use crate::files::turn::{TEMPORARY, Turn, temporary};

/// Environment variable that names the cache directory.
pub const CACHE_VARIABLE: &str = "ZKINFER_CACHE";

/// Folder of the cache with a record per checked seal, named by its digest, in one folder a version
/// of the argument.
const SEALS: &str = "checked-seals";

/// Most bytes read of parameters: those of a basis for the largest size, with the two points that
/// one of the files holds beside it.
const LONGEST: usize = 64 * ((1 << MAX_K) + 2);
/// Most bytes read of any other file.
const LIMIT: usize = 1 << 20;

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

/// Where parameters are kept: `generators-K.bin` and `lagrange-K.bin` in `ZKINFER_CACHE` or the
/// user's cache directory.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// The user's cache.
    pub fn user() -> Result<Self, CacheError> {
        if let Some(directory) = std::env::var_os(CACHE_VARIABLE).filter(|value| !value.is_empty())
        {
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

    /// Reads the parameters, or derives and stores what is missing. `deriving` is called before the
    /// slow way is taken. A file with the wrong digest is replaced. A cache that cannot be written
    /// costs time, not the result: the second value says why it was not.
    pub fn load(
        &self,
        k: u32,
        deriving: impl FnOnce(),
    ) -> Result<(Parameters, Option<CacheError>), CacheError> {
        let mut deriving = Some(deriving);
        // Both files may be missing.
        let mut announce = || deriving.take().into_iter().for_each(|deriving| deriving());
        let (mut parameters, unsaved) = self.load_for_verifying(k, &mut announce)?;
        let bytes = read(&self.path(Basis::Lagrange, k), LONGEST);
        let read = bytes.is_ok_and(|bytes| parameters.read_lagrange(&bytes).is_ok());
        if read {
            return Ok((parameters, unsaved));
        }
        announce();
        parameters.derive_lagrange()?;
        let stored = self.store(Basis::Lagrange, k, &parameters.lagrange_to_bytes());
        Ok((parameters, unsaved.or(stored.err())))
    }

    /// The same for verifying only, which takes one of the two files, and by far the one that is
    /// derived faster.
    pub fn load_for_verifying(
        &self,
        k: u32,
        deriving: impl FnOnce(),
    ) -> Result<(Parameters, Option<CacheError>), CacheError> {
        if let Ok(bytes) = read(&self.path(Basis::Coefficient, k), LONGEST)
            && let Ok(parameters) = Parameters::read_for_verifying(k, &bytes)
        {
            return Ok((parameters, None));
        }
        deriving();
        let parameters = Parameters::derive_for_verifying(k)?;
        let stored = self.store(Basis::Coefficient, k, &parameters.to_bytes());
        Ok((parameters, stored.err()))
    }

    /// Whether the range proof of the seal with this digest, under these parameters, has been
    /// checked before: by this user, on this machine, by this version of the argument. Anything but
    /// a record that nobody else can have written is none.
    pub fn has_checked(&self, seal: Digest, parameters: Digest) -> bool {
        let private = |folder: &PathBuf| {
            fs::symlink_metadata(folder).is_ok_and(|folder| folder.is_dir() && is_private(&folder))
        };
        let expected = record(seal, parameters);
        let file = || {
            RegularFile::open(&self.seal(seal))
                .ok()
                .filter(|file| file.metadata().is_ok_and(|m| is_private(&m)))
        };
        let read = || file()?.read(expected.len()).ok();
        self.seals().iter().all(private) && read().is_some_and(|bytes| bytes == expected.as_bytes())
    }

    /// Records that the range proof of the seal with this digest has been checked.
    pub fn record_checked(&self, seal: Digest, parameters: Digest) -> Result<(), CacheError> {
        for folder in self.seals() {
            make_private(&folder).map_err(|source| CacheError::File { path: folder, source })?;
        }
        persist(&self.seal(seal), record(seal, parameters).as_bytes())
    }

    /// The folders above a record; none of them may be others' to write.
    fn seals(&self) -> [PathBuf; 2] {
        let all = self.directory.join(SEALS);
        [all.clone(), all.join(format!("argument-{VERSION}"))]
    }

    fn seal(&self, seal: Digest) -> PathBuf {
        let [_, folder] = self.seals();
        folder.join(seal.to_string())
    }

    /// The bytes of a file of the cache, if it is there and of a sensible length.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        read(&self.directory.join(name), LIMIT).ok()
    }

    /// Writes a file of the cache.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        persist(&self.directory.join(name), bytes)
    }

    fn store(&self, basis: Basis, k: u32, bytes: &[u8]) -> Result<(), CacheError> {
        persist(&self.path(basis, k), bytes)
    }
}

/// What a record of a checked seal says.
fn record(seal: Digest, parameters: Digest) -> String {
    format!("zkinfer argument {VERSION}\nseal checked {seal}\nparameters {parameters}\n")
}

/// Makes a folder that only its owner may enter. One that the user has already is taken from
/// others' hands.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    builder.create(folder)
}

/// Writes to a temporary file, then renames. What killed runs have left is removed.
fn persist(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    let failed = |source| CacheError::File { path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(failed)?;
    let turn = Turn::take(directory, || ());
    let (left, listed): (Vec<_>, Vec<_>) =
        turn.stale().into_iter().partition(|path| path.to_string_lossy().ends_with(TEMPORARY));
    // Somebody may have results written here: then the list says which temporary files are still
    // needed.
    if listed.is_empty() {
        left.iter().for_each(|path| _ = fs::remove_file(path));
    }
    let mut file = temporary(directory).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: u32 = zkinfer_verifier::MIN_K;

    /// What a load gave, and whether it derived.
    fn load(cache: &Cache, proving: bool) -> (Parameters, bool) {
        let mut derived = 0;
        let deriving = || derived += 1;
        let loaded =
            if proving { cache.load(K, deriving) } else { cache.load_for_verifying(K, deriving) };
        let (parameters, unsaved) = loaded.expect("a supported size");
        assert!(unsaved.is_none() && derived <= 1);
        assert_eq!(parameters.for_proving(), proving);
        (parameters, derived == 1)
    }

    #[test]
    fn what_is_missing_or_damaged_is_derived_and_stored() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(directory.path().join("not/yet/there"));
        let [coefficient, lagrange] =
            [Basis::Coefficient, Basis::Lagrange].map(|basis| cache.path(basis, K));

        assert!(load(&cache, false).1);
        assert!(coefficient.is_file() && !lagrange.exists(), "verifiers store what they use");
        assert!(!load(&cache, false).1);
        let (derived, slowly) = load(&cache, true);
        assert!(slowly && lagrange.is_file());
        let files = [&coefficient, &lagrange].map(|path| fs::read(path).expect("a file"));
        assert_eq!(files, [derived.to_bytes(), derived.lagrange_to_bytes()]);
        assert!(!load(&cache, true).1);

        fs::write(cache.directory().join(".zkinfer-left.tmp"), "by a killed run").expect("a file");
        for (path, file) in [&coefficient, &lagrange].into_iter().zip(&files) {
            for damaged in [&file[1..], &[], &[&file[..], &[0]].concat()] {
                fs::write(path, damaged).expect("a file");
                assert!(load(&cache, true).1);
                assert_eq!(&fs::read(path).expect("a file"), file, "replaced");
            }
        }
        assert!(!cache.directory().join(".zkinfer-left.tmp").exists());
        fs::write(&lagrange, "no matter").expect("a file");
        assert!(!load(&cache, false).1, "verifiers do not look at it");
        assert!(cache.load(K - 1, || ()).is_err());
    }

    #[test]
    fn a_cache_that_cannot_be_written_costs_time_only() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let (parameters, unsaved) =
            Cache::at(file.path()).load(K, || ()).expect("a supported size");
        assert!(parameters.for_proving());
        assert!(matches!(unsaved, Some(CacheError::File { .. })));
    }

    #[test]
    fn a_seal_counts_as_checked_by_its_own_record_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(directory.path().join("cache"));
        let (seal, parameters) = (Digest([1; 32]), Digest([2; 32]));
        let path = cache.seal(seal);
        let checked = || cache.has_checked(seal, parameters);
        assert!(!checked());
        cache.record_checked(seal, parameters).expect("a record");
        assert!(checked());
        let good = fs::read_to_string(&path).expect("a record");
        assert!(
            !cache.has_checked(Digest([3; 32]), parameters)
                && !cache.has_checked(seal, Digest([3; 32]))
        );

        let earlier = good.replace(&format!("argument {VERSION}"), "argument 1");
        let another = good.replace(&seal.to_string(), &Digest([4; 32]).to_string());
        for other in ["", "\n", &good[1..], &format!("{good}\n"), &earlier, &another] {
            fs::write(&path, other).expect("a file");
            assert!(!checked(), "{other:?}");
        }
        fs::write(&path, &good).expect("a file");
        assert!(checked());
        let [all, folder] = cache.seals();
        assert!(folder.ends_with(format!("argument-{VERSION}")), "another version looks elsewhere");

        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt, symlink};
            let mode = |path: &Path, mode| {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode")
            };
            for (path, private) in [(&all, 0o700), (&folder, 0o700), (&path, 0o600)] {
                for writable in [0o020, 0o002, 0o022] {
                    mode(path, private | writable);
                    assert!(!checked(), "{} {writable:o}", path.display());
                }
                mode(path, private);
                assert!(checked());
            }
            // Whoever may not write there at all is not asked.
            let moved = directory.path().join("moved");
            fs::rename(&folder, &moved).expect("a move");
            symlink(&moved, &folder).expect("a link");
            assert!(!checked());
            fs::remove_file(&folder).expect("a link");
            fs::rename(&moved, &folder).expect("a move");
            assert!(checked());
            // What is found writable is closed when the next seal has been checked.
            mode(&all, 0o777);
            cache.record_checked(seal, parameters).expect("a record");
            assert!(checked());
        }
    }

    /// The system's user may give files away; nobody else can make this case.
    #[cfg(unix)]
    #[test]
    fn somebody_elses_record_does_not_count() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(directory.path());
        let (seal, parameters) = (Digest([1; 32]), Digest([2; 32]));
        cache.record_checked(seal, parameters).expect("a record");
        let [all, folder] = cache.seals();
        for path in [&all, &folder, &cache.seal(seal)] {
            if std::os::unix::fs::chown(path, Some(61_357), None).is_err() {
                return;
            }
            assert!(!cache.has_checked(seal, parameters), "{}", path.display());
            std::os::unix::fs::chown(path, Some(0), None).expect("an owner");
        }
        assert!(cache.has_checked(seal, parameters));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_in_the_cache_is_not_waited_for_and_is_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(directory.path());
        let path = cache.path(Basis::Coefficient, K);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .expect("a pipe");
        assert!(load(&cache, false).1);
        assert!(path.is_file());
        // Longer than any parameters: not read, and replaced.
        fs::File::options()
            .write(true)
            .open(&path)
            .expect("a file")
            .set_len(200 << 30)
            .expect("a length");
        assert!(load(&cache, false).1);
        assert!(!load(&cache, false).1);
        std::os::unix::fs::symlink("/dev/zero", directory.path().join("x.json")).expect("a link");
        assert_eq!(cache.read("x.json"), None);
    }
}
