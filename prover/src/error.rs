//! Why no proof was made.

use thiserror::Error;
use zkinfer_verifier::{Digest, Rejection};

/// Why [`crate::Prover::prove`] made no proof.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProveError {
    /// Parameters for another number of rows.
    #[error("parameters for k = {got}, the key needs k = {expected}")]
    Parameters {
        /// The key's `k`.
        expected: u32,
        /// The parameters'.
        got: u32,
    },
    /// Parameters that were read for verifying only.
    #[error("these parameters serve verifiers only: read them with Parameters::read to prove")]
    VerifyingParameters,
    /// The statement does not fit the key.
    #[error(transparent)]
    Statement(Rejection),
    /// The witness does not have the key's columns or rows.
    #[error(
        "the witness has {got_columns} columns of {got_rows} rows, the key needs {columns} of \
        {rows}"
    )]
    WitnessShape {
        /// Columns of the key's layout.
        columns: usize,
        /// Usable rows of the key's layout.
        rows: usize,
        /// Columns found.
        got_columns: usize,
        /// Rows of the first column that differs, or of all.
        got_rows: usize,
    },
    /// A tuple of cells is in no table: the witness is not an execution of the network.
    #[error(
        "the witness breaks lookup {lookup} in row {row}: {tuple:?} is not in table {tag}; are \
        graph and circuit of one model? compile it again"
    )]
    Lookup {
        /// Index of the lookup.
        lookup: usize,
        /// The row.
        row: usize,
        /// The table's tag.
        tag: usize,
        /// The cells.
        tuple: [i64; 3],
    },
    /// The cells contradict the linear map or the statement: the witness is not an execution of the
    /// network.
    #[error(
        "the witness contradicts the network's linear equations or the statement; are graph and \
        circuit of one model? compile it again"
    )]
    Linear,
    /// Sealed tensors, factors' operands or openings that are not as many as the key needs.
    #[error("the key needs {expected} {what}, got {got}")]
    Missing {
        /// What is counted.
        what: &'static str,
        /// Needed.
        expected: usize,
        /// Given.
        got: usize,
    },
    /// A sealed integer outside its declared range.
    #[error("{name:?}: element {index} is {got}, the range to be sealed is {minimum}..={maximum}")]
    SealRange {
        /// The tensor.
        name: String,
        /// The element.
        index: usize,
        /// Its value.
        got: i64,
        /// Declared minimum.
        minimum: i64,
        /// Declared maximum.
        maximum: i64,
    },
    /// A tensor to be sealed with another number of elements than declared.
    #[error("{name:?}: {got} elements to be sealed, its shape has {expected}")]
    SealLength {
        /// The tensor.
        name: String,
        /// Elements of its shape.
        expected: usize,
        /// Given.
        got: usize,
    },
    /// The opening belongs to a seal under other parameters.
    #[error(
        "the opening is of a seal for k = {got} or other parameters, the key needs k = {expected}; \
        seal again"
    )]
    OpeningParameters {
        /// Needed.
        expected: u32,
        /// The opening's.
        got: u32,
    },
    /// The opening is of a tensor with another name, shape, scale or zero point.
    #[error(
        "{name:?}: the opening is of another tensor than the key declares; is it the opening of \
        another model?"
    )]
    OpeningTensor {
        /// The key's tensor.
        name: String,
    },
    /// The opening has another number of tensors or columns.
    #[error(
        "the opening has another number of sealed tensors or columns than the key; is it the \
        opening of another model?"
    )]
    OpeningShape,
    /// The integers are not those that were sealed.
    #[error(
        "the integers are not those that were sealed (seal {seal}): the opening belongs to other \
        weights or another tensor"
    )]
    OpeningIntegers {
        /// The seal.
        seal: Digest,
    },
    /// A challenge hit a zero denominator: probability about 2^-240. Proving again draws others.
    #[error("degenerate challenge, prove again")]
    DegenerateChallenge,
    /// The finished proof does not verify: a bug in this prover, or a broken machine.
    #[error("the finished proof failed its own verification ({0}); nothing was handed out")]
    SelfCheck(#[source] Rejection),
    /// The opening could not be written.
    #[error("the opening failed: {0}")]
    Opening(#[from] std::io::Error),
}
