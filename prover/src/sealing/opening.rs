//! What opens a seal again.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;
use zkinfer_verifier::circuit::sheet::Sheet;
use zkinfer_verifier::encoding::{self, Kind};
use zkinfer_verifier::wire::seal::Record;
use zkinfer_verifier::{Digest, FormatError, Parameters, usable_rows};

use crate::columns::{SealedColumns, Seed, Tensors};
use crate::error::ProveError;

/// Openings, `.opening`: secret.
const OPENING: Kind = Kind { name: "opening", magic: b"zkinf.op", limit: 1 << 30 };

/// What opens a seal: its record and the secret seed of its randomness. Wiped when dropped, never
/// printed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Opening {
    pub(super) record: Record,
    pub(super) seed: Seed,
    /// Digest of the integers, keyed by the seed.
    pub(super) integers: Digest,
    /// The integers themselves where nothing else holds them: sealed inputs and outputs, not
    /// weights.
    pub(super) tensors: Vec<Vec<i64>>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("record", &self.record.digest()).finish_non_exhaustive()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.tensors.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl Opening {
    /// The kind of its files.
    pub const KIND: Kind = OPENING;

    /// What was sealed.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The integers, tensor by tensor; none for the seal of a model, whose weights its compiled
    /// network holds.
    pub fn tensors(&self) -> &[Vec<i64>] {
        &self.tensors
    }

    /// The opening as an `.opening` file.
    pub fn to_bytes(&self) -> zeroize::Zeroizing<Vec<u8>> {
        encoding::write(OPENING, self).into()
    }

    /// Reads an `.opening` file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        encoding::read(OPENING, bytes)
    }

    /// The columns of `sheets`, after checking that they are what was sealed: the same tensors,
    /// parameters and integers.
    pub fn open<'s>(
        &self,
        parameters: &Parameters,
        sheets: impl Iterator<Item = &'s Sheet>,
        tensors: impl Into<Tensors>,
    ) -> Result<SealedColumns, ProveError> {
        let tensors = tensors.into();
        let sheets: Vec<&Sheet> = sheets.collect();
        let record = &self.record;
        if record.parameters != parameters.digest() || record.usable != usable_rows(parameters.k())
        {
            return Err(ProveError::OpeningParameters { expected: parameters.k(), got: record.k });
        }
        let differs = sheets
            .iter()
            .zip(&record.tensors)
            .find(|(sheet, tensor)| !sheet.tensor.reads_as(tensor));
        if let Some((sheet, _)) = differs {
            return Err(ProveError::OpeningTensor { name: sheet.tensor.name.clone() });
        }
        if sheets.len() != record.tensors.len() {
            return Err(ProveError::OpeningShape);
        }
        let integers = || self.seed.digest(&tensors);
        let (integers, columns) =
            rayon::join(integers, || SealedColumns::open(&sheets, record, &self.seed));
        if integers != self.integers {
            return Err(ProveError::OpeningIntegers { seal: record.digest() });
        }
        Ok(columns?.with(tensors))
    }

    /// Drops the integers, where another file holds them.
    #[must_use]
    pub fn without_tensors(mut self) -> Self {
        self.tensors.iter_mut().for_each(Zeroize::zeroize);
        self.tensors.clear();
        self
    }
}
