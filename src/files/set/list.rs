//! The list of a set's files: which is to replace which, and how one of them is put in place, taken
//! back, or completed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use crate::files::regular::read;
use crate::files::turn::{LIST, PREFIX, TEMPORARY};
use serde::{Deserialize, Serialize};

/// Most bytes of a list.
const LIMIT: usize = 1 << 20;
/// The files of a set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub files: Vec<Entry>,
}

/// One of them: names within the directory, and which files they stand for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: Name,
    pub temporary: Name,
    pub new: FileIdentity,
    pub old: Option<FileIdentity>,
}

/// The name of a file, legible wherever it is Unicode.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Name {
    Text(String),
    Other(OsString),
}

impl Name {
    pub fn of(path: &Path) -> Option<Self> {
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

/// By what a file is known however it is renamed: device, inode, length and time of last change, as
/// far as the system says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity([i64; 5]);

impl FileIdentity {
    pub fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().map(|there| Self::from(&there))
    }
}

impl From<&Metadata> for FileIdentity {
    #[cfg(unix)]
    fn from(there: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let [device, inode, length] = [there.dev(), there.ino(), there.len()].map(u64::cast_signed);
        Self([device, inode, length, there.mtime(), there.mtime_nsec()])
    }

    #[cfg(not(unix))]
    fn from(there: &Metadata) -> Self {
        let time = there
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .unwrap_or_default();
        Self([
            0,
            0,
            there.len().cast_signed(),
            time.as_secs().cast_signed(),
            time.subsec_nanos().into(),
        ])
    }
}

/// An entry's files.
pub struct Paths {
    pub name: PathBuf,
    pub temporary: PathBuf,
    pub kept: PathBuf,
}

impl Entry {
    pub fn paths(&self, directory: &Path) -> Paths {
        let mut kept = OsString::from(PREFIX);
        kept.push("old");
        kept.push(&self.temporary);
        let [name, temporary, kept] = [self.name.as_ref(), self.temporary.as_ref(), kept.as_ref()]
            .map(|name: &OsStr| directory.join(name));
        Paths { name, temporary, kept }
    }

    /// Whether its names are names, and no paths to elsewhere.
    pub fn is_sound(&self) -> bool {
        let plain = |name: &Name| Path::new(name).file_name() == Some(name.as_ref());
        let temporary = self.temporary.as_ref().to_string_lossy();
        plain(&self.name)
            && plain(&self.temporary)
            && temporary.starts_with(PREFIX)
            && temporary.ends_with(TEMPORARY)
    }
}

impl List {
    /// Puts the list beside its files, whole from its first moment.
    pub fn write(&self, disk: &Disk<'_>, directory: &Path) -> io::Result<PathBuf> {
        let temporary = disk.create(directory, &serde_json::to_vec(self)?, true)?;
        let listed = temporary.with_extension(LIST.trim_start_matches('.'));
        disk.place(&temporary, &listed).inspect_err(|_| _ = disk.remove(&temporary))?;
        Ok(listed)
    }

    pub fn read(path: &Path) -> io::Result<Self> {
        let list: Self = serde_json::from_slice(&read(path, LIMIT)?)?;
        if list.files.iter().all(Entry::is_sound) {
            Ok(list)
        } else {
            Err(ErrorKind::InvalidData.into())
        }
    }

    /// Removes the temporary files.
    pub fn discard(&self, disk: &Disk<'_>, directory: &Path) {
        for entry in &self.files {
            let _ = disk.remove(&entry.paths(directory).temporary);
        }
    }
}

impl Entry {
    /// Lets the new file take the place of the old one, which is kept.
    pub fn exchange(&self, disk: &Disk<'_>, directory: &Path, force: bool) -> io::Result<()> {
        let Paths { name, temporary, kept } = self.paths(directory);
        if self.old.is_some() {
            disk.keep(&name, &kept)?;
        }
        if force { disk.replace(&temporary, &name) } else { disk.place(&temporary, &name) }
    }

    /// The reverse. The new file becomes a temporary one again, so that whatever happens meanwhile
    /// the set can still be completed.
    pub fn undo(&self, disk: &Disk<'_>, directory: &Path) -> io::Result<()> {
        let Paths { name, temporary, kept } = self.paths(directory);
        if FileIdentity::of(&name).as_ref() == Some(&self.new) {
            disk.place(&name, &temporary)?;
        }
        match (FileIdentity::of(&kept), FileIdentity::of(&name)) {
            (None, _) => Ok(()),
            (Some(_), None) => disk.place(&kept, &name),
            (Some(_), Some(_)) => disk.remove(&kept),
        }
    }

    /// Completes what was begun. False if that would replace what is no longer what was to be
    /// replaced.
    pub fn complete(&self, disk: &Disk<'_>, directory: &Path) -> io::Result<bool> {
        let Paths { name, temporary, .. } = self.paths(directory);
        let (there, waiting) = (FileIdentity::of(&name), FileIdentity::of(&temporary));
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
