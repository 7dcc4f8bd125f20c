//! A network before it meets a field: ONNX in, a graph on integers out.
//!
//! This crate stands at the beginning of zkinfer's data flow and imports none of the other crates:
//!
//! ```text
//! ONNX ─ models ▶ graph ─ circuits ▶ circuit, witness ─ prover ▶ proof ─ verifier ▶ verdict
//! ```
//!
//! | module | from → to | idea |
//! |---|---|---|
//! | [`model`] | a file → everything below | the front door |
//! | [`onnx`] | protobuf → [`graph`] | the only place that knows ONNX; refuses what cannot be proven |
//! | [`graph`] | | the float network, ONNX names, constants inside their operators |
//! | `passes` | [`graph`] → [`graph`] | folds constants, normalisation and activations |
//! | `float` | samples → floats | the float graph, run by ourselves: ranges and the reference |
//! | [`reference`](mod@reference) | samples → floats | what the network on integers is measured against |
//! | `tract` | samples → floats | with the feature `tract`: the file's network, run by tract |
//! | [`data`] | `.npz`, `.npy`, JSON → samples | with the checks that bad data deserves |
//! | [`calibrate`] | samples → ranges | how large each value gets |
//! | [`quantise`] | [`graph`] + ranges → [`quantised`] | int8 with snapped multipliers |
//! | [`quantised`] | | the network on integers: the contract with `zkinfer-circuits` |
//! | [`limits`] | | how large a network may be |
//! | [`validate`] | [`quantised`] → verdict | what makes a quantised graph safe to run |
//! | [`interpreter`] | [`quantised`] + integers → integers | the executable specification: what is proven |
//! | [`tensors`] | floats ↔ integers | inputs and outputs of quantised graphs |
//! | [`split`] | [`quantised`] → segments | cutting a network where one tensor crosses |
//! | [`evaluate`] | float against int8 | accuracy, agreement, distances |
//! | [`report`] | | what quantisation decided |
//! | `file` | | reading regular files, within limits |
//! | [`activation`], [`binary`], `layout`, [`rounding`], [`window`] | | functions, element moves, rounding rules and window geometry that the others share |
//! | `testing` | | with the feature `test-support`: an ONNX builder and generators of quantised graphs |
//!
//! ```no_run
//! use zkinfer_models::{Dataset, Model, interpreter};
//!
//! # fn main() -> Result<(), zkinfer_models::Error> {
//! let model = Model::load("lenet5.onnx")?;
//! let calibration = model.calibrate(&Dataset::read("calibration.npz", model.inputs())?)?;
//! let quantised = model.quantise(&calibration)?;
//!
//! let test = Dataset::read("test.npz", model.inputs())?;
//! println!("{:?}", model.evaluate(&quantised.graph, &test)?);
//!
//! let inputs = quantised.graph.quantise_inputs(&test.samples()[0])?;
//! let outputs = interpreter::run(&quantised.graph, &inputs)?;
//! println!("{:?}", quantised.graph.dequantise_outputs(&outputs));
//! # Ok(())
//! # }
//! ```

pub mod activation;
pub mod binary;
pub mod calibrate;
pub mod data;
pub mod evaluate;
mod file;
mod float;
pub mod graph;
pub mod interpreter;
mod layout;
pub mod limits;
pub mod model;
pub mod onnx;
mod passes;
pub mod quantise;
pub mod quantised;
pub mod reference;
pub mod report;
pub mod rounding;
pub mod split;
pub mod tensors;
#[cfg(any(test, feature = "test-support"))]
pub mod testing;
#[cfg(feature = "tract")]
mod tract;
pub mod validate;
pub mod window;

pub use calibrate::Calibration;
pub use data::Dataset;
pub use evaluate::Evaluation;
pub use model::{Error, Model};
pub use quantise::Quantised;
pub use report::Report;
