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
//! | [`widths`] | what the verdict measures → bits of values | more than 8 where the error asks for it |
//! | [`compare`] | samples → figures | a network beside its float model, before it is compiled |
//! | [`agreement`] | float numbers, integers | distances of outputs, of their parts, of nodes; a verdict |
//! | `lengths` | samples → lengths | what a file leaves open of its shapes |
//! | [`evaluate`] | float against integers | accuracy, agreement, distances |
//! | [`onnx`] | protobuf → [`float::graph`] | the only place that knows ONNX; refuses what cannot be proven |
//! | [`quantise`] | [`float::graph`] + ranges → [`integer::graph`] | int8 with snapped multipliers, and a [report](quantise::report) of what was decided |
//! | [`float`] | | the network on real numbers |
//! | [`integer`] | | the network on integers: the contract with `zkinfer-circuits` |
//! | [`data`] | `.npz`, `.npy`, JSON, CSV, PNG, JPEG → samples | with the checks that bad data deserves |
//! | [`tensor`] | | element moves, orders and window geometry that the others share |
//! | [`limits`] | | how large a network may be |
//! | [`parallel`] | samples → results | several at once, in bounded memory, telling how far it is |
//! | `file` | | reading regular files, within limits |
//! | `testing` | | with the feature `test-support`: an ONNX builder and generators of quantised graphs |
//!
//! Each imports those below it. In `float`:
//!
//! | module | from → to | idea |
//! |---|---|---|
//! | [`reference`](mod@float::reference) | samples → floats | what the network on integers is measured against |
//! | `tract` | samples → floats | with the feature `tract`: the file's network, run by tract |
//! | [`calibrate`](float::calibrate) | samples → ranges | how large each value gets |
//! | [`range`](mod@float::range) | | the ends of a value |
//! | [`columns`](float::columns) | samples → ends | the same of each column and channel |
//! | `scales` | | which operators keep scales by index, and along which dimension |
//! | `execute`, `convolution` | samples → floats | the graph, run by ourselves |
//! | `random` | | inputs that are drawn, the same everywhere |
//! | `unread` | graph, conditions → elements | which elements a Where discards |
//! | `means` | samples → means | what layers read on average |
//! | [`histogram`](float::histogram) | numbers → counts | how often a value has numbers of each size |
//! | `finite` | graph, ranges → ends | the finite numbers of values with infinite ones |
//! | `relevance` | graph, ranges → ranges | which numbers of a value its readers tell apart |
//! | `passes` | graph → graph | folds constants, normalisation and activations |
//! | [`room`](float::room), `accumulators` | graph → sizes | what a circuit of it takes at least |
//! | [`graph`](float::graph), [`layer`](float::layer) | | ONNX names, constants inside their operators |
//! | [`activation`](float::activation), [`binary`](float::binary) | | functions of one number and of two |
//!
//! and in `integer`:
//!
//! | module | from → to | idea |
//! |---|---|---|
//! | [`generation`](integer::generation) | ids to logits → the next ids | networks that generate |
//! | [`split`](integer::split) | graph → segments | cutting a network where one tensor crosses |
//! | [`tensors`](integer::tensors) | floats ↔ integers | inputs and outputs |
//! | [`interpreter`](integer::interpreter) | integers → integers | the executable specification: what is proven |
//! | [`validate`](integer::validate) | graph → verdict | what makes a graph safe to run |
//! | [`signature`](integer::signature), [`graph`](integer::graph) | | inputs, operators and their formulas |
//! | [`rounding`](integer::rounding) | | the rounding rules, all of them |
//!
//! ```no_run
//! use zkinfer_models::integer::interpreter;
//! use zkinfer_models::{Dataset, Model};
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

pub mod agreement;
pub mod compare;
pub mod data;
pub mod evaluate;
mod file;
pub mod float;
pub mod integer;
mod lengths;
pub mod limits;
pub mod model;
pub mod onnx;
pub mod parallel;
pub mod quantise;
pub mod tensor;
#[cfg(any(test, feature = "test-support"))]
pub mod testing;
pub mod widths;

pub use data::Dataset;
pub use evaluate::Evaluation;
pub use float::calibrate::Calibration;
pub use model::{Error, Model};
pub use quantise::Quantised;
pub use quantise::report::Report;
