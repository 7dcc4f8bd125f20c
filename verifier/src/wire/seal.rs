//! Seals: public commitments to tensors that stay secret, with the proof that every element is in
//! its declared range.
//!
//! A seal's [`Record`] says what was sealed and commits to it; its digest is the tensor's public
//! name. A [model](crate::wire::proof::Proof::model) with sealed weights is named by the digests of
//! key and record together. Before a seal is relied on, its range proof is checked once
//! ([`Seal::check`]); afterwards the digest suffices ([`Seal::trust`]). The range proof is an
//! ordinary argument for a circuit with sealed inputs and nothing else. See `docs/sealed.md`.

use pasta_curves::EqAffine;
use serde::{Deserialize, Serialize};

use crate::circuit::description::{Description, Input, Node, Operator, Visibility};
use crate::circuit::key::VerifyingKey;
use crate::circuit::sheet::SealedTensor;
use crate::encoding::digest::Digest;
use crate::encoding::encode;
use crate::error::DescriptionError;
use crate::error::Rejection;
use crate::limits::{MAX_TENSORS, bounded};
use crate::parameters::Parameters;
use crate::wire::commitment::Commitment;
use crate::wire::statement::{Statement, Value};

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

/// A record with its range proof: a `.seal` file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// What was sealed.
    pub record: Record,
    /// The argument that every element is in its range.
    pub range_proof: Vec<u8>,
}

/// A record whose range proof has been checked, with its commitments decoded.
#[derive(Clone, Debug)]
pub struct CheckedSeal {
    pub(crate) record: Record,
    pub(crate) points: Vec<EqAffine>,
    pub(crate) digest: Digest,
}

/// The circuit whose proof shows the ranges: every tensor a sealed input that nothing reads.
pub(crate) fn range_key(
    tensors: &[SealedTensor],
    k: u32,
) -> Result<VerifyingKey, DescriptionError> {
    let input = |tensor: &SealedTensor| Input {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        minimum: tensor.minimum,
        maximum: tensor.maximum,
        quantisation: tensor.quantisation.clone(),
        visibility: Visibility::Sealed,
    };
    let node = |index, tensor: &SealedTensor| Node {
        name: tensor.name.clone(),
        operator: Operator::Input(index),
    };
    VerifyingKey::of_ranges(Description {
        name: "range proof of a seal".into(),
        k,
        limb_bits: 1,
        bias_digits: 0,
        functions: Vec::new(),
        inputs: tensors.iter().map(input).collect(),
        nodes: tensors.iter().enumerate().map(|(index, tensor)| node(index, tensor)).collect(),
        outputs: Vec::new(),
    })
}

impl Record {
    /// Its name: a digest of the canonical encoding, the range proof not included.
    pub fn digest(&self) -> Digest {
        Digest::of(b"zkinfer seal v2.", &encode(self))
    }

    /// What the range proof proves: its key, and the commitments tensor by tensor.
    pub fn range_claim(&self) -> Result<(VerifyingKey, Statement), Rejection> {
        let key =
            range_key(&self.tensors, self.k).map_err(|error| Rejection::SealShape { error })?;
        let expected = key.layout().sealed_columns().count();
        if expected != self.commitments.len() {
            return Err(Rejection::SealCommitments { expected, got: self.commitments.len() });
        }
        let mut rest = self.commitments.as_slice();
        let mut inputs = Vec::new();
        for sheet in &key.layout().sheets {
            let (head, tail) = rest.split_at_checked(sheet.columns.len()).unwrap_or((rest, &[]));
            inputs.push(Value::Sealed(head.to_vec()));
            rest = tail;
        }
        Ok((key, Statement { inputs, outputs: Vec::new() }))
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
