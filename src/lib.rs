//! Zero-knowledge proof of neural network inference: from an ONNX file to a verified proof.
//!
//! ```no_run
//! use zkinfer::models::Dataset;
//! use zkinfer::{Cache, Compile, Model, Objective, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Compile once: this is all the set-up there is.
//! let model = Model::load("lenet5.onnx")?;
//! let calibration = model.calibrate(&Dataset::read("calibration.npz", model.inputs())?)?;
//! let circuit = model.quantise(&calibration)?.compile(Objective::Prover)?;
//! let (parameters, _) =
//!     Cache::user()?.load(circuit.key().description().k, || eprintln!("deriving parameters"))?;
//!
//! // Seal the weights: the seal is public, the opening stays with whoever proves.
//! let (seal, opening) = circuit.seal(&parameters)?;
//!
//! // Prove, any number of inputs.
//! let session = circuit.session(&parameters, Some(&opening))?;
//! let proof = session.prove(&circuit.read_inputs("digit.npy")?)?;
//!
//! // Verify, anywhere: key, seal and proof are all it takes. The seal's own proof is checked once.
//! let seal = seal.check(&parameters)?;
//! let outputs = verify(circuit.key(), &parameters, Some(&seal), &proof)?;
//! println!("class {:?}", outputs[0].class);
//! # Ok(())
//! # }
//! ```
//!
//! | here | from | is |
//! |---|---|---|
//! | [`Model`] | [`models`] | an imported network: calibrate, quantise, run in floats |
//! | [`Circuit`], [`Compile`], [`Exposure`] | this crate | a compiled network: run, seal, store as `.zkc`; what its proofs show |
//! | [`ProvingSession`], [`Source`], [`Inference`] | this crate | proving many inferences |
//! | [`Generated`] | this crate | a language model's answer to a prompt |
//! | [`Inputs`] | this crate | which opening and which tensor goes to which input |
//! | [`Artifact`] | this crate | any file of ours, told by its first bytes |
//! | [`ModelFiles`], [`Written`] | this crate | the files of a compiled model, written together |
//! | [`VerifyingKey`], [`Seal`], [`Proof`], [`verify`] | [`verifier`] | what verifiers hold |
//! | [`Manifest`], [`PublisherKey`] | this crate | who published which model |
//! | [`compile_segments`] | this crate | a network cut in segments that are proven apart |
//! | [`Opening`] | [`prover`] | what opens a seal: secret |
//! | [`sealing`] | this crate | sealing large weights, so that a killed run goes on |
//! | [`Cache`], [`Parameters`] | this crate, [`verifier`] | the commitment parameters, kept on disk |
//! | [`files`] | this crate | reading regular files only, writing them together or not at all |
//! | [`foresight`] | this crate | whether a network has a circuit, before it is calibrated, and what that will take |
//! | [`Needs`] | this crate | time and memory of work, predicted |
//! | [`foreign`] | this crate | text out of files, made harmless |
//! | [`verification`] | this crate | verifying files that somebody was given: what belongs together, what is demanded |
//! | [`devices`] | this crate | which device to prove on |
//! | [`Objective`], [`Prediction`] | [`circuits`] | what the layout is cheapest for, and what it will cost |
//!
//! Integrators who only verify depend on `zkinfer-verifier` alone: it knows no ONNX and no prover.

pub use zkinfer_circuits as circuits;
pub use zkinfer_models as models;
pub use zkinfer_prover as prover;
pub use zkinfer_verifier as verifier;

pub mod artifact;
pub mod cache;
mod circuit;
pub mod devices;
mod error;
pub mod files;
pub mod foreign;
pub mod foresight;
mod generate_error;
mod generation;
mod inputs;
pub mod manifest;
mod needs;
mod random;
pub mod sealing;
mod segments;
mod session;
pub mod verification;
mod written;

pub use artifact::Artifact;
pub use cache::Cache;
pub use circuit::{Circuit, Compile};
pub use error::Error;
pub use generate_error::GenerateError;
pub use generation::Generated;
pub use inputs::{Inputs, InputsError};
pub use manifest::{Manifest, PublisherKey};
pub use needs::Needs;
pub use segments::compile_segments;
pub use session::{Inference, ProvingSession, Source};
pub use written::{ENDINGS, ModelFiles, Written};
pub use zkinfer_circuits::{Exposure, Objective, Prediction};
pub use zkinfer_models::Model;
pub use zkinfer_prover::Opening;
pub use zkinfer_verifier::argument::stage::Stage;
pub use zkinfer_verifier::{
    CheckedSeal, Parameters, Proof, Reading, Rejection, Seal, VerifyingKey, Visibility,
};

/// Verifies a proof and reads its outputs, which are computed from the integers that it binds.
///
/// `seal` is the model's, already checked, if its weights are sealed.
pub fn verify(
    key: &VerifyingKey,
    parameters: &Parameters,
    seal: Option<&CheckedSeal>,
    proof: &Proof,
) -> Result<Vec<Reading>, Rejection> {
    key.verify_sealed(parameters, seal, proof)?;
    Ok(proof.statement.read_outputs(key))
}
