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

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use zkinfer::files::Turn;

use crate::foreign;
use crate::screen::note;
use disk::Disk;
use list::{Entry, Identity, List, Name};
use recover::{Note, recover};

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

/// What to say of a file that is there already.
pub fn exists(path: &Path) -> anyhow::Error {
    let link = fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink())
        && fs::metadata(path).is_err();
    let what = if link { "is a symbolic link to nothing, and" } else { "already exists;" };
    anyhow!(
        "{}: {what} pass --force to overwrite it, or -o to write elsewhere",
        foreign::path(path)
    )
}

/// Writes files into one directory, all or none. Without `force` none that is there is replaced.
pub fn write(files: &[NewFile<'_>], force: bool) -> Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    let directory = directory(first.path);
    let waiting = || {
        note(format_args!(
            "waiting for another zkinfer that writes into {}",
            foreign::path(directory)
        ))
    };
    let turn = Turn::take(directory, waiting);
    recover(&Disk::SYSTEM, &turn, directory).iter().for_each(Note::print);
    let written = put(&Disk::SYSTEM, &turn, directory, files, force);
    written.map_err(|Failure { path, error }| match error.kind() {
        ErrorKind::AlreadyExists => exists(&path),
        _ => anyhow::Error::from(error).context(foreign::path(path)),
    })
}

/// Completes or removes what killed runs have left in a directory, unless another process is
/// writing there now.
pub fn settle(directory: &Path) {
    if let Some(turn) = Turn::try_take(directory) {
        recover(&Disk::SYSTEM, &turn, directory).iter().for_each(Note::print);
    }
}

/// Why a set was not written, and which of its files it was about.
#[derive(Debug)]
struct Failure {
    path: PathBuf,
    error: io::Error,
}

impl Failure {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self { path, error }
    }
}

/// Writes all files, or removes what it has written.
fn put(
    disk: &Disk<'_>,
    turn: &Turn,
    directory: &Path,
    files: &[NewFile<'_>],
    force: bool,
) -> Result<(), Failure> {
    // What is secret takes its place last.
    let mut files: Vec<&NewFile<'_>> = files.iter().collect();
    files.sort_by_key(|file| file.secret);
    let mut list = List { files: Vec::new() };
    for file in files {
        let entry = create(disk, directory, file, force).map_err(Failure::at(file.path));
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
                Failure::at(&paths.name)(error)
            })?;
        }
        _ => exchange(disk, turn, directory, &list, force)?,
    }
    disk.sync(turn);
    Ok(())
}

/// The temporary file for a new file.
fn create(disk: &Disk<'_>, directory: &Path, file: &NewFile<'_>, force: bool) -> io::Result<Entry> {
    let old = Identity::of(file.path);
    if old.is_some() && !force {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let temporary = disk.create(directory, file.bytes, file.secret)?;
    let name = |path: &Path| Name::of(path).ok_or(ErrorKind::InvalidInput);
    let new = Identity::of(&temporary).ok_or(ErrorKind::NotFound)?;
    Ok(Entry { name: name(file.path)?, temporary: name(&temporary)?, new, old })
}

/// Puts several files in place with a list, or undoes it.
fn exchange(
    disk: &Disk<'_>,
    turn: &Turn,
    directory: &Path,
    list: &List,
    force: bool,
) -> Result<(), Failure> {
    let listed = list.write(disk, directory).map_err(|error| {
        list.discard(disk, directory);
        Failure::at(directory)(error)
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
        return Err(Failure::at(&entry.paths(directory).name)(error));
    }
    disk.sync(turn);
    // All is in place: what cannot be removed now is removed at the next start.
    let _ = disk.remove(&listed);
    for entry in list.files.iter().filter(|entry| entry.old.is_some()) {
        let _ = disk.remove(&entry.paths(directory).kept);
    }
    Ok(())
}
