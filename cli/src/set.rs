//! Files that belong together are put in place together: after any failure, and after any crash and the next start, all of them are new or all are
//! as they were, and nothing that was there is lost before.
//!
//! 1. Temporary files `.zkinfer-….tmp` are written beside the results.
//! 2. A list `.zkinfer-….set` of them is put there. From here on the set is meant to be completed.
//! 3. One after the other takes its place, secrets last. What it replaces is kept as a temporary file.
//! 4. The list is removed, then what was kept.
//!
//! If a step fails, those before it are undone. If the process dies, the next command that writes into the directory ([`settle`]) completes the
//! set if there is a list, and removes temporary files that no list speaks of. Only one process at a time writes into a directory
//! ([`Turn`]), so what the one whose turn it is finds there is nobody's.
//!
//! A list could be a stranger's, from an archive that somebody unpacked. So each entry says by inode, length and time which file is to replace which,
//! and nothing else is touched.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};
use zkinfer::prover::files::{self, LIST, PREFIX, TEMPORARY, Turn};

use crate::foreign;
use crate::screen::{note, warn};

/// Most bytes of a list.
const LIMIT: usize = 1 << 20;

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
    let link = fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink()) && fs::metadata(path).is_err();
    let what = if link { "is a symbolic link to nothing, and" } else { "already exists;" };
    anyhow!("{}: {what} pass --force to overwrite it, or -o to write elsewhere", foreign::path(path))
}

/// Writes files into one directory, all or none. Without `force` none that is there is replaced.
pub fn write(files: &[NewFile<'_>], force: bool) -> Result<()> {
    let Some(first) = files.first() else { return Ok(()) };
    let directory = directory(first.path);
    let waiting = || note(format_args!("waiting for another zkinfer that writes into {}", foreign::path(directory)));
    let turn = Turn::take(directory, waiting);
    recover(&Disk::SYSTEM, &turn, directory).iter().for_each(Note::print);
    let written = put(&Disk::SYSTEM, &turn, directory, files, force);
    written.map_err(|Failure { path, error }| match error.kind() {
        ErrorKind::AlreadyExists => exists(&path),
        _ => anyhow::Error::from(error).context(foreign::path(path)),
    })
}

/// Completes or removes what killed runs have left in a directory, unless another process is writing there now.
pub fn settle(directory: &Path) {
    if let Some(turn) = Turn::try_take(directory) {
        recover(&Disk::SYSTEM, &turn, directory).iter().for_each(Note::print);
    }
}

/// What is done to a directory, step by step. `before` is asked before each, so that tests can let any of them fail.
struct Disk<'a> {
    before: &'a dyn Fn() -> io::Result<()>,
    /// Whether files have to survive a power failure.
    durable: bool,
}

impl Disk<'_> {
    const SYSTEM: Disk<'static> = Disk { before: &|| Ok(()), durable: true };

    /// A temporary file with this content.
    fn create(&self, directory: &Path, bytes: &[u8], secret: bool) -> io::Result<PathBuf> {
        (self.before)()?;
        let mut file = files::temporary(directory)?;
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
    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.before)()?;
        fs::rename(from, to)
    }

    /// Renames, unless something has the name.
    fn place(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.before)()?;
        tempfile::TempPath::try_from_path(from)?.persist_noclobber(to).map_err(|failed| {
            // It would be removed as it goes out of scope.
            let _ = failed.path.keep();
            failed.error
        })
    }

    /// Gives a file a second name, or where files have but one, another name.
    fn keep(&self, file: &Path, kept: &Path) -> io::Result<()> {
        (self.before)()?;
        fs::hard_link(file, kept).or_else(|_| fs::rename(file, kept))
    }

    fn sync(&self, turn: &Turn) {
        if self.durable {
            turn.sync();
        }
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        (self.before)()?;
        fs::remove_file(file)
    }
}

/// The files of a set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    files: Vec<Entry>,
}

/// One of them: names within the directory, and which files they stand for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Name,
    temporary: Name,
    new: Identity,
    old: Option<Identity>,
}

/// The name of a file, legible wherever it is Unicode.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Other(OsString),
}

impl Name {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_owned();
        Some(name.into_string().map_or_else(Self::Other, Self::Text))
    }
}

impl AsRef<OsStr> for Name {
    fn as_ref(&self) -> &OsStr {
        match self {
            Self::Text(name) => name.as_ref(),
            Self::Other(name) => name,
        }
    }
}

/// By what a file is known however it is renamed: device, inode, length and time of last change, as far as the system says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity([i64; 5]);

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|there| Self::from(&there))
    }
}

impl From<&Metadata> for Identity {
    #[cfg(unix)]
    fn from(there: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let [device, inode, length] = [there.dev(), there.ino(), there.len()].map(u64::cast_signed);
        Self([device, inode, length, there.mtime(), there.mtime_nsec()])
    }

    #[cfg(not(unix))]
    fn from(there: &Metadata) -> Self {
        let time =
            there.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
        Self([0, 0, there.len().cast_signed(), time.as_secs().cast_signed(), time.subsec_nanos().into()])
    }
}

/// An entry's files.
struct Paths {
    name: PathBuf,
    temporary: PathBuf,
    kept: PathBuf,
}

impl Entry {
    fn paths(&self, directory: &Path) -> Paths {
        let mut kept = OsString::from(PREFIX);
        kept.push("old");
        kept.push(&self.temporary);
        let [name, temporary, kept] =
            [self.name.as_ref(), self.temporary.as_ref(), kept.as_ref()].map(|name: &OsStr| directory.join(name));
        Paths { name, temporary, kept }
    }

    /// Whether its names are names, and no paths to elsewhere.
    fn is_sound(&self) -> bool {
        let plain = |name: &Name| Path::new(name).file_name() == Some(name.as_ref());
        let temporary = self.temporary.as_ref().to_string_lossy();
        plain(&self.name) && plain(&self.temporary) && temporary.starts_with(PREFIX) && temporary.ends_with(TEMPORARY)
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
fn put(disk: &Disk<'_>, turn: &Turn, directory: &Path, files: &[NewFile<'_>], force: bool) -> Result<(), Failure> {
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
fn exchange(disk: &Disk<'_>, turn: &Turn, directory: &Path, list: &List, force: bool) -> Result<(), Failure> {
    let listed = list.write(disk, directory).map_err(|error| {
        list.discard(disk, directory);
        Failure::at(directory)(error)
    })?;
    disk.sync(turn);
    for (index, entry) in list.files.iter().enumerate() {
        let Err(error) = entry.exchange(disk, directory, force) else { continue };
        let undone = list.files[..=index].iter().rev().try_for_each(|entry| entry.undo(disk, directory));
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

impl List {
    /// Puts the list beside its files, whole from its first moment.
    fn write(&self, disk: &Disk<'_>, directory: &Path) -> io::Result<PathBuf> {
        let temporary = disk.create(directory, &serde_json::to_vec(self)?, true)?;
        let listed = temporary.with_extension(LIST.trim_start_matches('.'));
        disk.place(&temporary, &listed).inspect_err(|_| _ = disk.remove(&temporary))?;
        Ok(listed)
    }

    fn read(path: &Path) -> io::Result<Self> {
        let list: Self = serde_json::from_slice(&files::read(path, LIMIT)?)?;
        if list.files.iter().all(Entry::is_sound) { Ok(list) } else { Err(ErrorKind::InvalidData.into()) }
    }

    /// Removes the temporary files.
    fn discard(&self, disk: &Disk<'_>, directory: &Path) {
        for entry in &self.files {
            let _ = disk.remove(&entry.paths(directory).temporary);
        }
    }
}

impl Entry {
    /// Lets the new file take the place of the old one, which is kept.
    fn exchange(&self, disk: &Disk<'_>, directory: &Path, force: bool) -> io::Result<()> {
        let Paths { name, temporary, kept } = self.paths(directory);
        if self.old.is_some() {
            disk.keep(&name, &kept)?;
        }
        if force { disk.replace(&temporary, &name) } else { disk.place(&temporary, &name) }
    }

    /// The reverse. The new file becomes a temporary one again, so that whatever happens meanwhile the set can still be completed.
    fn undo(&self, disk: &Disk<'_>, directory: &Path) -> io::Result<()> {
        let Paths { name, temporary, kept } = self.paths(directory);
        if Identity::of(&name).as_ref() == Some(&self.new) {
            disk.place(&name, &temporary)?;
        }
        match (Identity::of(&kept), Identity::of(&name)) {
            (None, _) => Ok(()),
            (Some(_), None) => disk.place(&kept, &name),
            (Some(_), Some(_)) => disk.remove(&kept),
        }
    }

    /// Completes what was begun. False if that would replace what is no longer what was to be replaced.
    fn complete(&self, disk: &Disk<'_>, directory: &Path) -> io::Result<bool> {
        let Paths { name, temporary, .. } = self.paths(directory);
        let (there, waiting) = (Identity::of(&name), Identity::of(&temporary));
        if waiting.is_none() || there.as_ref() == Some(&self.new) {
            return Ok(true);
        }
        if waiting.as_ref() != Some(&self.new) {
            return Ok(false);
        }
        match there {
            None => disk.place(&temporary, &name)?,
            there if there == self.old => disk.replace(&temporary, &name)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What to say of an interrupted run.
#[derive(Debug)]
enum Note {
    /// It was completed.
    Done(String),
    /// It was not.
    Open(String),
}

impl Note {
    fn print(&self) {
        match self {
            Self::Done(text) => note(text),
            Self::Open(text) => warn(text),
        }
    }
}

/// Completes the sets that lie unfinished in a directory, and removes temporary files that belong to none. Says what it did, and what it could not.
fn recover(disk: &Disk<'_>, turn: &Turn, directory: &Path) -> Vec<Note> {
    let (listed, temporary): (Vec<_>, Vec<_>) =
        turn.stale().into_iter().partition(|path| path.to_string_lossy().ends_with(LIST));
    let (mut notes, mut needed, mut unknown) = (Vec::new(), Vec::new(), false);
    for path in listed {
        let at = foreign::path(&path);
        let list = match List::read(&path) {
            Ok(list) => list,
            Err(error) => {
                unknown = true;
                notes.push(Note::Open(format!("{at}: lists files of an interrupted run and cannot be read: {error}")));
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
            notes.push(Note::Done(format!("{directory}: completed what an interrupted run was writing: {names}")));
            continue;
        }
        let names = names(&open);
        let what = format!("an interrupted run was to write {names}, changed since");
        notes.push(Note::Open(format!(
            "{at}: {what}; what it wrote is in the files listed; delete the list when all is as it should be"
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::collections::BTreeMap;

    const OLD: [(&str, &str); 3] = [("m.zkc", "old circuit"), ("m.opening", "old opening"), ("m.seal", "old seal")];
    const NEW: [(&str, &str); 3] = [("m.zkc", "new circuit"), ("m.opening", "new opening"), ("m.seal", "new seal")];
    const NAMES: [&str; 3] = ["m.zkc", "m.opening", "m.seal"];

    /// A directory whose disk fails.
    struct Place {
        directory: tempfile::TempDir,
    }

    impl Place {
        fn new(files: &[(&str, &str)]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            for (name, content) in files {
                fs::write(directory.path().join(name), content).unwrap();
            }
            Self { directory }
        }

        fn path(&self) -> &Path {
            self.directory.path()
        }

        /// Every file, by name.
        fn files(&self) -> BTreeMap<String, String> {
            let entries = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap());
            entries.map(|e| (e.file_name().into_string().unwrap(), fs::read_to_string(e.path()).unwrap())).collect()
        }

        fn is(&self, files: &[(&str, &str)]) -> bool {
            self.files().iter().map(|(name, content)| (name.as_str(), content.as_str())).eq(files
                .iter()
                .copied()
                .collect::<BTreeMap<_, _>>(
            ))
        }

        fn holds(&self, content: &str) -> bool {
            self.files().values().any(|other| other == content)
        }

        /// Writes the new files with a disk on which some steps fail.
        fn put(&self, force: bool, before: &dyn Fn() -> io::Result<()>) -> Result<(), Failure> {
            let paths = NEW.map(|(name, _)| self.path().join(name));
            let files: Vec<NewFile<'_>> = paths
                .iter()
                .zip(NEW)
                .map(|(path, (name, content))| NewFile { path, bytes: content.as_bytes(), secret: name == "m.opening" })
                .collect();
            let turn = Turn::take(self.path(), || panic!("nobody else writes here"));
            put(&Disk { before, durable: false }, &turn, self.path(), &files, force)
        }

        fn recover(&self, before: &dyn Fn() -> io::Result<()>) -> Vec<Note> {
            let turn = Turn::take(self.path(), || panic!("nobody else writes here"));
            recover(&Disk { before, durable: false }, &turn, self.path())
        }
    }

    /// Lets `count` steps pass; then one fails, or that and all that come after, as when the process has died.
    fn failing(count: usize, dead: bool) -> impl Fn() -> io::Result<()> {
        let at = Cell::new(0);
        move || {
            at.set(at.get() + 1);
            let fails = if dead { at.get() > count } else { at.get() == count + 1 };
            if fails { Err(io::Error::other("injected")) } else { Ok(()) }
        }
    }

    /// How many steps writing takes.
    fn steps(old: &[(&str, &str)]) -> usize {
        let count = Cell::new(0);
        let place = Place::new(old);
        let counting = || {
            count.set(count.get() + 1);
            Ok(())
        };
        place.put(true, &counting).unwrap();
        assert!(place.is(&NEW));
        count.get()
    }

    #[test]
    fn a_failing_step_leaves_all_as_it_was_or_all_new() {
        for (old, force) in [(&OLD[..], true), (&[], true), (&[], false)] {
            for count in 0..steps(old) {
                let place = Place::new(old);
                let written = place.put(force, &failing(count, false));
                // What cannot be removed in the end is removed at the next start.
                place.recover(&|| Ok(()));
                assert!(place.is(if written.is_ok() { &NEW } else { old }), "step {count}: {:?}", place.files());
            }
        }
    }

    #[test]
    fn a_crash_loses_nothing_and_the_next_start_completes_or_removes() {
        for (old, force) in [(&OLD[..], true), (&[], true), (&[], false)] {
            let mut completed = 0;
            for count in 0..steps(old) {
                let place = Place::new(old);
                let _ = place.put(force, &failing(count, true));
                let listed = place.files().keys().any(|name| name.ends_with(LIST));
                let opening = fs::read_to_string(place.path().join("m.opening")).ok();
                let seal = fs::read_to_string(place.path().join("m.seal")).ok();
                // An old opening is replaced only by that of the seal that is there.
                assert!(
                    opening.as_deref() != Some("new opening") || seal.as_deref() == Some("new seal"),
                    "step {count}"
                );
                if !old.is_empty() && !place.is(&NEW) && listed {
                    assert!(
                        place.holds("old opening") && place.holds("new opening"),
                        "step {count}: {:?}",
                        place.files()
                    );
                }
                let before = place.files();
                let notes = place.recover(&|| Ok(()));
                let new = place.is(&NEW);
                assert!(new || place.is(old), "step {count}: {before:?} became {:?}: {notes:?}", place.files());
                assert!(place.recover(&|| Ok(())).is_empty());
                completed += usize::from(new);
            }
            assert!(completed > 3);
        }
    }

    #[test]
    fn a_crash_while_recovering_loses_nothing_either() {
        for (old, force) in [(&OLD[..], true), (&[], false)] {
            for count in 0..steps(old) {
                for again in 0..8 {
                    let place = Place::new(old);
                    let _ = place.put(force, &failing(count, true));
                    place.recover(&failing(again, true));
                    place.recover(&|| Ok(()));
                    assert!(place.is(&NEW) || place.is(old), "steps {count}, {again}: {:?}", place.files());
                }
            }
        }
    }

    #[test]
    fn nothing_is_replaced_unless_asked_for() {
        for there in NAMES {
            let place = Place::new(&[(there, "precious")]);
            let failure = place.put(false, &|| Ok(())).unwrap_err();
            assert_eq!(
                (failure.error.kind(), failure.path.file_name()),
                (ErrorKind::AlreadyExists, Some(OsStr::new(there)))
            );
            assert!(place.is(&[(there, "precious")]));
            // Also if it comes to be there at the last moment.
            let place = Place::new(&[]);
            let steps = steps(&[]);
            for late in 0..steps {
                let _ = fs::remove_file(place.path().join(there));
                let at = Cell::new(0);
                let create = || {
                    at.set(at.get() + 1);
                    if at.get() == late + 1 && !place.path().join(there).exists() {
                        fs::write(place.path().join(there), "precious")?;
                    }
                    Ok(())
                };
                if place.put(false, &create).is_err() {
                    assert!(place.is(&[(there, "precious")]), "step {late}: {:?}", place.files());
                } else {
                    assert!(place.is(&NEW));
                    NAMES.iter().for_each(|name| fs::remove_file(place.path().join(name)).unwrap());
                }
            }
        }
    }

    #[test]
    fn what_has_changed_since_is_named_and_kept() {
        // Killed when the list is there and nothing in its place.
        let interrupted = || {
            let place = Place::new(&OLD);
            let at = (0..).find(|&count| {
                let probe = Place::new(&OLD);
                let _ = probe.put(true, &failing(count, true));
                probe.files().keys().any(|name| name.ends_with(LIST))
            });
            let _ = place.put(true, &failing(at.unwrap(), true));
            place
        };
        let place = interrupted();
        assert!(matches!(place.recover(&|| Ok(())).as_slice(), [Note::Done(_)]) && place.is(&NEW));

        let place = interrupted();
        fs::write(place.path().join("m.opening"), "another opening").unwrap();
        for _ in 0..2 {
            let notes = place.recover(&|| Ok(()));
            let [Note::Open(note)] = notes.as_slice() else { panic!("{notes:?}") };
            assert!(note.contains("m.opening") && note.contains(LIST), "{note}");
            assert!(place.holds("another opening") && place.holds("new opening"));
        }

        // A list that somebody else wrote: it cannot know the files that it is about.
        let place = interrupted();
        let listed = place.files().into_keys().find(|name| name.ends_with(LIST)).unwrap();
        let stranger = Place::new(&[("m.zkc", "precious"), ("m.seal", "precious"), ("m.opening", "precious")]);
        for (name, content) in place.files().iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            fs::write(stranger.path().join(name), content).unwrap();
        }
        let before = stranger.files();
        assert_eq!(stranger.recover(&|| Ok(())).len(), 1);
        assert_eq!(stranger.files(), before);
        for forged in [before[&listed].replace("\"m.zkc\"", "\"../m.zkc\""), "{".into()] {
            fs::write(stranger.path().join(&listed), forged).unwrap();
            let notes = stranger.recover(&|| Ok(()));
            let [Note::Open(note)] = notes.as_slice() else { panic!("{notes:?}") };
            assert!(note.contains("cannot be read"), "{note}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_their_owners() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new(&OLD);
        place.put(true, &|| Ok(())).unwrap();
        for (name, mode) in [("m.zkc", 0o644), ("m.opening", 0o600)] {
            let metadata = fs::metadata(place.path().join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
        }
    }
}
