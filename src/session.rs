//! Proving many inferences of one compiled network.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};
use rand::rngs::StdRng;
use zkinfer_prover::msm::{Device, DeviceError};
use zkinfer_prover::{Assignment, Opening, ProveError, Prover, SealedColumns, sealing};
use zkinfer_verifier::argument::stage::Stage;
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::{Parameters, Proof, Reading, Statement, Visibility};

use crate::circuit::Circuit;
use crate::error::Error;
use crate::random::rng;

/// Proves inferences of one compiled network, and keeps between proofs what all of them need: the
/// opened weights above all.
pub struct ProvingSession<'a> {
    circuit: &'a Circuit,
    parameters: &'a Parameters,
    prover: Prover<'a>,
    /// Where sums of points are computed, if not on the CPU alone.
    device: Option<Arc<Device>>,
}

/// One input of an inference.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A tensor of real numbers, for a public or private input.
    Tensor(&'a ArrayD<f32>),
    /// The opening of a sealed tensor, which holds its integers: for a sealed input.
    Opening(&'a Opening),
}

/// A proof with what only the prover knows.
#[derive(Clone, Debug)]
pub struct Inference {
    /// The proof.
    pub proof: Proof,
    /// All outputs, whatever the proof shows of them.
    pub outputs: Vec<Reading>,
    /// Name and opening of each sealed output, for whoever goes on from there.
    pub openings: Vec<(String, Opening)>,
}

impl Circuit {
    /// A session that proves any number of inferences. `opening` is that of the model's seal, if
    /// its weights are sealed.
    pub fn session<'a>(
        &'a self,
        parameters: &'a Parameters,
        opening: Option<&Opening>,
    ) -> Result<ProvingSession<'a>, Error> {
        ProvingSession::new(self, parameters, opening)
    }
}

impl<'a> ProvingSession<'a> {
    fn new(
        circuit: &'a Circuit,
        parameters: &'a Parameters,
        opening: Option<&Opening>,
    ) -> Result<Self, Error> {
        let key = circuit.key();
        let mut prover = Prover::new(key, parameters);
        match (opening, key.has_sealed_weights()) {
            (None, true) => return Err(Error::OpeningMissing),
            (Some(_), false) => return Err(Error::OpeningUnexpected),
            (None, false) => {}
            (Some(opening), true) => {
                let weights =
                    opening.open(parameters, key.layout().model_sheets(), circuit.model())?;
                prover = prover.weights(weights);
            }
        }
        Ok(Self { circuit, parameters, prover, device: None })
    }

    /// Whether to verify each proof before handing it out (default: yes).
    pub fn self_check(self, self_check: bool) -> Self {
        Self { prover: self.prover.self_check(self_check), ..self }
    }

    /// Computes sums of points on a device (default: the CPU).
    pub fn on(self, device: Arc<Device>) -> Self {
        Self { prover: self.prover.on(device.clone()), device: Some(device), ..self }
    }

    /// Calls `observer` as each stage begins.
    pub fn observer(self, observer: &'a dyn Fn(Stage)) -> Self {
        Self { prover: self.prover.observer(observer), ..self }
    }

    /// Proves one inference of a network without sealed inputs, with randomness from the operating
    /// system.
    pub fn prove(&self, inputs: &[ArrayD<f32>]) -> Result<Proof, Error> {
        let sources: Vec<Source<'_>> = inputs.iter().map(Source::Tensor).collect();
        Ok(self.infer(&sources)?.proof)
    }

    /// Proves one inference. Sealed outputs are sealed afresh.
    pub fn infer(&self, sources: &[Source<'_>]) -> Result<Inference, Error> {
        let key = self.circuit.key();
        let witness = self.circuit.integer_witness(&self.integers(sources)?)?;
        let mut rng = rng()?;
        let mut sealed: Vec<SealedColumns> = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            if let (Source::Opening(opening), Some(sheet)) =
                (source, key.layout().sheet(Role::Input(index)))
            {
                let sheets = std::iter::once(sheet);
                sealed.push(opening.open(self.parameters, sheets, opening.tensors().to_vec())?);
            }
        }
        let mut openings = Vec::new();
        for (index, integers) in witness.outputs.iter().enumerate() {
            let Some(sheet) = key.layout().sheet(Role::Output(index)) else { continue };
            let tensors = std::slice::from_ref(&sheet.tensor);
            let (opening, columns) =
                sealing::commit(self.parameters, tensors, vec![integers.clone()], &mut rng)?;
            sealed.push(columns);
            openings.push((sheet.tensor.name.clone(), opening));
        }
        let assignment = Assignment::new(
            key,
            [&witness.inputs, &witness.outputs],
            &witness.columns,
            witness.operands,
            sealed.iter().collect(),
        );
        let proof = self.prove_assignment(assignment, rng)?;
        let outputs = Statement::public(Vec::new(), witness.outputs).read_outputs(key);
        Ok(Inference { proof, outputs, openings })
    }

    /// Proves; if what a device computed does not pass the self-check, again without it.
    fn prove_assignment(
        &self,
        assignment: Assignment<'_>,
        mut rng: StdRng,
    ) -> Result<Proof, Error> {
        let in_use = self.device.as_ref().and_then(|device| Some((device, device.backend()?)));
        let Some((device, about)) = in_use else {
            return Ok(self.prover.prove_assignment(assignment, rng)?);
        };
        match self.prover.prove_assignment(assignment.clone(), &mut rng) {
            Err(ProveError::SelfCheck(rejection)) => {
                let reason = format!("what it computed is wrong: {rejection}");
                device.fail(DeviceError::Failed { device: about.name, reason });
                Ok(self.prover.prove_assignment(assignment, rng)?)
            }
            proof => Ok(proof?),
        }
    }

    /// The integers of every input.
    fn integers(&self, sources: &[Source<'_>]) -> Result<Vec<ArrayD<i64>>, Error> {
        let (graph, description) = (self.circuit.graph(), self.circuit.key().description());
        if sources.len() != graph.inputs.len() {
            return Err(Error::InputCount { expected: graph.inputs.len(), got: sources.len() });
        }
        let integers = |(index, source): (usize, &Source<'_>)| {
            let (input, visibility) = (&graph.inputs[index], description.inputs[index].visibility);
            let refuse =
                |expected| Err(Error::Source { name: input.name.clone(), visibility, expected });
            match (source, visibility) {
                (Source::Tensor(_), Visibility::Sealed) => {
                    refuse("the opening of the sealed tensor")
                }
                (Source::Tensor(tensor), _) => {
                    Ok(graph.quantise_input(index, tensor).map_err(zkinfer_models::Error::from)?)
                }
                (Source::Opening(opening), Visibility::Sealed) => {
                    let tensor = opening.tensors().first().cloned().unwrap_or_default();
                    let tensor = ArrayD::from_shape_vec(IxDyn(&input.shape), tensor);
                    tensor.or_else(|_| refuse("the opening of a sealed tensor of its shape"))
                }
                (Source::Opening(_), _) => refuse("a tensor, not an opening"),
            }
        };
        sources.iter().enumerate().map(integers).collect()
    }
}
