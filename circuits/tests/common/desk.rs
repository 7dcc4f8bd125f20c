//! A sealed network with everything to prove it.

use rand::SeedableRng;
use rand::rngs::StdRng;
use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{Circuit, Exposure, Plan, Witness, compile_with, lower};
use zkinfer_models::integer::graph::Graph;
use zkinfer_prover::{Assignment, Opening, ProveError, Prover, SealedColumns, sealing};
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor};
use zkinfer_verifier::{CheckedSeal, Proof, Rejection, Seal, VerifyingKey};

use super::{After, Net, Noise, names, parameters, window};

/// `2^K` rows.
pub const K: u32 = 7;

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A convolution in groups with padding, then two linear layers, the last put out as it is.
pub fn network() -> Graph {
    let noise = &mut Noise(5);
    let mut net = Net::new("sealed", &[(&[1, 2, 4, 4], 3)]);
    let x = net.convolution(
        noise,
        0,
        4,
        2,
        window([3, 3], [2, 2], [1; 4]),
        After::Relu { shift: 10, zero_point: -7 },
    );
    let x = net.flatten(x);
    let x = net.linear(noise, x, 5, After::Int8 { shift: 12, zero_point: 0 });
    let y = net.linear(noise, x, 3, After::Raw);
    net.finish(y)
}

/// A circuit with an honest witness and everything to prove it.
pub struct Desk {
    pub circuit: Circuit,
    pub model: Vec<Vec<i64>>,
    pub witness: Witness,
}

impl Desk {
    pub fn new(exposure: &Exposure) -> Self {
        Self::of(&network(), exposure)
    }

    pub fn of(graph: &Graph, exposure: &Exposure) -> Self {
        let plan = Plan { k: K, limb_bits: 4, price: 0, least_entries: 2 };
        let circuit = compile_with(lower::lower(graph, exposure).unwrap(), &plan).unwrap();
        let model = super::model_tensors(graph, circuit.key()).unwrap();
        let count = graph.inputs[0].shape.iter().product::<usize>() as i64;
        let input = (0..count).map(|i| (i * 83) % 256 - 128).collect();
        let witness = circuit.witness(&super::integers(&model), &[input]).unwrap();
        assert_eq!(names(mock_prove(circuit.key(), &witness)), [""; 0], "the honest witness holds");
        Self { circuit, model, witness }
    }

    pub fn key(&self) -> &VerifyingKey {
        self.circuit.key()
    }

    pub fn tensors(&self) -> Vec<SealedTensor> {
        self.key().layout().model_sheets().map(|sheet| sheet.tensor.clone()).collect()
    }

    pub fn seal(&self, model: &[Vec<i64>], seed: u64) -> (Seal, Opening) {
        sealing::seal(&parameters(K), &self.tensors(), model.to_vec(), &mut rng(seed)).unwrap()
    }

    pub fn open(&self, opening: &Opening, model: &[Vec<i64>]) -> Result<SealedColumns, ProveError> {
        opening.open(&parameters(K), self.key().layout().model_sheets(), model.to_vec())
    }

    /// A proof by these weights, whether or not it is a valid one.
    pub fn prove(&self, weights: SealedColumns, seed: u64) -> Proof {
        let parameters = parameters(K);
        let prover = Prover::new(self.key(), &parameters)
            .weights(weights)
            .self_check(false)
            .check_witness(false);
        prover.prove_assignment(self.claim(Vec::new()), rng(seed)).unwrap()
    }

    /// A proof with a sealed input and a sealed output, and the opening of the output.
    pub fn link(&self, seal: &Opening, input: &Opening, seed: u64) -> (Proof, Opening) {
        let parameters = parameters(K);
        let layout = self.key().layout();
        let weights = self.open(seal, &self.model).unwrap();
        let sheet = |role| std::iter::once(layout.sheet(role).unwrap());
        let columns =
            input.open(&parameters, sheet(Role::Input(0)), input.tensors().to_vec()).unwrap();
        let tensor = layout.sheet(Role::Output(0)).unwrap().tensor.clone();
        let output = vec![self.witness.outputs[0].clone()];
        let (opening, output) =
            sealing::commit(&parameters, &[tensor], output, &mut rng(seed)).unwrap();
        let claim = self.claim(vec![&columns, &output]);
        let prover = Prover::new(self.key(), &parameters).weights(weights);
        (prover.prove_assignment(claim, rng(seed + 1)).unwrap(), opening)
    }

    pub fn claim<'a>(&'a self, sealed: Vec<&'a SealedColumns>) -> Assignment<'a> {
        let Witness { inputs, outputs, columns, operands, .. } = &self.witness;
        Assignment::new(self.key(), [inputs, outputs], columns, operands.clone(), sealed)
    }

    pub fn verify(&self, seal: &CheckedSeal, proof: &Proof) -> Result<(), Rejection> {
        self.key().verify_sealed(&parameters(K), Some(seal), proof)
    }
}
