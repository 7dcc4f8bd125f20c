//! Why no proof was made.

use thiserror::Error;
use zkinfer_verifier::Rejection;

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
    /// The statement does not fit the key.
    #[error("the statement does not fit the key: {0}")]
    Statement(#[source] Rejection),
    /// The witness does not have the key's columns or rows.
    #[error("the witness has {got_columns} columns of {got_rows} rows, the key needs {columns} of {rows}")]
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
    #[error("the witness breaks lookup {lookup} in row {row}: {tuple:?} is not in table {tag}")]
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
    /// The cells contradict the linear map or the statement: the witness is not an execution of the network.
    #[error("the witness contradicts the network's linear equations or the statement")]
    Linear,
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
