//! Every step of writing a set fails once, and the process dies before every step.

use super::recover::{Note, recover};
use super::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;

use crate::files::turn::{LIST, PREFIX};

const OLD: [(&str, &str); 3] =
    [("m.zkc", "old circuit"), ("m.opening", "old opening"), ("m.seal", "old seal")];
const NEW: [(&str, &str); 3] =
    [("m.zkc", "new circuit"), ("m.opening", "new opening"), ("m.seal", "new seal")];
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
        entries
            .map(|e| (e.file_name().into_string().unwrap(), fs::read_to_string(e.path()).unwrap()))
            .collect()
    }

    fn is(&self, files: &[(&str, &str)]) -> bool {
        self.files()
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_str()))
            .eq(files.iter().copied().collect::<BTreeMap<_, _>>())
    }

    fn holds(&self, content: &str) -> bool {
        self.files().values().any(|other| other == content)
    }

    /// Writes the new files with a disk on which some steps fail.
    fn put(&self, force: bool, before: &dyn Fn() -> io::Result<()>) -> Result<(), NotWritten> {
        let paths = NEW.map(|(name, _)| self.path().join(name));
        let files: Vec<NewFile<'_>> = paths
            .iter()
            .zip(NEW)
            .map(|(path, (name, content))| NewFile {
                path,
                bytes: content.as_bytes(),
                secret: name == "m.opening",
            })
            .collect();
        let turn = Turn::take(self.path(), || panic!("nobody else writes here"));
        put(&Disk { before, durable: false }, &turn, self.path(), &files, force)
    }

    fn recover(&self, before: &dyn Fn() -> io::Result<()>) -> Vec<Note> {
        let turn = Turn::take(self.path(), || panic!("nobody else writes here"));
        recover(&Disk { before, durable: false }, &turn, self.path())
    }
}

/// As many steps as fail when the process has died.
const DEAD: usize = usize::MAX;

/// Lets `count` steps pass; then so many fail.
fn failing(count: usize, failures: usize) -> impl Fn() -> io::Result<()> {
    let at = Cell::new(0);
    move || {
        at.set(at.get() + 1);
        let fails = at.get() > count && at.get() - count <= failures;
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
            let written = place.put(force, &failing(count, 1));
            assert!(written.is_ok() || place.is(old), "step {count}: {:?}", place.files());
            // What cannot be removed in the end is removed at the next start.
            place.recover(&|| Ok(()));
            assert!(
                place.is(if written.is_ok() { &NEW } else { old }),
                "step {count}: {:?}",
                place.files()
            );
        }
    }
}

#[test]
fn what_cannot_be_undone_is_completed_at_the_next_start() {
    for (old, force) in [(&OLD[..], true), (&[], false)] {
        for (count, failures) in (0..steps(old)).flat_map(|count| [(count, 2), (count, 3)]) {
            let place = Place::new(old);
            let _ = place.put(force, &failing(count, failures));
            place.recover(&|| Ok(()));
            assert!(
                place.is(&NEW) || place.is(old),
                "steps {count} on, {failures}: {:?}",
                place.files()
            );
        }
    }
}

#[test]
fn a_crash_loses_nothing_and_the_next_start_completes_or_removes() {
    for (old, force) in [(&OLD[..], true), (&[], true), (&[], false)] {
        let mut completed = 0;
        for count in 0..steps(old) {
            let place = Place::new(old);
            let _ = place.put(force, &failing(count, DEAD));
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
            assert!(
                new || place.is(old),
                "step {count}: {before:?} became {:?}: {notes:?}",
                place.files()
            );
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
                let _ = place.put(force, &failing(count, DEAD));
                place.recover(&failing(again, DEAD));
                place.recover(&|| Ok(()));
                assert!(
                    place.is(&NEW) || place.is(old),
                    "steps {count}, {again}: {:?}",
                    place.files()
                );
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
            let path = place.path().join(there);
            let (at, appeared) = (Cell::new(0), Cell::new(false));
            let appear = || {
                at.set(at.get() + 1);
                if at.get() == late + 1 && !path.exists() {
                    appeared.set(true);
                    fs::write(&path, "precious")?;
                }
                Ok(())
            };
            let written = place.put(false, &appear);
            assert_eq!(written.is_err(), appeared.get(), "step {late}");
            let expected = if appeared.get() { &[(there, "precious")][..] } else { &NEW };
            assert!(place.is(expected), "step {late}: {:?}", place.files());
            for (name, _) in expected {
                fs::remove_file(place.path().join(name)).unwrap();
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
            let _ = probe.put(true, &failing(count, DEAD));
            probe.files().keys().any(|name| name.ends_with(LIST))
        });
        let _ = place.put(true, &failing(at.unwrap(), DEAD));
        place
    };
    let place = interrupted();
    assert!(
        matches!(place.recover(&|| Ok(())).as_slice(), [Note::Completed { .. }]) && place.is(&NEW)
    );

    let place = interrupted();
    fs::write(place.path().join("m.opening"), "another opening").unwrap();
    for _ in 0..2 {
        let notes = place.recover(&|| Ok(()));
        let [note @ Note::Changed { .. }] = notes.as_slice() else { panic!("{notes:?}") };
        let said = note.to_string();
        assert!(note.is_open() && said.contains("m.opening") && said.contains(LIST), "{said}");
        assert!(place.holds("another opening") && place.holds("new opening"));
    }

    // A list that somebody else wrote: it cannot know the files that it is about.
    let place = interrupted();
    let listed = place.files().into_keys().find(|name| name.ends_with(LIST)).unwrap();
    let stranger =
        Place::new(&[("m.zkc", "precious"), ("m.seal", "precious"), ("m.opening", "precious")]);
    for (name, content) in place.files().iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        fs::write(stranger.path().join(name), content).unwrap();
    }
    let before = stranger.files();
    assert_eq!(stranger.recover(&|| Ok(())).len(), 1);
    assert_eq!(stranger.files(), before);
    let empty = Place::new(&[]);
    for (name, content) in place.files().iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        fs::write(empty.path().join(name), content).unwrap();
    }
    empty.recover(&|| Ok(()));
    assert!(empty.files().keys().all(|name| name.starts_with(PREFIX)), "{:?}", empty.files());
    for forged in [before[&listed].replace("\"m.zkc\"", "\"../m.zkc\""), "{".into()] {
        fs::write(stranger.path().join(&listed), forged).unwrap();
        let notes = stranger.recover(&|| Ok(()));
        let [note @ Note::Unreadable { .. }] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(
            note.to_string().contains("cannot be read") && stranger.holds("new opening"),
            "{note}"
        );
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
