//! What can go wrong between a quantised network and its proof.

use std::path::PathBuf;

use thiserror::Error;

use crate::foreign;

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
    /// A device that cannot be used at all.
    #[error(transparent)]
    Device(#[from] zkinfer_prover::msm::DeviceError),
    /// Graph and circuit of a compiled network compute different things: the file was put together
    /// by hand.
    #[error(
        "output {output:?}: the circuit and the network's graph differ; compile the model again"
    )]
    Mismatch {
        /// The output.
        output: String,
    },
    /// The network has too few places where one tensor crosses.
    #[error(
        "the network can be cut in at most {possible} segments, {segments} were asked for{}",
        private.as_ref().map_or_else(String::new, |name| format!(
            "; input {} is private, so that no two segments are seen to read the same: seal it \
            (--input sealed)", foreign::name(name)))
    )]
    TooFewCuts {
        /// Asked for.
        segments: usize,
        /// Possible.
        possible: usize,
        /// A private input, if there is one: behind a cut nobody reads it again.
        private: Option<String>,
    },
    /// A cut where none is possible.
    #[error(transparent)]
    Split(#[from] zkinfer_models::integer::split::SplitError),
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] crate::manifest::ManifestError),
    /// The file that keeps range proofs while a large seal is made.
    #[error("{}: {source}", foreign::path(path))]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// A network with public weights has nothing to seal.
    #[error("the weights are public, so there is nothing to seal; compile with sealed weights")]
    PublicWeights,
    /// Sealed weights and no opening to prove with.
    #[error("the weights are sealed: proving needs the model's opening; `zkinfer seal` writes it")]
    OpeningMissing,
    /// An opening for a network with public weights.
    #[error("the weights are public, so no opening belongs to them")]
    OpeningUnexpected,
    /// A name that no input has.
    #[error("the model has no input called {name:?}")]
    UnknownInput {
        /// The name.
        name: String,
    },
    /// An input that is not sealed.
    #[error("input {name:?} is not sealed in this circuit; compile with a sealed input")]
    NotSealed {
        /// The input.
        name: String,
    },
    /// A sealed input given as a plain tensor, or the other way round.
    #[error("input {name:?} is {visibility}: give {expected}")]
    Source {
        /// The input.
        name: String,
        /// What the circuit shows of it.
        visibility: zkinfer_verifier::Visibility,
        /// What is expected.
        expected: &'static str,
    },
    /// Another number of inputs than the network has.
    #[error("{got} inputs given, the model has {expected}")]
    InputCount {
        /// Inputs of the model.
        expected: usize,
        /// Given.
        got: usize,
    },
    /// Nothing was generated.
    #[error(transparent)]
    Generate(#[from] crate::generate_error::GenerateError),
    /// No proof was made.
    #[error(transparent)]
    Prove(#[from] zkinfer_prover::ProveError),
    /// The operating system gives no randomness, without which a proof would not hide anything.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(String),
}
