//! From a quantised graph to a circuit, and from inputs to the cells that prove its outputs.
//!
//! ```text
//! ONNX ─ models ▶ quantised graph ─ lower ▶ open description ─ optimise ▶ verifying key ▶ verifier
//!                                                                             │
//!                                                  inputs ─ witness ▶ cells, outputs ──▶ prover
//!                                                                             │
//!                                                                   judge ▶ stock halo2's verdict
//! ```
//!
//! ```
//! use zkinfer_circuits::{Exposure, Objective, compile};
//! # use zkinfer_models::integer::graph::{Function, Graph, Input, Node, Operator, Output};
//! # use zkinfer_models::integer::graph::Quantisation;
//! # let quantisation = Quantisation { scale: 0.1, zero_point: 0 };
//! # let graph = Graph {
//! #     name: "relu".into(),
//! #     inputs: vec![Input {
//! #         name: "x".into(), shape: vec![1, 3], quantisation, minimum: -128, maximum: 127,
//! #     }],
//! #     nodes: vec![Node {
//! #         name: "Relu".into(),
//! #         inputs: vec![0],
//! #         operator: Operator::Activation(Function::clamp(0, 127)),
//! #         shape: vec![1, 3],
//! #         quantisation,
//! #     }],
//! #     outputs: vec![Output { name: "y".into(), value: 1 }],
//! #     parts: Default::default(),
//! # };
//! let circuit = compile(&graph, &Exposure::public(), Objective::Prover)?;
//! let witness = circuit.witness(&[], &[vec![-5, 0, 5]])?;
//! assert_eq!(witness.outputs, [[0, 0, 5]]);
//! println!("{} bytes", circuit.prediction().proof_bytes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | knows |
//! |---|---|
//! | [`lower`] | what each operator of the graph becomes, one file per family |
//! | [`optimise`] | what rows, limb widths and forms cost, and which to take |
//! | [`sealed`] | what a model's seal commits to |
//! | [`witness`] | every cell, from a key and public inputs |
//! | [`judge`] | the same constraints as a `halo2_proofs` circuit, for MockProver and stock halo2 |
//! | [`error`] | why a graph or an input was refused |
//!
//! Never sees ONNX or floats. Compiling is all the set-up there is: the result is a
//! [`VerifyingKey`], valid by construction.

pub mod error;
pub mod judge;
pub mod lower;
pub mod optimise;
pub mod sealed;
pub mod witness;

use zkinfer_models::integer::graph::Graph;
use zkinfer_verifier::VerifyingKey;
use zkinfer_verifier::field::integers::Integers;

pub use error::{Error, InputError};
pub use lower::{Exposure, Lowered, Plan};
pub use optimise::{CostModel, Objective, Prediction};
pub use witness::Witness;

/// A compiled network.
#[derive(Clone, Debug)]
pub struct Circuit {
    key: VerifyingKey,
}

/// Compiles a quantised graph: validates it, lowers it with what proofs are to show, then chooses
/// rows, limb width and forms for `objective`.
///
/// # Errors
/// If the graph is not valid, has not what `exposure` is to hide, or no circuit within the
/// verifier's limits computes it.
pub fn compile(graph: &Graph, exposure: &Exposure, objective: Objective) -> Result<Circuit, Error> {
    let lowered = lower::lower(graph, exposure)?;
    let plan = optimise::plan(&lowered, objective)?;
    compile_with(lowered, &plan)
}

/// Completes a lowered graph with a plan of one's own.
pub fn compile_with(lowered: Lowered, plan: &Plan) -> Result<Circuit, Error> {
    Ok(Circuit { key: VerifyingKey::new(lowered.describe(plan)?)? })
}

impl Circuit {
    /// The verifying key, which is all that prover and verifier need.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The verifying key, by itself.
    pub fn into_key(self) -> VerifyingKey {
        self.key
    }

    /// The cells and outputs for these inputs, one row-major tensor per input of the graph.
    /// `model` are the sealed tensors of the model ([`sealed::model_tensors`]), none if its weights
    /// are public.
    pub fn witness(&self, model: &[Integers], inputs: &[Vec<i64>]) -> Result<Witness, InputError> {
        Witness::new(&self.key, model, inputs)
    }

    /// What a proof is expected to cost.
    pub fn prediction(&self) -> Prediction {
        Prediction::of(&self.key)
    }
}

impl From<VerifyingKey> for Circuit {
    fn from(key: VerifyingKey) -> Self {
        Self { key }
    }
}
