//! Files as strangers leave them: only regular ones are read, and no more of them than their kind
//! may have.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::path::Path;

use zkinfer_verifier::encoding::Kind;

/// Bytes at the beginning by which kinds of files are told apart.
const HEAD: usize = 8;

/// A regular file, opened, of which nothing but the first bytes has been read.
#[derive(Debug)]
pub struct RegularFile {
    file: File,
    head: Vec<u8>,
    length: u64,
}

impl RegularFile {
    /// Opens a file without waiting: a named pipe would otherwise be waited for until somebody
    /// writes to it.
    ///
    /// # Errors
    /// If it is anything but a regular file, or a link to one; or the system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Opening a device can have effects of its own, so look first; and look again at what was
        // opened, should it have changed in between.
        regular(&fs::metadata(path)?)?;
        let mut options = File::options();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
            options.custom_flags(flags.bits().cast_signed());
        }
        let mut file = options.open(path)?;
        let metadata = file.metadata()?;
        regular(&metadata)?;
        let mut head = Vec::with_capacity(HEAD);
        file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        Ok(Self { file, head, length: metadata.len() })
    }

    /// The first eight bytes, or all there are.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// What the system says of the file.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// The whole file, if it has at most `limit` bytes.
    pub fn read(self, limit: usize) -> io::Result<Vec<u8>> {
        let too_long = |length| {
            let what = format!("{length} bytes, at most {limit} are read");
            io::Error::new(io::ErrorKind::FileTooLarge, what)
        };
        let length = usize::try_from(self.length).ok().filter(|&length| length <= limit);
        let length = length.ok_or_else(|| too_long(self.length.to_string()))?;
        let mut bytes = self.head;
        bytes
            .try_reserve_exact(length.saturating_sub(bytes.len()))
            .map_err(|_| io::ErrorKind::OutOfMemory)?;
        // It may grow while it is read, and what some file systems compute has no length.
        let rest = limit.saturating_add(1).saturating_sub(bytes.len());
        self.file.take(rest as u64).read_to_end(&mut bytes)?;
        if bytes.len() > limit { Err(too_long(format!("more than {limit}"))) } else { Ok(bytes) }
    }
}

/// The bytes of a regular file that has at most `limit` of them.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    RegularFile::open(path)?.read(limit)
}

/// The bytes of a file of a kind. Of a file that begins in another way, these first bytes alone:
/// whoever decodes them says what they are not.
pub fn read_kind(path: &Path, kind: Kind) -> io::Result<Vec<u8>> {
    let file = RegularFile::open(path)?;
    if file.head() == kind.magic { file.read(kind.limit) } else { Ok(file.head) }
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = format!("is {}, expected a regular file", name(metadata.file_type()));
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// What people call a file of a type.
pub fn name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a named pipe";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_file() => "a regular file",
        _ => "of an unknown type",
    }
}

/// Whether a file or directory belongs to this user and nobody else may write to it.
pub fn is_private(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
    }
    // Elsewhere the user's directories are nobody else's by default, and the standard library does
    // not say more.
    #[cfg(not(unix))]
    {
        let _ = metadata;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkinfer_verifier::wire::files::PROOF;

    #[test]
    fn no_more_is_read_than_a_kind_may_have() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let kind = Kind { limit: 100, ..PROOF };
        let file = |length: usize| [PROOF.magic.as_slice(), &vec![7; length - HEAD]].concat();
        for length in [HEAD, 9, 100] {
            fs::write(&path, file(length)).unwrap();
            assert_eq!(read_kind(&path, kind).unwrap(), file(length));
            assert_eq!(read(&path, 100).unwrap(), file(length));
        }
        fs::write(&path, file(101)).unwrap();
        assert_eq!(read_kind(&path, kind).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(&path, 100).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        // Of another kind of file nothing is read but by what it is told.
        File::options().write(true).open(&path).unwrap().set_len(200 << 30).unwrap();
        assert!(read_kind(&path, PROOF).unwrap_err().to_string().contains("214748364800 bytes"));
        fs::write(&path, b"another kind of file").unwrap();
        assert_eq!(read_kind(&path, PROOF).unwrap(), b"another ");
        fs::write(&path, b"short").unwrap();
        assert_eq!(read_kind(&path, PROOF).unwrap(), b"short");
    }

    #[test]
    fn a_file_that_grows_or_has_no_length_is_read_to_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, [1; 50]).unwrap();
        let opened = || RegularFile::open(&path).unwrap();
        let (short, long) = (opened(), opened());
        fs::write(&path, [1; 60]).unwrap();
        assert_eq!(short.read(60).unwrap(), [1; 60]);
        assert_eq!(long.read(59).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_opened_and_none_is_waited_for() {
        use std::os::unix::net::UnixListener;
        let directory = tempfile::tempdir().unwrap();
        let refused = |path: &Path, what: &str| {
            let error = RegularFile::open(path).unwrap_err().to_string();
            assert_eq!(error, format!("is {what}, expected a regular file"));
        };
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .unwrap();
        refused(&pipe, "a named pipe");
        let socket = directory.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        refused(&socket, "a socket");
        refused(directory.path(), "a directory");
        refused(Path::new("/dev/zero"), "a device");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        refused(&link, "a named pipe");
    }
}
