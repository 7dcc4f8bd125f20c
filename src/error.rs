//! What can go wrong between a quantised network and its proof.

use thiserror::Error;

/// Why a compiled network could not be made, read, run or proven.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The network's graph, data or inputs.
    #[error(transparent)]
    Model(#[from] zkinfer_models::Error),
    /// The network has no circuit.
    #[error(transparent)]
    Compile(#[from] zkinfer_circuits::Error),
    /// The inputs have no witness.
    #[error(transparent)]
    Inputs(#[from] zkinfer_circuits::InputError),
    /// The bytes are not a compiled network.
    #[error(transparent)]
    Format(#[from] zkinfer_verifier::FormatError),
    /// Graph and circuit of a compiled network compute different things: the file was put together by hand.
    #[error("output {output}: the circuit and the network's graph differ; compile the model again")]
    Mismatch {
        /// The output.
        output: String,
    },
    /// No proof was made.
    #[error(transparent)]
    Prove(#[from] zkinfer_prover::ProveError),
    /// The operating system gives no randomness, without which a proof would not hide anything.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(String),
}
