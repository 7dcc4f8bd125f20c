//! Reading files, and naming those that a command writes. How they are written is in
//! [`zkinfer::files::set`].

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf, is_separator};

use anyhow::{Context, Result, anyhow, bail};
use zkinfer::files::names::{ENDINGS, append, without};
use zkinfer::files::set::{self, NewFile, NotWritten};
use zkinfer::files::{regular, turn};
use zkinfer::foreign;

use crate::arguments::Destination;
use crate::screen::tell;

/// Most bytes of a key in PEM.
pub const PEM: usize = 1 << 16;

/// The bytes of a regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: usize) -> Result<Vec<u8>> {
    regular::read(path, limit).with_context(|| foreign::path(path))
}

/// Where the files that one command writes go.
#[derive(Debug)]
pub struct Names {
    stem: PathBuf,
    /// Set if the result goes to what is there already and is no file: a device, a pipe.
    device: bool,
}

impl Names {
    /// The path of the file with this ending.
    pub fn path(&self, ending: &str) -> PathBuf {
        if self.device { self.stem.clone() } else { append(&self.stem, ending) }
    }
}

impl Destination {
    /// Names for results with these endings: beside `input`, in the directory asked for, or with
    /// the name asked for.
    pub fn names(&self, input: &Path, endings: &[&str]) -> Result<Names> {
        self.named(&without(input, &ENDINGS), endings)
    }

    /// Names for results called `name`, unless another name is asked for.
    pub fn named(&self, name: &Path, endings: &[&str]) -> Result<Names> {
        let Some(output) = &self.output else { return stem(&without(name, endings)) };
        match fs::metadata(output) {
            Ok(there) if there.is_dir() => {
                stem(&output.join(without(name, endings).file_name().unwrap_or_default()))
            }
            Ok(there) if !there.is_file() => Ok(Names { stem: output.clone(), device: true }),
            _ => stem(&without(output, endings)),
        }
    }

    /// Refuses what cannot be written, or exists and is not to be overwritten, before any work is
    /// done. What a killed run has left where the results go is finished or removed first.
    pub fn check(&self, paths: &[PathBuf]) -> Result<()> {
        let Some(first) = paths.first() else { return Ok(()) };
        if let Some(kind) = device(first) {
            if paths.len() > 1 {
                bail!(
                    "{}: is {kind}, and {} files are written; name a file or a directory",
                    foreign::path(first),
                    paths.len()
                );
            }
            return Ok(());
        }
        let directory = set::directory(first);
        if !directory.is_dir() {
            bail!("{}: no such directory; create it first", foreign::path(directory));
        }
        set::settle(directory, tell);
        paths.iter().try_for_each(|path| self.free(path))?;
        // The one honest test of whether a file can be made here is to make one.
        let probe = turn::temporary(directory);
        probe.map(drop).with_context(|| format!("{}: cannot write here", foreign::path(directory)))
    }

    /// Writes files that belong together: all of them, or none.
    pub fn write(&self, files: &[NewFile<'_>]) -> Result<()> {
        match files {
            [only] if device(only.path).is_some() => {
                let written = File::options()
                    .write(true)
                    .open(only.path)
                    .and_then(|mut file| file.write_all(only.bytes));
                written.with_context(|| foreign::path(only.path))
            }
            _ => set::write(files, self.force, tell).map_err(unwritten),
        }
    }

    /// Whether a file may be put here.
    fn free(&self, path: &Path) -> Result<()> {
        // The link itself, if it is one: also a link to nothing is there for something.
        let Ok(there) = fs::symlink_metadata(path) else { return Ok(()) };
        if there.is_dir() {
            bail!("{}: is a directory", foreign::path(path));
        }
        if self.force { Ok(()) } else { Err(exists(path)) }
    }
}

/// Why files were not written, and what to do about it.
pub fn unwritten(NotWritten { path, error }: NotWritten) -> anyhow::Error {
    match error.kind() {
        ErrorKind::AlreadyExists => exists(&path),
        _ => anyhow::Error::from(error).context(foreign::path(path)),
    }
}

/// What to say of a file that is there already.
fn exists(path: &Path) -> anyhow::Error {
    let link = fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink())
        && fs::metadata(path).is_err();
    let what = if link { "is a symbolic link to nothing, and" } else { "already exists;" };
    anyhow!(
        "{}: {what} pass --force to overwrite it, or -o to write elsewhere",
        foreign::path(path)
    )
}

/// What is at a path, if it is there and neither file nor directory.
fn device(path: &Path) -> Option<&'static str> {
    let there = fs::metadata(path).ok()?;
    (!there.is_file() && !there.is_dir()).then(|| regular::name(there.file_type()))
}

/// Names that begin with a path, which must end in a name.
fn stem(path: &Path) -> Result<Names> {
    let text = path.as_os_str().to_string_lossy();
    if path.file_name().is_none() || text.ends_with(is_separator) {
        bail!("{}: no such directory; create it first, or name a file", foreign::path(path));
    }
    Ok(Names { stem: path.to_owned(), device: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(output: &str, name: &str, endings: &[&str]) -> Vec<String> {
        let output = (!output.is_empty()).then(|| output.into());
        let names =
            Destination { output, force: false }.names(Path::new(name), endings).expect("a name");
        endings
            .iter()
            .map(|ending| names.path(ending).to_str().expect("UTF-8").to_owned())
            .collect()
    }

    #[test]
    fn a_full_stop_in_a_name_is_no_ending() {
        assert_eq!(named("", "a/x.npy", &["proof"]), ["a/x.proof"]);
        assert_eq!(named("", "x.v1.0.npy", &["proof"]), ["x.v1.0.proof"]);
        assert_eq!(named("", "net.v1.0", &["zkc"]), ["net.v1.0.zkc"]);
        assert_eq!(named("", "X.ONNX", &["zkc"]), ["X.zkc"]);
        assert_eq!(named("x.v1.0", "y.npy", &["proof"]), ["x.v1.0.proof"]);
        assert_eq!(named("x.v1.0.proof", "y.npy", &["proof"]), ["x.v1.0.proof"]);
        assert_eq!(named("x.npy", "y.npy", &["proof"]), ["x.npy.proof"]);
        assert_eq!(named("b/net.1.vk", "net.onnx", &["zkc", "vk"]), ["b/net.1.zkc", "b/net.1.vk"]);
        assert_eq!(named("me.pub.pem", "x", &["pem", "pub.pem"]), ["me.pem", "me.pub.pem"]);
        assert_eq!(named(".zkc", "net.onnx", &["zkc"]), [".zkc.zkc"]);
        let pair = Destination { output: None, force: false }
            .named(Path::new("john.doe"), &["pem", "pub.pem"]);
        assert_eq!(pair.expect("a name").path("pub.pem"), Path::new("john.doe.pub.pem"));
    }

    #[test]
    fn a_result_needs_a_name() {
        for output in ["", "/", "..", "nowhere/", "nowhere/.."] {
            let names = Destination { output: Some(output.into()), force: true }
                .names(Path::new("x.npy"), &["proof"]);
            // Directories that are there are no names but places.
            let place = Path::new(output).is_dir();
            assert_eq!(names.is_ok(), place, "{output:?}: {names:?}");
        }
        assert!(
            Destination { output: None, force: false }.named(Path::new(".."), &["pem"]).is_err()
        );
    }
}
