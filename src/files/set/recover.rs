//! What killed runs have left: completed where there is a list, removed where there is none.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::list::{Entry, FileIdentity, List, Paths};
use crate::files::turn::{LIST, Turn};
use crate::foreign;

/// What to say of other runs that write, or wrote, into a directory.
#[derive(Debug)]
pub enum Note {
    /// Another one is writing there now.
    Waiting {
        /// Where.
        directory: PathBuf,
    },
    /// What an interrupted run was writing was completed.
    Completed {
        /// Where.
        directory: PathBuf,
        /// The files' names, quoted.
        names: String,
    },
    /// It could not be: its list cannot be read.
    Unreadable {
        /// The list.
        list: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Nor could this: files that it was to replace are no longer what they were.
    Changed {
        /// The list.
        list: PathBuf,
        /// The files' names, quoted.
        names: String,
    },
}

impl Note {
    /// Whether somebody has to look after what was left.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Changed { .. })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { directory } => {
                let directory = foreign::path(directory);
                write!(f, "waiting for another zkinfer that writes into {directory}")
            }
            Self::Completed { directory, names } => {
                let directory = foreign::path(directory);
                write!(f, "{directory}: completed what an interrupted run was writing: {names}")
            }
            Self::Unreadable { list, error } => {
                let list = foreign::path(list);
                write!(f, "{list}: lists files of an interrupted run and cannot be read: {error}")
            }
            Self::Changed { list, names } => write!(
                f,
                "{}: an interrupted run was to write {names}, changed since; what it wrote is in \
                the files listed; delete the list when all is as it should be",
                foreign::path(list)
            ),
        }
    }
}

/// Completes the sets that lie unfinished in a directory, and removes temporary files that belong
/// to none. Says what it did, and what it could not.
pub fn recover(disk: &Disk<'_>, turn: &Turn, directory: &Path) -> Vec<Note> {
    let (listed, temporary): (Vec<_>, Vec<_>) =
        turn.stale().into_iter().partition(|path| path.to_string_lossy().ends_with(LIST));
    let (mut notes, mut needed, mut unknown) = (Vec::new(), Vec::new(), false);
    for path in listed {
        let list = match List::read(&path) {
            Ok(list) => list,
            Err(error) => {
                unknown = true;
                notes.push(Note::Unreadable { list: path, error });
                continue;
            }
        };
        let complete = |entry: &&Entry| matches!(entry.complete(disk, directory), Ok(true));
        let (done, open): (Vec<&Entry>, Vec<&Entry>) = list.files.iter().partition(complete);
        let names = |entries: &[&Entry]| {
            let names = entries.iter().map(|entry| foreign::path(entry.name.as_ref()));
            names.collect::<Vec<_>>().join(", ")
        };
        if open.is_empty() && disk.remove(&path).is_ok() {
            notes.push(Note::Completed { directory: directory.into(), names: names(&done) });
            continue;
        }
        let names = names(&open);
        notes.push(Note::Changed { list: path, names });
        needed.extend(list.files.iter().flat_map(|entry| {
            let Paths { temporary, kept, .. } = entry.paths(directory);
            [temporary, kept]
        }));
    }
    // What kept files were kept for is complete, and a file that nobody lists was never to be seen.
    for path in temporary.iter().filter(|path| !unknown && !needed.contains(path)) {
        if FileIdentity::of(path).is_some() {
            let _ = disk.remove(path);
        }
    }
    notes
}
