//! Files that belong together are put in place together: after any failure, and after any crash and
//! the next start, all of them are new or all are as they were, and nothing that was there is lost
//! before.
//!
//! 1. Temporary files `.zkinfer-….tmp` are written beside the results.
//! 2. A list `.zkinfer-….set` of them is put there. From here on the set is meant to be completed.
//! 3. One after the other takes its place, secrets last. What it replaces is kept as a temporary
//!    file.
//! 4. The list is removed, then what was kept.
//!
//! If a step fails, those before it are undone. If the process dies, the next command that writes
//! into the directory ([`settle`]) completes the set if there is a list, and removes temporary
//! files that no list speaks of. Only one process at a time writes into a directory ([`Turn`]), so
//! what the one whose turn it is finds there is nobody's.
//!
//! A list could be a stranger's, from an archive that somebody unpacked. So each entry says by
//! inode, length and time which file is to replace which, and nothing else is touched.

mod disk;
mod list;
mod recover;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::turn::Turn;
use crate::foreign;
use disk::Disk;
use list::{Entry, FileIdentity, List, Name};
pub use recover::Note;
use recover::recover;

/// A file to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewFile<'a> {
    /// Where it goes.
    pub path: &'a Path,
    /// What is in it.
    pub bytes: &'a [u8],
    /// Whether only its owner may read it.
    pub secret: bool,
}

impl<'a> NewFile<'a> {
    /// One that everybody may read.
    pub fn public(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, bytes, secret: false }
    }

    /// One that its owner alone may read.
    pub fn secret(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, bytes, secret: true }
    }
}

/// The directory of a file.
pub fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Why a set was not written.
#[derive(Debug)]
pub struct NotWritten {
    /// The file that it was about.
    pub path: PathBuf,
    /// What the system said; [`ErrorKind::AlreadyExists`] where a file is not to be replaced.
    pub error: io::Error,
}

impl std::fmt::Display for NotWritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&foreign::path(&self.path))
    }
}

impl std::error::Error for NotWritten {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl NotWritten {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self { path, error }
    }
}

/// Writes files into one directory, all or none. Without `force` none that is there is replaced.
/// `tell` hears, before anything is written, what delays it and what killed runs had left.
pub fn write(
    files: &[NewFile<'_>],
    force: bool,
    mut tell: impl FnMut(&Note),
) -> Result<(), NotWritten> {
    let Some(first) = files.first() else { return Ok(()) };
    let directory = directory(first.path);
    let turn = Turn::take(directory, || tell(&Note::Waiting { directory: directory.into() }));
    recover(&Disk::SYSTEM, &turn, directory).iter().for_each(tell);
    put(&Disk::SYSTEM, &turn, directory, files, force)
}

/// Completes or removes what killed runs have left in a directory, unless another process is
/// writing there now.
pub fn settle(directory: &Path, tell: impl FnMut(&Note)) {
    if let Some(turn) = Turn::try_take(directory) {
        recover(&Disk::SYSTEM, &turn, directory).iter().for_each(tell);
    }
}

/// Writes all files, or removes what it has written.
fn put(
    disk: &Disk<'_>,
    turn: &Turn,
    directory: &Path,
    files: &[NewFile<'_>],
    force: bool,
) -> Result<(), NotWritten> {
    // What is secret takes its place last.
    let mut files: Vec<&NewFile<'_>> = files.iter().collect();
    files.sort_by_key(|file| file.secret);
    let mut list = List { files: Vec::new() };
    for file in files {
        let entry = create(disk, directory, file, force).map_err(NotWritten::at(file.path));
        match entry {
            Ok(entry) => list.files.push(entry),
            Err(failure) => {
                list.discard(disk, directory);
                return Err(failure);
            }
        }
    }
    match list.files.as_slice() {
        // A single file takes its place in one step.
        [only] => {
            let paths = only.paths(directory);
            let placed = if force {
                disk.replace(&paths.temporary, &paths.name)
            } else {
                disk.place(&paths.temporary, &paths.name)
            };
            placed.map_err(|error| {
                list.discard(disk, directory);
                NotWritten::at(&paths.name)(error)
            })?;
        }
        _ => exchange(disk, turn, directory, &list, force)?,
    }
    disk.sync(turn);
    Ok(())
}

/// The temporary file for a new file.
fn create(disk: &Disk<'_>, directory: &Path, file: &NewFile<'_>, force: bool) -> io::Result<Entry> {
    let old = FileIdentity::of(file.path);
    if old.is_some() && !force {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let temporary = disk.create(directory, file.bytes, file.secret)?;
    let name = |path: &Path| Name::of(path).ok_or(ErrorKind::InvalidInput);
    let new = FileIdentity::of(&temporary).ok_or(ErrorKind::NotFound)?;
    Ok(Entry { name: name(file.path)?, temporary: name(&temporary)?, new, old })
}

/// Puts several files in place with a list, or undoes it.
fn exchange(
    disk: &Disk<'_>,
    turn: &Turn,
    directory: &Path,
    list: &List,
    force: bool,
) -> Result<(), NotWritten> {
    let listed = list.write(disk, directory).map_err(|error| {
        list.discard(disk, directory);
        NotWritten::at(directory)(error)
    })?;
    disk.sync(turn);
    for (index, entry) in list.files.iter().enumerate() {
        let Err(error) = entry.exchange(disk, directory, force) else { continue };
        let undone =
            list.files[..=index].iter().rev().try_for_each(|entry| entry.undo(disk, directory));
        // A list that is still needed stays: the next start completes what could not be undone.
        if undone.and_then(|()| disk.remove(&listed)).is_ok() {
            list.discard(disk, directory);
        }
        return Err(NotWritten::at(&entry.paths(directory).name)(error));
    }
    disk.sync(turn);
    // All is in place: what cannot be removed now is removed at the next start.
    let _ = disk.remove(&listed);
    for entry in list.files.iter().filter(|entry| entry.old.is_some()) {
        let _ = disk.remove(&entry.paths(directory).kept);
    }
    Ok(())
}
