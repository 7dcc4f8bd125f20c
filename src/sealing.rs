//! Sealing weights so that a killed run loses no more than a part.
//!
//! The range proofs of a large seal are made one after another, and each is kept in a file as soon
//! as it is there, behind the secret opening. The next run that seals the same weights at the same
//! place goes on from there; one that seals others starts anew. A proof that was only half written
//! is dropped.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use zkinfer_prover::Opening;
use zkinfer_prover::sealing::Sealing;
use zkinfer_verifier::encoding::{self, Kind};
use zkinfer_verifier::limits::PART_CELLS;
use zkinfer_verifier::{Parameters, Seal};

use crate::circuit::Circuit;
use crate::error::Error;
use crate::files::regular::{RegularFile, is_private};
use crate::random::rng;

/// How the file begins.
const MAGIC: [u8; 8] = *b"zkinf.sg";
/// A range proof in it.
const PROOF: Kind = Kind { name: "range proof", magic: b"zkinf.rp", limit: 1 << 28 };

/// A seal in the making, on disk: its opening, and range proofs as far as there are. Secret.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// What a journal holds.
type Begun = (Opening, Vec<Vec<u8>>);

impl Journal {
    /// Opens the journal at a path, or makes an empty one; what it holds, if anything.
    fn open(path: &Path) -> io::Result<(Self, Option<Begun>)> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let is_there = fs::symlink_metadata(path).is_ok();
        // Also says what is there if it is no regular file.
        let found = is_there.then(|| RegularFile::open(path)).transpose()?;
        if found.is_some_and(|file| !MAGIC.starts_with(file.head())) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "is another file, expected none, or the beginnings of a seal; move it away",
            ));
        }
        let file = options.open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another process is sealing there"),
            TryLockError::Error(error) => error,
        })?;
        if !is_private(&file.metadata()?) {
            let why = "others may write to it; move it away";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        let mut journal = Self { path: path.to_owned(), file };
        let begun = journal.recover()?;
        Ok((journal, begun))
    }

    /// Reads what was written whole, and drops the rest.
    fn recover(&mut self) -> io::Result<Option<Begun>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        let mut rest = bytes.get(MAGIC.len()..).unwrap_or_default();
        let mut entry = || {
            let (length, tail) = rest.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (entry, tail) = tail.split_at_checked(length)?;
            rest = tail;
            Some(entry)
        };
        let Some(opening) = entry().and_then(|entry| Opening::from_bytes(entry).ok()) else {
            return Ok(None);
        };
        let (mut proofs, mut whole) = (Vec::new(), MAGIC.len());
        whole += 8 + opening.to_bytes().len();
        while let Some(entry) = entry()
            && let Ok(proof) = encoding::read::<Vec<u8>>(PROOF, entry)
        {
            whole += 8 + entry.len();
            proofs.push(proof);
        }
        self.file.set_len(whole as u64)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(Some((opening, proofs)))
    }

    /// Begins with the opening of another seal.
    fn start(&mut self, opening: &Opening) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&MAGIC)?;
        self.append(&opening.to_bytes())
    }

    fn append(&mut self, entry: &[u8]) -> io::Result<()> {
        self.file.write_all(&(entry.len() as u64).to_le_bytes())?;
        self.file.write_all(entry)?;
        self.file.sync_data()
    }

    /// Removes it: the seal is in place.
    ///
    /// # Errors
    /// If the system does not.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

impl Circuit {
    /// Seals the model's weights as [`Circuit::seal`] does. What takes several range proofs keeps
    /// them in a journal at `path`, to be removed once seal and opening are in place; a run that
    /// finds one of these weights goes on with it. `tell` hears how many range proofs there are of
    /// how many.
    ///
    /// # Errors
    /// As [`Circuit::seal`], and if the journal cannot be read or written.
    pub fn seal_in_parts(
        &self,
        parameters: &Parameters,
        path: &Path,
        tell: impl Fn(usize, usize),
    ) -> Result<(Seal, Opening, Option<Journal>), Error> {
        let tensors = self.sealed_tensors()?;
        let elements =
            tensors.iter().map(|tensor| tensor.elements()).fold(0, usize::saturating_add);
        if elements <= PART_CELLS {
            let (seal, opening) = self.seal(parameters)?;
            return Ok((seal, opening, None));
        }
        let failed = |source| Error::Journal { path: path.to_owned(), source };
        let (mut journal, begun) = Journal::open(path).map_err(failed)?;
        let sheets = || self.key().layout().model_sheets();
        let resumed =
            begun.and_then(|begun| Sealing::resume(parameters, begun, sheets(), self.model()).ok());
        let mut sealing = match resumed {
            Some(sealing) => sealing,
            None => {
                let sealing = Sealing::start(parameters, &tensors, self.model(), &mut rng()?)?;
                journal.start(sealing.opening()).map_err(failed)?;
                sealing
            }
        };
        let mut rng = rng()?;
        loop {
            let (done, of) = sealing.progress();
            tell(done, of);
            let Some(proof) = sealing.next(&mut rng)? else { break };
            journal.append(&encoding::write(PROOF, &proof.to_vec())).map_err(failed)?;
        }
        let (seal, opening) = sealing.finish();
        Ok((seal, opening, Some(journal)))
    }
}

#[cfg(test)]
mod tests {
    use zkinfer_verifier::circuit::description::{Quantisation, Scheme};
    use zkinfer_verifier::circuit::sheet::SealedTensor;

    use super::*;

    fn entries(journal: &Path) -> usize {
        let (_, begun) = Journal::open(journal).unwrap();
        begun.map_or(0, |(_, proofs)| proofs.len())
    }

    fn opening() -> Opening {
        let parameters = Parameters::derive(7).unwrap();
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let tensor = SealedTensor {
            name: "w".into(),
            shape: vec![2, 3],
            minimum: 0,
            maximum: 9,
            quantisation,
        };
        let (integers, rng) = (vec![(0i64..6).collect::<Vec<_>>()], &mut rng().unwrap());
        let sealing = Sealing::start(&parameters, &[tensor], integers, rng).unwrap();
        sealing.opening().clone()
    }

    #[test]
    fn a_journal_keeps_what_was_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.sealing");
        let (mut journal, begun) = Journal::open(&path).unwrap();
        assert!(begun.is_none());
        assert!(Journal::open(&path).unwrap_err().to_string().contains("another process"));
        journal.start(&opening()).unwrap();
        for proof in [vec![1; 40], vec![2; 50]] {
            journal.append(&encoding::write(PROOF, &proof)).unwrap();
        }
        drop(journal);
        assert_eq!(entries(&path), 2);
        // Killed at any byte of the second proof.
        let whole = fs::read(&path).unwrap();
        let entry = 8 + encoding::write(PROOF, &vec![2u8; 50]).len();
        for cut in 1..entry {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            assert_eq!(entries(&path), 1, "{cut}");
            assert_eq!(fs::read(&path).unwrap().len(), whole.len() - entry);
        }
        let mut torn = whole.clone();
        *torn.last_mut().unwrap() ^= 1;
        fs::write(&path, &torn).unwrap();
        assert_eq!(entries(&path), 1);
        // Nor is half an opening one, or half of how the file begins.
        for cut in [60, 8, 5, 0] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(Journal::open(&path).unwrap().1.is_none(), "{cut}");
        }
    }

    #[test]
    fn another_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.sealing");
        fs::write(&path, "notes").unwrap();
        let refused = Journal::open(&path).unwrap_err();
        assert!(refused.to_string().contains("is another file"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"notes");
    }
}
