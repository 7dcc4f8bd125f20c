//! Directories as killed runs leave them: temporary files carry names by which the next run knows
//! them, and one process at a time puts files in place.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// How the names of files begin that are not there to stay.
pub const PREFIX: &str = ".zkinfer-";
/// How the names of temporary files end.
pub const TEMPORARY: &str = ".tmp";
/// How the names of lists end that say which files are being put in place as one.
pub const LIST: &str = ".set";

/// The right to put files into a directory, which one process has at a time. The system takes it
/// back when the process ends, however it ends.
#[derive(Debug)]
pub struct Turn {
    directory: PathBuf,
    /// None where directories cannot be locked.
    lock: Option<File>,
}

impl Turn {
    /// Takes the turn. `waiting` is called if another process has it.
    pub fn take(directory: &Path, waiting: impl FnOnce()) -> Self {
        let lock = open_directory(directory).and_then(|file| match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock().ok().map(|()| file)
            }
            Err(TryLockError::Error(_)) => None,
        });
        Self { directory: directory.into(), lock }
    }

    /// Takes the turn if no other process has it.
    pub fn try_take(directory: &Path) -> Option<Self> {
        let file = open_directory(directory)?;
        file.try_lock().ok()?;
        Some(Self { directory: directory.into(), lock: Some(file) })
    }

    /// The files that killed runs have left: while this process has the turn, nobody else uses any.
    /// None where turns cannot be taken.
    pub fn stale(&self) -> Vec<PathBuf> {
        let ours = |name: &str| {
            name.starts_with(PREFIX) && (name.ends_with(TEMPORARY) || name.ends_with(LIST))
        };
        let entries = self.lock.as_ref().and_then(|_| fs::read_dir(&self.directory).ok());
        let entries = entries.into_iter().flatten().flatten();
        let ours = entries.filter(|entry| {
            entry.file_name().to_str().is_some_and(ours)
                && entry.file_type().is_ok_and(|kind| kind.is_file())
        });
        let mut stale: Vec<PathBuf> = ours.map(|entry| entry.path()).collect();
        stale.sort();
        stale
    }

    /// Makes what was renamed in the directory last, as far as the system can.
    pub fn sync(&self) {
        let _ = self.lock.as_ref().map(File::sync_all);
    }
}

/// A temporary file, readable by its owner only, that is removed when dropped.
pub fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(PREFIX).suffix(TEMPORARY).tempfile_in(directory)
}

#[cfg(unix)]
fn open_directory(directory: &Path) -> Option<File> {
    File::open(directory).ok()
}

/// Directories are not opened like files elsewhere.
#[cfg(not(unix))]
fn open_directory(_: &Path) -> Option<File> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_was_left_is_known_by_whoever_has_the_turn() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in [
            ".zkinfer-1.tmp",
            ".zkinfer-2.set",
            ".zkinfer-3",
            ".zkinfer-4.txt",
            "zkinfer-5.tmp",
            ".tmp6",
        ] {
            fs::write(at(name), b"").unwrap();
        }
        fs::create_dir(at(".zkinfer-7.tmp")).unwrap();
        let turn = Turn::take(directory.path(), || panic!("nobody else has it"));
        assert_eq!(turn.stale(), [at(".zkinfer-1.tmp"), at(".zkinfer-2.set")]);
        assert!(Turn::try_take(directory.path()).is_none());
        let own = temporary(directory.path()).unwrap();
        assert!(turn.stale().contains(&own.path().to_owned()));
        drop((own, turn));
        assert!(Turn::try_take(directory.path()).is_some());
    }
}
