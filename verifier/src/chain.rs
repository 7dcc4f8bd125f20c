//! Proofs that continue each other: the sealed outputs of one are the sealed inputs of the next.
//!
//! Equal commitments under equal parameters hold equal integers, so a network cut in segments, proven on different machines, is proven as a
//! whole once every proof verifies and the tensors between them are the same.

use crate::description::{Input, Output, Visibility};
use crate::error::Rejection;
use crate::key::VerifyingKey;
use crate::parameters::Parameters;
use crate::proof::Proof;
use crate::seal::CheckedSeal;

/// One proof of a chain, with what it takes to verify it.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The segment's key.
    pub key: &'a VerifyingKey,
    /// The seal of its weights, if they are sealed.
    pub seal: Option<&'a CheckedSeal>,
    /// The proof.
    pub proof: &'a Proof,
}

/// Verifies every proof, then that each one's sealed outputs are the next one's sealed inputs, in order, and nothing else is between them.
pub fn verify_chain(parameters: &Parameters, segments: &[Segment<'_>]) -> Result<(), Rejection> {
    for segment in segments {
        segment.key.verify_sealed(parameters, segment.seal, segment.proof)?;
    }
    for (index, pair) in segments.windows(2).enumerate() {
        if let [first, second] = pair {
            joins(first, second).map_err(|what| Rejection::Chain { first: index.saturating_add(1), what })?;
        }
    }
    Ok(())
}

/// Whether the second segment goes on where the first ended.
fn joins(first: &Segment<'_>, second: &Segment<'_>) -> Result<(), &'static str> {
    if first.key.description().k != second.key.description().k {
        return Err("they have different k");
    }
    let (outputs, inputs) = (&first.key.description().outputs, &second.key.description().inputs);
    let values = (&first.proof.statement.outputs, &second.proof.statement.inputs);
    if outputs.len() != inputs.len() || values.0.len() != values.1.len() {
        return Err("another number of tensors goes out than comes in");
    }
    for ((output, input), (out, into)) in outputs.iter().zip(inputs).zip(values.0.iter().zip(values.1)) {
        if (output.visibility, input.visibility) != (Visibility::Sealed, Visibility::Sealed) {
            return Err("a tensor between them is not sealed on both sides");
        }
        if !same_reading(output, input) {
            return Err("a tensor has another shape, scale or zero point on the other side");
        }
        if out.commitments() != into.commitments() {
            return Err("the sealed output of the first is not the sealed input of the second");
        }
    }
    Ok(())
}

/// Whether both sides read the same integers as the same tensor.
fn same_reading(output: &Output, input: &Input) -> bool {
    output.shape == input.shape && output.quantisation == input.quantisation
}
