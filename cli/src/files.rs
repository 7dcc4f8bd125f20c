//! Reading and writing files: what goes wrong is said with the path, and nothing is left half-written.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::arguments::Destination;

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        bail!("{}: is a directory, expected a file", path.display());
    }
    fs::read(path).with_context(|| path.display().to_string())
}

impl Destination {
    /// The path for a result called `stem.extension`: beside `input`, in the directory asked for, or with the name asked for.
    pub fn path(&self, input: &Path, extension: &str) -> PathBuf {
        let beside = input.with_extension(extension);
        match &self.output {
            None => beside,
            Some(output) if output.is_dir() => output.join(beside.file_name().unwrap_or_default()),
            Some(output) => output.with_extension(extension),
        }
    }

    /// Refuses a path that exists (unless `--force`) or whose directory does not, before any work is done.
    pub fn check(&self, path: &Path) -> Result<()> {
        if path.is_dir() {
            bail!("{}: is a directory", path.display());
        }
        if path.exists() && !self.force {
            bail!("{}: already exists; pass --force to overwrite it, or -o to write elsewhere", path.display());
        }
        let directory = directory(path);
        if !directory.is_dir() {
            bail!("{}: no such directory; create it first", directory.display());
        }
        // The one honest test of whether a file can be made here is to make one.
        tempfile::NamedTempFile::new_in(directory)
            .map(drop)
            .with_context(|| format!("{}: cannot write here", directory.display()))
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes to a temporary file, then renames.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with_mode(path, bytes, 0o644)
}

/// The same for a file that only its owner may read.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with_mode(path, bytes, 0o600)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let context = || path.display().to_string();
    let mut file = tempfile::NamedTempFile::new_in(directory(path)).with_context(context)?;
    file.write_all(bytes).with_context(context)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(mode)).with_context(context)?;
    }
    #[cfg(not(unix))]
    let _ = mode;
    file.persist(path).map_err(|error| error.error).with_context(context)?;
    Ok(())
}
