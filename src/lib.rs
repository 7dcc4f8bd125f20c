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
//!
//! // Prove.
//! let (parameters, _) = Cache::user()?.load(circuit.key().description().k, || eprintln!("deriving parameters"))?;
//! let inputs = circuit.read_inputs("digit.npy")?;
//! let proof = circuit.prover(&parameters).prove(&inputs)?;
//!
//! // Verify, anywhere: key and proof are all it takes.
//! let outputs = verify(circuit.key(), &parameters, &proof)?;
//! println!("class {:?}", outputs[0].class);
//! # Ok(())
//! # }
//! ```
//!
//! | here | from | is |
//! |---|---|---|
//! | [`Model`] | [`models`] | an imported network: calibrate, quantise, run in floats |
//! | [`Circuit`], [`Compile`] | this crate | a compiled network: run, prove, store as `.zkc` |
//! | [`VerifyingKey`], [`Proof`], [`verify`] | [`verifier`] | what verifiers hold |
//! | [`Cache`], [`Parameters`] | [`prover`], [`verifier`] | the commitment parameters |
//! | [`Objective`], [`Prediction`] | [`circuits`] | what the layout is cheapest for, and what it will cost |
//!
//! Integrators who only verify depend on `zkinfer-verifier` alone: it knows no ONNX and no prover.

pub use zkinfer_circuits as circuits;
pub use zkinfer_models as models;
pub use zkinfer_prover as prover;
pub use zkinfer_verifier as verifier;

mod circuit;
mod error;

pub use circuit::{Circuit, CircuitProver, Compile};
pub use error::Error;
pub use zkinfer_circuits::{Objective, Prediction};
pub use zkinfer_models::Model;
pub use zkinfer_prover::Stage;
pub use zkinfer_prover::cache::Cache;
pub use zkinfer_verifier::{Parameters, Proof, Reading, Rejection, VerifyingKey};

/// Verifies a proof and reads its outputs, which are computed from the integers that it binds.
pub fn verify(key: &VerifyingKey, parameters: &Parameters, proof: &Proof) -> Result<Vec<Reading>, Rejection> {
    key.verify(parameters, proof)?;
    Ok(proof.statement.read_outputs(key))
}
