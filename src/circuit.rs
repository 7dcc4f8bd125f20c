//! A compiled network: the quantised graph, its circuit, and the report of how it was quantised.

use std::path::Path;

use ndarray::ArrayD;
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use serde::{Deserialize, Serialize};
use zkinfer_circuits::{Objective, Prediction, Witness, compile};
use zkinfer_models::data::read_sample;
use zkinfer_models::interpreter::Interpreter;
use zkinfer_models::quantised::Graph;
use zkinfer_models::{Quantised, Report};
use zkinfer_prover::{Prover, Stage};
use zkinfer_verifier::format::{self, Kind};
use zkinfer_verifier::{Description, Parameters, Proof, Reading, Statement, VerifyingKey};

use crate::Error;

/// Compiled networks, `.zkc`.
const CIRCUIT: Kind = Kind { name: "compiled network", magic: b"zkinf.zc", limit: 1 << 30 };

/// Turns a quantised network into a circuit.
pub trait Compile {
    /// Compiles for an objective.
    fn compile(self, objective: Objective) -> Result<Circuit, Error>;
}

impl Compile for Quantised {
    fn compile(self, objective: Objective) -> Result<Circuit, Error> {
        let key = compile(&self.graph, objective)?.into_key();
        Ok(Circuit { graph: self.graph, report: self.report, key })
    }
}

/// A compiled network: runs on integers, proves, is stored as `.zkc`.
#[derive(Clone, Debug)]
pub struct Circuit {
    graph: Graph,
    report: Report,
    key: VerifyingKey,
}

/// What a `.zkc` file holds.
#[derive(Serialize, Deserialize)]
struct Content {
    graph: Graph,
    report: Report,
    description: Description,
}

impl Circuit {
    /// The verifying key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The network on integers.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// How it was quantised.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What a proof is expected to cost.
    pub fn prediction(&self) -> Prediction {
        Prediction::of(&self.key)
    }

    /// The compiled network as a `.zkc` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let content = Content {
            graph: self.graph.clone(),
            report: self.report.clone(),
            description: self.key.description().clone(),
        };
        format::write(CIRCUIT, &content)
    }

    /// Reads a `.zkc` file, and checks graph and circuit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let content: Content = format::read(CIRCUIT, bytes)?;
        Interpreter::new(&content.graph).map_err(zkinfer_models::Error::from)?;
        let key = VerifyingKey::new(content.description).map_err(zkinfer_verifier::FormatError::from)?;
        Ok(Self { graph: content.graph, report: content.report, key })
    }

    /// Reads one sample for the network's inputs (`.npy`, `.npz` or `.json`).
    pub fn read_inputs(&self, path: impl AsRef<Path>) -> Result<Vec<ArrayD<f32>>, Error> {
        Ok(read_sample(path, &self.graph.signature()).map_err(zkinfer_models::Error::from)?)
    }

    /// Runs the integer network, without a proof.
    pub fn run(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<Reading>, Error> {
        let inputs = self.quantise(inputs)?;
        let outputs = self.interpret(&inputs)?;
        Ok(Statement { inputs: inputs.iter().map(elements).collect(), outputs }.read_outputs(&self.key))
    }

    /// A prover for this network.
    pub fn prover<'a>(&'a self, parameters: &'a Parameters) -> CircuitProver<'a> {
        CircuitProver { circuit: self, prover: Prover::new(&self.key, parameters) }
    }

    /// Statement and cells for one sample.
    pub fn witness(&self, inputs: &[ArrayD<f32>]) -> Result<Witness, Error> {
        let inputs = self.quantise(inputs)?;
        let integers: Vec<Vec<i64>> = inputs.iter().map(elements).collect();
        let witness = Witness::new(&self.key, &integers)?;
        let expected = self.interpret(&inputs)?;
        let outputs = self.graph.outputs.iter().zip(expected.iter().zip(&witness.statement.outputs));
        for (output, (expected, got)) in outputs {
            if expected != got {
                return Err(Error::Mismatch { output: output.name.clone() });
            }
        }
        Ok(witness)
    }

    fn quantise(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<i64>>, Error> {
        Ok(self.graph.quantise_inputs(inputs).map_err(zkinfer_models::Error::from)?)
    }

    /// The outputs as the interpreter computes them.
    fn interpret(&self, inputs: &[ArrayD<i64>]) -> Result<Vec<Vec<i64>>, Error> {
        let outputs = zkinfer_models::interpreter::run(&self.graph, inputs).map_err(zkinfer_models::Error::from)?;
        Ok(outputs.iter().map(elements).collect())
    }
}

/// Row-major elements.
fn elements(tensor: &ArrayD<i64>) -> Vec<i64> {
    tensor.iter().copied().collect()
}

/// Proves inferences of one compiled network.
pub struct CircuitProver<'a> {
    circuit: &'a Circuit,
    prover: Prover<'a>,
}

impl<'a> CircuitProver<'a> {
    /// Whether to verify each proof before handing it out (default: yes).
    pub fn self_check(self, self_check: bool) -> Self {
        Self { prover: self.prover.self_check(self_check), ..self }
    }

    /// Calls `observer` as each stage begins.
    pub fn observer(self, observer: &'a dyn Fn(Stage)) -> Self {
        Self { prover: self.prover.observer(observer), ..self }
    }

    /// Proves one inference, with randomness from the operating system.
    pub fn prove(&self, inputs: &[ArrayD<f32>]) -> Result<Proof, Error> {
        let witness = self.circuit.witness(inputs)?;
        let rng = StdRng::try_from_rng(&mut SysRng).map_err(|error| Error::Randomness(error.to_string()))?;
        Ok(self.prover.prove(witness.statement, &witness.columns, rng)?)
    }
}
