//! What work is predicted to take, on the machine of `docs/performance.md`: known from sizes alone,
//! so before anything is spent.

use zkinfer_circuits::{CostModel, Prediction};
use zkinfer_models::Model;
use zkinfer_verifier::circuit::sheet::SealedTensor;
use zkinfer_verifier::wire::seal::Record;
use zkinfer_verifier::{Digest, VerifyingKey, usable_rows};

use crate::circuit::Circuit;

/// What work is predicted to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Needs {
    /// Seconds of processor time, of all threads together.
    pub seconds: f64,
    /// Bytes of memory at its peak.
    pub bytes: usize,
}

impl Needs {
    /// The same so many times, one after the other: time adds up, memory does not.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self { seconds: self.seconds * count as f64, ..self }
    }

    /// Of a proof by a key.
    pub fn of_proof(key: &VerifyingKey) -> Self {
        let prediction = Prediction::of(key);
        Self { seconds: prediction.prove_seconds, bytes: prediction.peak_bytes }
    }

    /// Of sealing a key's weights; none if they are public.
    pub fn of_seal(key: &VerifyingKey) -> Option<Self> {
        if !key.has_sealed_weights() {
            return None;
        }
        let (k, model) = (key.description().k, CostModel::REFERENCE);
        let tensors: Vec<SealedTensor> =
            key.layout().model_sheets().map(|sheet| sheet.tensor.clone()).collect();
        let columns = key.layout().model_sheets().map(|sheet| sheet.columns.len()).sum();
        let elements = tensors.iter().map(SealedTensor::elements).fold(0, usize::saturating_add);
        // Which commitments a record has says nothing about its size.
        let record = Record {
            k,
            usable: usable_rows(k),
            parameters: Digest([0; 32]),
            tensors,
            commitments: vec![[0; 32]; columns],
        };
        let parts = record.range_parts().ok()?;
        let largest = parts.iter().max_by_key(|part| part.columns.len())?;
        let (part, _) = record.range_claim(largest).ok()?;
        let proof = Self::of_proof(&part);
        let share = columns as f64 / largest.columns.len().max(1) as f64;
        let commitments = columns as f64 * model.small_column + elements as f64 * model.small_cell;
        Some(Self { seconds: proof.seconds * share + commitments, bytes: proof.bytes + elements })
    }

    /// Of calibrating and quantising a model over so many samples, and comparing it with them.
    pub fn of_quantising(model: &Model, samples: usize) -> Self {
        let size = model.size();
        let compared = model.samples_to_compare().min(samples);
        // Ranges of all samples, and of each half of those that are compared.
        let float = 2 * samples + compared;
        let seconds =
            size.run as f64 * MULTIPLY * (float + compared) as f64 + size.numbers as f64 * WEIGHT;
        let threads = rayon::current_num_threads().min(samples.max(1));
        let bytes = BASE + size.held * threads + size.numbers * WEIGHT_BYTES;
        Self { seconds, bytes }
    }
}

/// Bytes of a process that reads a small model.
const BASE: usize = 12 << 20;
/// A multiplication of a run, in floating point or on integers.
const MULTIPLY: f64 = 1.6e-10;
/// Reading a weight, and quantising it as often as a compiler does.
const WEIGHT: f64 = 1.2e-7;
/// Bytes of a weight: as the file has it, as a number, as integers of some networks.
const WEIGHT_BYTES: usize = 18;

impl Circuit {
    /// What a proof is predicted to take.
    pub fn proving(&self) -> Needs {
        Needs::of_proof(self.key())
    }

    /// What sealing the weights is predicted to take; none if they are public.
    pub fn sealing(&self) -> Option<Needs> {
        Needs::of_seal(self.key())
    }
}
