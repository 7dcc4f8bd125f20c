//! A seal in the making: the commitments, and range proofs as far as there are.
//!
//! Each range proof is of a [part](zkinfer_verifier::wire::ranges) of the columns, so that memory
//! grows with a part and not with the seal. Whoever keeps the [opening](Sealing::opening) and the
//! proofs can go on in another process.

use rand_core::CryptoRng;
use zkinfer_verifier::circuit::sheet::{SealedTensor, Sheet};
use zkinfer_verifier::wire::ranges::RangePart;
use zkinfer_verifier::{Parameters, Seal};

use super::commit::{commit_apart, prove_range};
use super::opening::Opening;
use crate::columns::{SealedColumns, Tensors};
use crate::error::ProveError;

/// A seal whose range proofs are made one by one.
pub struct Sealing<'p> {
    parameters: &'p Parameters,
    opening: Opening,
    columns: SealedColumns,
    parts: Vec<RangePart>,
    range_proofs: Vec<Vec<u8>>,
}

impl<'p> Sealing<'p> {
    /// Commits to tensors under fresh randomness.
    ///
    /// # Errors
    /// If they have not their declared sizes and ranges.
    pub fn start(
        parameters: &'p Parameters,
        tensors: &[SealedTensor],
        integers: impl Into<Tensors>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ProveError> {
        let (opening, columns) = commit_apart(parameters, tensors, integers.into(), rng)?;
        Self::new(parameters, opening, columns, Vec::new())
    }

    /// Goes on with the opening of a seal that was [started](Self::start), and the range proofs
    /// that were made of it.
    ///
    /// # Errors
    /// If the opening is of other tensors, or there are more proofs than parts.
    pub fn resume<'s>(
        parameters: &'p Parameters,
        (opening, range_proofs): (Opening, Vec<Vec<u8>>),
        sheets: impl Iterator<Item = &'s Sheet>,
        integers: impl Into<Tensors>,
    ) -> Result<Self, ProveError> {
        let columns = opening.open(parameters, sheets, integers)?;
        Self::new(parameters, opening, columns, range_proofs)
    }

    fn new(
        parameters: &'p Parameters,
        opening: Opening,
        columns: SealedColumns,
        range_proofs: Vec<Vec<u8>>,
    ) -> Result<Self, ProveError> {
        let parts = opening.record.range_parts().map_err(ProveError::Statement)?;
        if range_proofs.len() > parts.len() {
            return Err(ProveError::OpeningShape);
        }
        Ok(Self { parameters, opening, columns, parts, range_proofs })
    }

    /// What opens the seal, without the integers.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// How many range proofs there are, and how many there will be.
    pub fn progress(&self) -> (usize, usize) {
        (self.range_proofs.len(), self.parts.len())
    }

    /// The integers, tensor by tensor.
    pub(super) fn tensors(&self) -> &Tensors {
        &self.columns.tensors
    }

    /// Makes the next range proof, and checks it; none if all are there.
    pub fn next(&mut self, rng: &mut impl CryptoRng) -> Result<Option<&[u8]>, ProveError> {
        let Some(part) = self.parts.get(self.range_proofs.len()) else { return Ok(None) };
        let record = &self.opening.record;
        let proof = prove_range(self.parameters, record, (&self.columns, part), true, rng)?;
        self.range_proofs.push(proof);
        Ok(self.range_proofs.last().map(Vec::as_slice))
    }

    /// The seal and what opens it. With fewer range proofs than [all](Self::next) it is refused by
    /// whoever checks it.
    pub fn finish(self) -> (Seal, Opening) {
        let Self { opening, range_proofs, .. } = self;
        (Seal { record: opening.record.clone(), range_proofs }, opening)
    }
}
