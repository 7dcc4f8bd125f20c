//! A compiled network: the quantised graph, its circuit, and the report of how it was quantised.

use std::path::Path;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};
use zkinfer_circuits::optimise::Counts;
use zkinfer_circuits::sealed::model_tensors;
use zkinfer_circuits::{Exposure, Objective, Prediction, Witness, compile};
use zkinfer_models::data::{ReadOptions, read_sample};
use zkinfer_models::integer::graph::{Graph, Node, Operator};
use zkinfer_models::integer::interpreter::Interpreter;
use zkinfer_models::integer::tensors::Clamped;
use zkinfer_models::onnx::{Dimensions, SOFTMAX_DROPPED};
use zkinfer_models::quantise::counterparts::Counterparts;
use zkinfer_models::{Dataset, Quantised, Report};
use zkinfer_prover::Opening;
use zkinfer_prover::columns::Tensors;
use zkinfer_prover::sealing::{Sealing, seal};
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor};
use zkinfer_verifier::encoding::{self, Kind};
use zkinfer_verifier::{
    Description, FormatError, Parameters, Reading, Seal, Statement, VerifyingKey,
};

use crate::error::Error;
use crate::generate_error::GenerateError;
use crate::random::rng;

/// Compiled networks, `.zkc`.
const CIRCUIT: Kind = Kind { name: "compiled network", magic: b"zkinf.zc", limit: 1 << 30 };

/// Turns a quantised network into a circuit.
pub trait Compile: Sized {
    /// Compiles for an objective: sealed weights, public inputs and outputs.
    fn compile(self, objective: Objective) -> Result<Circuit, Error> {
        self.compile_with(&Exposure::default(), objective)
    }

    /// Compiles with a choice of what proofs show.
    fn compile_with(self, exposure: &Exposure, objective: Objective) -> Result<Circuit, Error>;
}

impl Compile for Quantised {
    fn compile_with(self, exposure: &Exposure, objective: Objective) -> Result<Circuit, Error> {
        let key = compile(&self.graph, exposure, objective)?.into_key();
        Circuit::new(self.graph, self.report, self.counterparts, key)
    }
}

/// A compiled network: runs on integers, seals, proves, is stored as `.zkc`. It holds the weights,
/// so where those are sealed it is secret.
#[derive(Clone, Debug)]
pub struct Circuit {
    graph: Graph,
    report: Report,
    counterparts: Counterparts,
    key: VerifyingKey,
    /// What the model's seal commits to.
    model: Tensors,
}

/// What a `.zkc` file holds beside the circuit's description.
#[derive(Serialize, Deserialize)]
struct Network {
    graph: Graph,
    report: Report,
    counterparts: Counterparts,
}

impl Circuit {
    /// The kind of its files.
    pub const KIND: Kind = CIRCUIT;

    pub(crate) fn new(
        graph: Graph,
        report: Report,
        counterparts: Counterparts,
        key: VerifyingKey,
    ) -> Result<Self, Error> {
        let model = model_tensors(&graph, &key)?.into();
        Ok(Self { graph, report, counterparts, key, model })
    }

    /// The verifying key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The network on integers.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The same alone, which takes less memory.
    pub fn into_graph(self) -> Graph {
        self.graph
    }

    /// How it was quantised.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Which of its integers stand for which value of the float graph. None of a segment's do.
    pub fn counterparts(&self) -> &Counterparts {
        &self.counterparts
    }

    /// What its file left open, to be loaded again as this network was: the lengths of its inputs,
    /// and whether a final softmax is proven.
    pub fn dimensions(&self) -> Dimensions {
        let inputs = self.graph.inputs.iter();
        let shapes = inputs.map(|input| (input.name.clone(), input.shape.clone())).collect();
        let dropped = self.report.notes.iter().any(|note| note.contains(SOFTMAX_DROPPED));
        Dimensions { shapes, keep_softmax: !dropped, ..Dimensions::default() }
    }

    /// What a proof is expected to cost.
    pub fn prediction(&self) -> Prediction {
        Prediction::of(&self.key)
    }

    /// Cells that its operators own.
    pub fn cells(&self) -> usize {
        Counts::of(&self.key).cells
    }

    /// The compiled network as a `.zkc` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let network = Network {
            graph: self.graph.clone(),
            report: self.report.clone(),
            counterparts: self.counterparts.clone(),
        };
        encoding::write_pair(CIRCUIT, &network, self.key.description())
    }

    /// Reads a `.zkc` file, and checks graph and circuit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let network = |network: Network| {
            network.graph.validate().map_err(zkinfer_models::Error::from)?;
            Ok::<_, Error>(network)
        };
        let key = |description: Description| {
            Ok(VerifyingKey::new(description).map_err(FormatError::from)?)
        };
        let (Network { graph, report, counterparts }, key) =
            encoding::read_pair(CIRCUIT, bytes, network, key)?;
        Self::new(graph, report, counterparts, key)
    }

    /// Reads one sample for the network's inputs (`.npy`, `.npz` or `.json`).
    pub fn read_inputs(&self, path: impl AsRef<Path>) -> Result<Vec<ArrayD<f32>>, Error> {
        Ok(read_sample(path, &self.graph.signature()).map_err(zkinfer_models::Error::from)?)
    }

    /// The same for some of the inputs, by name.
    pub fn read_some_inputs(
        &self,
        path: impl AsRef<Path>,
        names: &[&str],
    ) -> Result<Vec<ArrayD<f32>>, Error> {
        let mut signature = self.graph.signature();
        signature.retain(|input| names.contains(&input.name.as_str()));
        Ok(read_sample(path, &signature).map_err(zkinfer_models::Error::from)?)
    }

    /// Reads all samples for some of the inputs, by name, from a file of any kind.
    pub fn read_data(
        &self,
        path: impl AsRef<Path>,
        names: &[&str],
        options: &ReadOptions,
    ) -> Result<Dataset, Error> {
        let mut signature = self.graph.signature();
        signature.retain(|input| names.contains(&input.name.as_str()));
        let data = Dataset::read_with(path, &signature, options);
        Ok(data.map_err(zkinfer_models::Error::from)?)
    }

    /// What these tensors hold beyond the range that the network is quantised for, by the index of
    /// their input: it counts as the range's ends, and what is proven is about these.
    pub fn clamped<'t>(
        &self,
        tensors: impl IntoIterator<Item = (usize, &'t ArrayD<f32>)>,
    ) -> Vec<Clamped> {
        let clamped = |(index, tensor): (usize, &ArrayD<f32>)| self.graph.clamped(index, tensor);
        tensors.into_iter().filter_map(clamped).collect()
    }

    /// Runs the integer network, without a proof.
    pub fn run(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<Reading>, Error> {
        let inputs = self.quantise(inputs)?;
        let outputs = self.interpret(&inputs)?;
        Ok(Statement::public(Vec::new(), outputs).read_outputs(&self.key))
    }

    /// Seals the model's weights under fresh randomness: the seal for everybody, the opening for
    /// whoever proves.
    pub fn seal(&self, parameters: &Parameters) -> Result<(Seal, Opening), Error> {
        let (tensors, rng) = (self.sealed_tensors()?, &mut rng()?);
        let mut sealing = Sealing::start(parameters, &tensors, self.model.clone(), rng)?;
        while sealing.next(rng)?.is_some() {}
        Ok(sealing.finish())
    }

    /// What a seal of the weights is of.
    pub(crate) fn sealed_tensors(&self) -> Result<Vec<SealedTensor>, Error> {
        if !self.key.has_sealed_weights() {
            return Err(Error::PublicWeights);
        }
        Ok(self.key.layout().model_sheets().map(|sheet| sheet.tensor.clone()).collect())
    }

    /// Seals a tensor for the sealed input called `name`; the opening holds its integers.
    pub fn seal_input(
        &self,
        parameters: &Parameters,
        name: &str,
        tensor: &ArrayD<f32>,
    ) -> Result<(Seal, Opening), Error> {
        let index = self.graph.inputs.iter().position(|input| input.name == name);
        let index = index.ok_or_else(|| Error::UnknownInput { name: name.into() })?;
        let sheet = self.key.layout().sheet(Role::Input(index));
        let sheet = sheet.ok_or_else(|| Error::NotSealed { name: name.into() })?;
        let integers =
            self.graph.quantise_input(index, tensor).map_err(zkinfer_models::Error::from)?;
        Ok(seal(
            parameters,
            std::slice::from_ref(&sheet.tensor),
            vec![elements(&integers)],
            &mut rng()?,
        )?)
    }

    /// Tensors and cells for one sample.
    pub fn witness(&self, inputs: &[ArrayD<f32>]) -> Result<Witness, Error> {
        self.integer_witness(&self.quantise(inputs)?)
    }

    /// The same for integers. The circuit's outputs must be the interpreter's.
    pub(crate) fn integer_witness(&self, inputs: &[ArrayD<i64>]) -> Result<Witness, Error> {
        let integers: Vec<Vec<i64>> = inputs.iter().map(elements).collect();
        let witness = || Witness::new(&self.key, &self.model, &integers);
        let (witness, expected) = rayon::join(witness, || self.interpret(inputs));
        let (witness, expected) = (witness?, expected?);
        // The whole network's last node, or a segment's.
        let hides = |node: &Node| matches!(node.operator, Operator::Greedy { hidden: true, .. });
        let hides = self.graph.nodes.last().is_some_and(hides);
        if hides && expected.iter().flatten().any(|&difference| difference != 0) {
            return Err(GenerateError::NotGreedy.into());
        }
        let outputs = self.graph.outputs.iter().zip(expected.iter().zip(&witness.outputs));
        for (output, (expected, got)) in outputs {
            if expected != got {
                return Err(Error::Mismatch { output: output.name.clone() });
            }
        }
        Ok(witness)
    }

    /// What the model's seal commits to.
    pub(crate) fn model(&self) -> Tensors {
        self.model.clone()
    }

    fn quantise(&self, inputs: &[ArrayD<f32>]) -> Result<Vec<ArrayD<i64>>, Error> {
        Ok(self.graph.quantise_inputs(inputs).map_err(zkinfer_models::Error::from)?)
    }

    /// The outputs as the interpreter computes them.
    fn interpret(&self, inputs: &[ArrayD<i64>]) -> Result<Vec<Vec<i64>>, Error> {
        let outputs = Interpreter::of_validated(&self.graph)
            .run(inputs)
            .map_err(zkinfer_models::Error::from)?;
        Ok(outputs.iter().map(elements).collect())
    }
}

/// Row-major elements.
fn elements(tensor: &ArrayD<i64>) -> Vec<i64> {
    tensor.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkinfer_models::Model;
    use zkinfer_models::testing::onnx::{Builder, Op};

    #[test]
    fn a_file_with_an_unsound_graph_is_refused() {
        let builder = Builder::new(13).input("x", &[1, 2]).floats("w", &[3, 2], &[0.5; 6]);
        let builder =
            builder.node(Op::new("Gemm", &["x", "w"], &["y"]).int("transB", 1)).output("y");
        let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
        let quantised = model.quantise(&model.calibrate_input_range(-1.0, 1.0).unwrap()).unwrap();
        let circuit = quantised.compile(Objective::Prover).unwrap();
        assert!(Circuit::from_bytes(&circuit.to_bytes()).is_ok());
        // The interpreter runs what has been validated here: it does not look again.
        let refused = |change: &dyn Fn(&mut Graph)| {
            let mut unsound = circuit.clone();
            change(&mut unsound.graph);
            let read = Circuit::from_bytes(&unsound.to_bytes());
            assert!(matches!(read, Err(Error::Model(_))), "{read:?}");
        };
        refused(&|graph| graph.nodes[0].inputs[0] = 7);
        refused(&|graph| graph.nodes[0].shape[1] += 1);
        refused(&|graph| {
            let Operator::Linear { weights, .. } = &mut graph.nodes[0].operator else {
                panic!("a matrix product")
            };
            *weights = vec![1; 5].into();
        });
    }
}
