//! What killed runs have left: completed where there is a list, removed where there is none.

use std::path::Path;

use zkinfer::files::{LIST, Turn};

use super::disk::Disk;
use super::list::{Entry, Identity, List, Paths};
use crate::foreign;
use crate::screen::{note, warn};

/// What to say of an interrupted run.
#[derive(Debug)]
pub enum Note {
    /// It was completed.
    Done(String),
    /// It was not.
    Open(String),
}

impl Note {
    pub fn print(&self) {
        match self {
            Self::Done(text) => note(text),
            Self::Open(text) => warn(text),
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
        let at = foreign::path(&path);
        let list = match List::read(&path) {
            Ok(list) => list,
            Err(error) => {
                unknown = true;
                notes.push(Note::Open(format!(
                    "{at}: lists files of an interrupted run and cannot be read: {error}"
                )));
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
            let (directory, names) = (foreign::path(directory), names(&done));
            notes.push(Note::Done(format!(
                "{directory}: completed what an interrupted run was writing: {names}"
            )));
            continue;
        }
        let names = names(&open);
        let what = format!("an interrupted run was to write {names}, changed since");
        notes.push(Note::Open(format!(
            "{at}: {what}; what it wrote is in the files listed; delete the list when all is as it \
            should be"
        )));
        needed.extend(list.files.iter().flat_map(|entry| {
            let Paths { temporary, kept, .. } = entry.paths(directory);
            [temporary, kept]
        }));
    }
    // What kept files were kept for is complete, and a file that nobody lists was never to be seen.
    for path in temporary.iter().filter(|path| !unknown && !needed.contains(path)) {
        if Identity::of(path).is_some() {
            let _ = disk.remove(path);
        }
    }
    notes
}
