//! Seals: public commitments to tensors that stay secret, with the proof that every element is in
//! its declared range.
//!
//! A seal's [`Record`] says what was sealed and commits to it; its digest is the tensor's public
//! name, and a model with sealed weights is named by the digests of key and record together
//! ([`model_digest`]). Before a seal is relied on, its range proof is checked once
//! ([`Seal::check`]); afterwards the digest suffices ([`Seal::trust`]). The range proof is an
//! ordinary argument for a circuit with sealed inputs and nothing else. See `docs/sealed.md`.

use group::GroupEncoding;
use pasta_curves::EqAffine;
use serde::{Deserialize, Serialize};

use crate::description::{Description, Input, Node, Operator, Visibility};
use crate::error::{DescriptionError, Rejection};
use crate::format;
use crate::key::{Digest, VerifyingKey};
use crate::limits::{MAX_TENSORS, bounded};
use crate::parameters::Parameters;
use crate::proof::Proof;
use crate::sheet::SealedTensor;
use crate::statement::{Statement, Value};
use crate::threads::for_each_chunk;
use crate::usable_rows;

/// A compressed curve point.
pub type Commitment = [u8; 32];

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
    record: Record,
    points: Vec<EqAffine>,
    digest: Digest,
}

/// The name of a model: its circuit, and whose weights.
pub fn model_digest(key: Digest, seal: Option<Digest>) -> Digest {
    let mut bytes = key.0.to_vec();
    bytes.extend(seal.iter().flat_map(|seal| seal.0));
    Digest::of(b"zkinfer model v1", &bytes)
}

/// The circuit whose proof shows the ranges: every tensor a sealed input that nothing reads.
pub fn range_key(tensors: &[SealedTensor], k: u32) -> Result<VerifyingKey, DescriptionError> {
    let input = |tensor: &SealedTensor| Input {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        minimum: tensor.minimum,
        maximum: tensor.maximum,
        quantisation: tensor.quantisation,
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
        inputs: tensors.iter().map(input).collect(),
        nodes: tensors.iter().enumerate().map(|(index, tensor)| node(index, tensor)).collect(),
        outputs: Vec::new(),
    })
}

/// Decodes a commitment; the identity, which commits to nothing hidden, is refused.
pub fn decode(commitment: &Commitment) -> Option<EqAffine> {
    let point: EqAffine = Option::from(EqAffine::from_bytes(commitment))?;
    (point != EqAffine::default()).then_some(point)
}

impl Record {
    /// Its name: a digest of the canonical encoding, the range proof not included.
    pub fn digest(&self) -> Digest {
        Digest::of(b"zkinfer seal v2.", &format::encode(self))
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

impl Seal {
    /// Checks that the seal is of what `key` needs sealed, then its range proof.
    pub fn check_for(
        self,
        key: &VerifyingKey,
        parameters: &Parameters,
    ) -> Result<CheckedSeal, Rejection> {
        self.record.fits(key, parameters)?;
        self.check(parameters)
    }

    /// Checks the range proof. Where the key is known, [`Self::check_for`] refuses another model's
    /// seal before any work.
    pub fn check(self, parameters: &Parameters) -> Result<CheckedSeal, Rejection> {
        if self.record.parameters != parameters.digest()
            || self.record.usable != usable_rows(parameters.k())
        {
            return Err(Rejection::SealParameters { expected: parameters.k(), got: self.record.k });
        }
        let (key, statement) = self.record.range_claim()?;
        let proof =
            Proof { key: key.digest(), seal: None, statement, argument: self.range_proof.clone() };
        key.verify(parameters, &proof)
            .map_err(|reason| Rejection::SealRange { reason: Box::new(reason) })?;
        self.decoded()
    }

    /// Accepts the seal without checking its range proof, because its digest is that of one that
    /// has been checked.
    pub fn trust(self, checked: Digest) -> Result<CheckedSeal, Rejection> {
        let got = self.record.digest();
        if got != checked {
            return Err(Rejection::OtherSeal {
                expected: checked.to_string(),
                got: got.to_string(),
            });
        }
        self.decoded()
    }

    fn decoded(self) -> Result<CheckedSeal, Rejection> {
        let mut points: Vec<_> =
            self.record.commitments.iter().map(|commitment| (commitment, None)).collect();
        // A square root each.
        for_each_chunk(&mut points, 16, |_, points| {
            points.iter_mut().for_each(|(commitment, point)| *point = decode(commitment));
        });
        let points = points.into_iter().map(|(_, point)| point).collect::<Option<_>>();
        let points = points.ok_or(Rejection::Encoding { part: "commitments of the seal" })?;
        Ok(CheckedSeal { digest: self.record.digest(), points, record: self.record })
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
