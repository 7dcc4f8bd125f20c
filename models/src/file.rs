//! Reading files that strangers made: regular ones only, since devices and pipes have no end, and
//! never more bytes than are asked for.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file; gives its length too.
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    // Before it is opened, since opening a pipe waits for whoever writes to it, and after, since it
    // may have been exchanged.
    regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    let length = regular(&file.metadata()?)?;
    Ok((file, length))
}

/// The length of a regular file.
fn regular(metadata: &std::fs::Metadata) -> io::Result<u64> {
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let kind = if metadata.is_dir() { "a directory" } else { "a device, pipe or socket" };
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("it is {kind}, expected a regular file"),
    ))
}

/// A whole regular file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let too_large = |length| {
        let problem = format!("it has {length} bytes, and files of this kind at most {limit}");
        io::Error::new(io::ErrorKind::FileTooLarge, problem)
    };
    let (file, length) = open(path)?;
    if length > limit {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(|_| too_large(length))?);
    // It may grow while it is read.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        let problem = |path: &Path, limit| read(path, limit).unwrap_err().to_string();
        assert_eq!(problem(&path, 4), "it has 5 bytes, and files of this kind at most 4");
        assert_eq!(problem(folder.path(), 9), "it is a directory, expected a regular file");
        // Neither waits for bytes nor reads them without end.
        #[cfg(unix)]
        {
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            for endless in [pipe.as_path(), link.as_path(), Path::new("/dev/zero")] {
                assert_eq!(
                    problem(endless, 9),
                    "it is a device, pipe or socket, expected a regular file"
                );
            }
        }
        // A sparse file of 200 GB takes no room on disk.
        let sparse = folder.path().join("sparse");
        File::create(&sparse).unwrap().set_len(200_000_000_000).unwrap();
        assert_eq!(
            problem(&sparse, 1 << 31),
            "it has 200000000000 bytes, and files of this kind at most 2147483648"
        );
    }
}
