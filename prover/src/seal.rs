//! Sealing: commitments to secret tensors, the proof of their ranges, and what opens them again.

use std::sync::Arc;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;
use zkinfer_verifier::format::{self, Kind};
use zkinfer_verifier::seal::Record;
use zkinfer_verifier::sheet::{Role, SealedTensor, Sheet};
use zkinfer_verifier::{Digest, FormatError, Parameters, Seal, usable_rows};

use crate::error::ProveError;
use crate::prove::{Claim, Prover};
use crate::sealed::{SealedColumns, Seed};

/// Openings, `.opening`: secret.
const OPENING: Kind = Kind { name: "opening", magic: b"zkinf.op", limit: 1 << 30 };

/// What opens a seal: its record and the secret seed of its randomness. Wiped when dropped, never
/// printed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Opening {
    record: Record,
    seed: Seed,
    /// Digest of the integers, keyed by the seed.
    integers: Digest,
    /// The integers themselves where nothing else holds them: sealed inputs and outputs, not
    /// weights.
    tensors: Vec<Vec<i64>>,
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
        format::write(OPENING, self).into()
    }

    /// Reads an `.opening` file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        format::read(OPENING, bytes)
    }

    /// The columns of `sheets`, after checking that they are what was sealed: the same tensors,
    /// parameters and integers.
    pub fn open<'s>(
        &self,
        parameters: &Parameters,
        sheets: impl Iterator<Item = &'s Sheet>,
        tensors: impl Into<Arc<Vec<Vec<i64>>>>,
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

/// Commits to tensors under fresh randomness, without a range proof: for sealed outputs, whose
/// ranges their next reader proves.
pub fn commit(
    parameters: &Parameters,
    tensors: &[SealedTensor],
    integers: impl Into<Arc<Vec<Vec<i64>>>>,
    rng: &mut impl CryptoRng,
) -> Result<(Opening, SealedColumns), ProveError> {
    let integers = integers.into();
    check(tensors, &integers)?;
    if !parameters.for_proving() {
        return Err(ProveError::VerifyingParameters);
    }
    let usable = usable_rows(parameters.k());
    let mut sheets: Vec<Sheet> = Vec::new();
    for tensor in tensors {
        let first = sheets.last().map_or(0, |sheet| sheet.columns.end);
        // Which role a sheet has makes no difference to its cells.
        sheets.push(Sheet::new(Role::Biases, tensor.clone(), first, usable));
    }
    let sheets: Vec<&Sheet> = sheets.iter().collect();
    let seed = Seed::random(rng);
    let columns = SealedColumns::commit(parameters, &sheets, integers, &seed)?;
    let (record, integers) = (columns.seal().record().clone(), seed.digest(&columns.tensors));
    Ok((Opening { record, seed, integers, tensors: columns.tensors.to_vec() }, columns))
}

/// Seals tensors: commits to them under fresh randomness and proves that every integer is in its
/// declared range.
pub fn seal(
    parameters: &Parameters,
    tensors: &[SealedTensor],
    integers: impl Into<Arc<Vec<Vec<i64>>>>,
    rng: &mut impl CryptoRng,
) -> Result<(Seal, Opening), ProveError> {
    let (opening, columns) = commit(parameters, tensors, integers, rng)?;
    let range_proof = prove_range(parameters, &opening.record, &columns, true, rng)?;
    Ok((Seal { record: opening.record.clone(), range_proof }, opening))
}

/// The range proof of a record; with `check` off, also a false one, which tests of the verifier
/// need.
pub fn prove_range(
    parameters: &Parameters,
    record: &Record,
    columns: &SealedColumns,
    check: bool,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, ProveError> {
    let (key, statement) = record.range_claim().map_err(ProveError::Statement)?;
    let layout = key.layout();
    let mut cells = vec![vec![0; layout.usable]; layout.fresh_columns()];
    for (segment, tensor) in layout.segments().zip(columns.tensors.iter()) {
        layout.add(&mut cells, segment, 0, tensor);
    }
    let claim = Claim { statement, columns: &cells, sealed: vec![columns], ..Claim::default() };
    let proof = Prover::new(&key, parameters)
        .self_check(check)
        .check_witness(check)
        .prove_claim(claim, rng)?;
    Ok(proof.argument)
}

/// Whether tensors have their declared sizes and ranges.
fn check(tensors: &[SealedTensor], integers: &[Vec<i64>]) -> Result<(), ProveError> {
    if tensors.len() != integers.len() {
        return Err(ProveError::OpeningShape);
    }
    for (tensor, integers) in tensors.iter().zip(integers) {
        if tensor.elements() != integers.len() {
            return Err(ProveError::SealLength {
                name: tensor.name.clone(),
                expected: tensor.elements(),
                got: integers.len(),
            });
        }
        let range = tensor.minimum..=tensor.maximum;
        if let Some((index, &got)) =
            integers.iter().enumerate().find(|(_, integer)| !range.contains(integer))
        {
            let (name, minimum, maximum) = (tensor.name.clone(), tensor.minimum, tensor.maximum);
            return Err(ProveError::SealRange { name, index, got, minimum, maximum });
        }
    }
    Ok(())
}
