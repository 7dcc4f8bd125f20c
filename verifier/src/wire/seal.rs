//! Seals: public commitments to tensors that stay secret, with the proof that every element is in
//! its declared range.
//!
//! A seal's [`Record`] says what was sealed and commits to it; its digest is the tensor's public
//! name. A [model](crate::wire::proof::Proof::model) with sealed weights is named by the digests of
//! key and record together. Before a seal is relied on, its range proofs are checked once
//! ([`Seal::check`]); afterwards the digest suffices ([`Seal::trust`]). A range proof is an
//! ordinary argument for a circuit with sealed inputs and nothing else; large seals have several
//! ([`ranges`](crate::wire::ranges)). See `docs/sealed.md`.

use pasta_curves::EqAffine;
use serde::{Deserialize, Serialize};

use crate::circuit::key::VerifyingKey;
use crate::circuit::sheet::SealedTensor;
use crate::encoding::digest::Digest;
use crate::encoding::encode;
use crate::error::Rejection;
use crate::limits::{MAX_RANGE_PROOFS, MAX_TENSORS, bounded};
use crate::parameters::Parameters;
use crate::wire::commitment::Commitment;

/// What was sealed, and the commitments to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `n = 2^k` rows a column.
    pub k: u32,
    /// Rows of a column that can hold elements.
    pub usable: usize,
    /// Digest of the commitment parameters.
    pub parameters: Digest,
    /// The tensors, in order.
    #[serde(deserialize_with = "bounded::<_, _, MAX_TENSORS>")]
    pub tensors: Vec<SealedTensor>,
    /// One per column, tensor after tensor.
    pub commitments: Vec<Commitment>,
}

/// A record with its range proofs: a `.seal` file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// What was sealed.
    pub record: Record,
    /// The arguments that every element is in its range, one for each of
    /// [`Record::range_parts`].
    #[serde(deserialize_with = "bounded::<_, _, MAX_RANGE_PROOFS>")]
    pub range_proofs: Vec<Vec<u8>>,
}

/// A record whose range proofs have been checked, with its commitments decoded.
#[derive(Clone, Debug)]
pub struct CheckedSeal {
    pub(crate) record: Record,
    pub(crate) points: Vec<EqAffine>,
    pub(crate) digest: Digest,
}

impl Record {
    /// Its name: a digest of the canonical encoding, the range proofs not included.
    pub fn digest(&self) -> Digest {
        Digest::of(b"zkinfer seal v2.", &encode(self))
    }
}

impl CheckedSeal {
    /// What was sealed.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record's digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The commitments.
    pub fn points(&self) -> &[EqAffine] {
        &self.points
    }

    /// Whether the seal is of tensors like those that `key` needs sealed, under the same
    /// parameters.
    pub fn fits(&self, key: &VerifyingKey, parameters: &Parameters) -> Result<(), Rejection> {
        self.record.fits(key, parameters)
    }
}

impl Record {
    /// Whether it is of tensors like those that `key` needs sealed, under the same parameters.
    pub fn fits(&self, key: &VerifyingKey, parameters: &Parameters) -> Result<(), Rejection> {
        let record = self;
        if record.parameters != parameters.digest() || record.k != key.description().k {
            return Err(Rejection::SealParameters { expected: key.description().k, got: record.k });
        }
        let tensors: Vec<&SealedTensor> =
            key.layout().model_sheets().map(|sheet| &sheet.tensor).collect();
        let columns: usize = key.layout().model_sheets().map(|sheet| sheet.columns.len()).sum();
        let misfit = tensors.iter().zip(&record.tensors).find(|(expected, got)| **expected != *got);
        if let Some((expected, _)) = misfit {
            return Err(Rejection::SealTensor { name: expected.name.clone() });
        }
        if tensors.len() != record.tensors.len() || columns != record.commitments.len() {
            return Err(Rejection::SealCommitments {
                expected: columns,
                got: record.commitments.len(),
            });
        }
        Ok(())
    }
}
