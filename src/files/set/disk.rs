//! The steps that files are put in place by.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::files::turn::{Turn, temporary};

/// What is done to a directory, step by step. `before` is asked before each, so that tests can let
/// any of them fail.
pub struct Disk<'a> {
    pub before: &'a dyn Fn() -> io::Result<()>,
    /// Whether files have to survive a power failure.
    pub durable: bool,
}

impl Disk<'_> {
    pub const SYSTEM: Disk<'static> = Disk { before: &|| Ok(()), durable: true };

    /// A temporary file with this content.
    pub fn create(&self, directory: &Path, bytes: &[u8], secret: bool) -> io::Result<PathBuf> {
        (self.before)()?;
        let mut file = temporary(directory)?;
        file.write_all(bytes)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = if secret { 0o600 } else { 0o644 };
            file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        }
        #[cfg(not(unix))]
        let _ = secret;
        if self.durable {
            file.as_file().sync_all()?;
        }
        Ok(file.into_temp_path().keep()?)
    }

    /// Renames, and replaces what has the name.
    pub fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.before)()?;
        fs::rename(from, to)
    }

    /// Renames, unless something has the name.
    pub fn place(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.before)()?;
        tempfile::TempPath::try_from_path(from)?.persist_noclobber(to).map_err(|failed| {
            // It would be removed as it goes out of scope.
            let _ = failed.path.keep();
            failed.error
        })
    }

    /// Gives a file a second name, or where files have but one, another name.
    pub fn keep(&self, file: &Path, kept: &Path) -> io::Result<()> {
        (self.before)()?;
        fs::hard_link(file, kept).or_else(|_| fs::rename(file, kept))
    }

    pub fn sync(&self, turn: &Turn) {
        if self.durable {
            turn.sync();
        }
    }

    pub fn remove(&self, file: &Path) -> io::Result<()> {
        (self.before)()?;
        fs::remove_file(file)
    }
}
