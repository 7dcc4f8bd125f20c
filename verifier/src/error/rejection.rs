//! Why a proof or a seal does not convince.

use thiserror::Error;

use super::description::DescriptionError;
use crate::visibility::Visibility;

/// Why a proof was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The proof names another key.
    #[error("the proof is for another model: its key digest is {got}, this key is {expected}")]
    OtherKey {
        /// This key's digest, in hexadecimal.
        expected: String,
        /// The proof's.
        got: String,
    },
    /// Parameters for another number of rows.
    #[error("parameters for k = {got}, the key needs k = {expected}")]
    OtherParameters {
        /// The key's `k`.
        expected: u32,
        /// The parameters'.
        got: u32,
    },
    /// Another number of public tensors than the key declares.
    #[error("the statement has {got} {kind} tensors, the key declares {expected}")]
    TensorCount {
        /// "input" or "output".
        kind: &'static str,
        /// Declared.
        expected: usize,
        /// Found.
        got: usize,
    },
    /// Another number of elements than the key declares.
    #[error("{name:?}: {got} elements in the statement, the key declares {expected}")]
    TensorLength {
        /// The tensor.
        name: String,
        /// Declared.
        expected: usize,
        /// Found.
        got: usize,
    },
    /// The statement shows less or more of a tensor than the key declares.
    #[error("{name:?}: {got} in the statement, the key declares it {expected}")]
    Visibility {
        /// The tensor.
        name: String,
        /// Declared.
        expected: Visibility,
        /// Found.
        got: Visibility,
    },
    /// Another number of commitments than the key's columns for a sealed tensor.
    #[error("{name:?}: {got} commitments in the statement, the key implies {expected}")]
    TensorCommitments {
        /// The tensor.
        name: String,
        /// Implied by the key.
        expected: usize,
        /// Found.
        got: usize,
    },
    /// The key has sealed weights and no seal was given.
    #[error("the weights are sealed: give the model's seal")]
    SealMissing,
    /// A seal was given for a key without sealed weights.
    #[error("the key has public weights, so no seal belongs to it")]
    SealUnexpected,
    /// Another seal than the one named.
    #[error("another model's seal: expected {expected}, got {got}")]
    OtherSeal {
        /// Named by the proof or the record, in hexadecimal.
        expected: String,
        /// Digest of the seal given, or "none".
        got: String,
    },
    /// A seal made under other parameters or another number of rows.
    #[error(
        "the seal was made for k = {got} or other parameters, expected those of k = {expected}; \
        seal again"
    )]
    SealParameters {
        /// Needed.
        expected: u32,
        /// The seal's `k`.
        got: u32,
    },
    /// A sealed tensor with another name, shape, range or scale than the key's.
    #[error("{name:?}: the seal is of another tensor than the key declares")]
    SealTensor {
        /// The key's tensor.
        name: String,
    },
    /// Another number of commitments than the sealed tensors take.
    #[error("the seal has {got} commitments, its tensors take {expected}")]
    SealCommitments {
        /// Implied by the shapes.
        expected: usize,
        /// Found.
        got: usize,
    },
    /// Another number of range proofs than the sealed tensors take.
    #[error("the seal has {got} range proofs, its tensors take {expected}")]
    SealParts {
        /// Implied by the shapes.
        expected: usize,
        /// Found.
        got: usize,
    },
    /// The seal's tensors have no layout.
    #[error("no seal can hold these tensors: {error}")]
    SealShape {
        /// Why.
        error: DescriptionError,
    },
    /// The range proof of a seal does not hold.
    #[error("the seal does not prove that its integers are in range: {reason}")]
    SealRange {
        /// Why.
        reason: Box<Rejection>,
    },
    /// The proofs of a chain do not fit each other.
    #[error("the chain breaks between proof {first} and the next: {what}")]
    Chain {
        /// Position of the first of two proofs, from 1.
        first: usize,
        /// What does not fit.
        what: String,
    },
    /// A chain of no proofs, which shows nothing.
    #[error("a chain needs at least one proof")]
    EmptyChain,
    /// A public element outside its declared range.
    #[error("{name:?}: element {index} is {got}, declared range {minimum}..={maximum}")]
    TensorRange {
        /// The tensor.
        name: String,
        /// The element.
        index: usize,
        /// Found.
        got: i64,
        /// Declared minimum.
        minimum: i64,
        /// Declared maximum.
        maximum: i64,
    },
    /// A prompt and an answer that are longer than the network reads.
    #[error(
        "{prompt} ids of prompt and {answer} of answer are more than the {length} that are read"
    )]
    GenerationLength {
        /// Ids of the prompt.
        prompt: i64,
        /// Ids of the answer.
        answer: i64,
        /// Ids that the network reads.
        length: usize,
    },
    /// An id of the answer is not the likeliest there.
    #[error(
        "id {position} is {got}, but the likeliest one there is {expected}: the answer is not what \
        the model says"
    )]
    NextId {
        /// Its position among all ids, from 0.
        position: usize,
        /// The likeliest id.
        expected: i64,
        /// The answer's.
        got: i64,
    },
    /// Something else than padding behind the answer.
    #[error("id {position} is {got}; behind the answer stands {expected}, which pads")]
    Padding {
        /// Its position among all ids, from 0.
        position: usize,
        /// What pads.
        expected: i64,
        /// Found.
        got: i64,
    },
    /// Another proof length than the key implies.
    #[error("the proof has {got} bytes, the key implies {expected}")]
    ProofLength {
        /// Implied by the key.
        expected: usize,
        /// Found.
        got: usize,
    },
    /// A point or scalar of the proof is not canonically encoded.
    #[error("the proof's {part} hold an invalid encoding")]
    Encoding {
        /// Which part.
        part: &'static str,
    },
    /// A challenge hit a zero denominator: probability about 2^-240, or a forged transcript.
    #[error("degenerate challenge: {part}")]
    DegenerateChallenge {
        /// Where.
        part: &'static str,
    },
    /// The evaluations contradict the constraints or the commitments.
    #[error(
        "the proof does not hold: its evaluations contradict the constraints or the commitments"
    )]
    Opening,
}
