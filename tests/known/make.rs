//! Making the known-answer files: what `Circuit` and `ProvingSession` do, under randomness that is
//! no secret.

use std::collections::BTreeMap;
use std::convert::Infallible;

use rand::{TryCryptoRng, TryRng};
use zkinfer::circuits::Witness;
use zkinfer::circuits::sealed::model_tensors;
use zkinfer::models::{Dataset, Quantised};
use zkinfer::prover::columns::Tensors;
use zkinfer::prover::{Assignment, Prover, SealedColumns, sealing};
use zkinfer::verifier::Digest;
use zkinfer::verifier::circuit::sheet::Role;
use zkinfer::{
    Circuit, Compile, Exposure, Model, Objective, Opening, Parameters, Visibility, compile_segments,
};

use crate::files::{CHAIN, Files, NAMES, WORDS, text};
use crate::words;

const ZOO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo");
const MLP: &str = "mlp-64-32-16-10";
const CNN: &str = "cnn-8x8";

/// Hashes of a name and a counter: the same numbers whatever becomes of the generators of crates.
struct Numbers {
    name: String,
    drawn: u64,
    rest: Vec<u8>,
}

impl Numbers {
    fn new(name: &str, what: &str) -> Self {
        Self { name: format!("{name} {what}"), drawn: 0, rest: Vec::new() }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| {
            if self.rest.is_empty() {
                let number = format!("{} {}", self.name, self.drawn);
                self.rest = Digest::of(b"zkinfer numbers.", number.as_bytes()).0.to_vec();
                self.drawn += 1;
            }
            self.rest.pop().expect("32 bytes")
        })
    }
}

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().for_each(|byte| [*byte] = self.take());
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

fn quantised(network: &str) -> Quantised {
    let model = Model::load(format!("{ZOO}/{network}/{network}.onnx")).expect("the model");
    let data = format!("{ZOO}/{network}/calibration.npz");
    let data = Dataset::read(data, model.inputs()).expect("calibration data");
    model.quantise(&model.calibrate(&data).expect("ranges")).expect("int8")
}

/// The compiled networks.
pub fn compiled() -> Files {
    let public = Exposure::public();
    let private = Exposure { inputs: vec![Visibility::Private], ..Exposure::public() };
    let whole = [(MLP, &public), (CNN, &public), (CNN, &Exposure::default()), (CNN, &private)];
    let whole = whole.map(|(network, exposure)| {
        quantised(network).compile_with(exposure, Objective::Prover).expect("a circuit")
    });
    let words = words::quantised().compile_with(&Exposure::default(), Objective::Prover);
    let chain =
        compile_segments(&quantised(MLP), &Exposure::default(), Objective::Prover, CHAIN.len());
    let circuits = whole.into_iter().chain(chain.expect("three segments"));
    let circuits = circuits.chain([words.expect("a circuit")]);
    let files = NAMES.iter().zip(circuits);
    files.map(|(name, circuit)| (format!("{name}.zkc"), circuit.to_bytes())).collect()
}

/// Keys, seals, openings, proofs and what they say, of circuits in the order of the names.
pub fn proven(circuits: &[Circuit]) -> Files {
    let mut files = Files::new();
    let mut parameters = BTreeMap::new();
    let mut between: Option<(Opening, Vec<i64>)> = None;
    for (name, circuit) in NAMES.iter().zip(circuits) {
        let k = circuit.key().description().k;
        let parameters =
            parameters.entry(k).or_insert_with(|| Parameters::derive(k).expect("a supported size"));
        let before = between.take().filter(|_| CHAIN[1..].contains(name));
        between = prove(name, circuit, parameters, before, &mut files);
    }
    files
}

/// Proves the sample of the network, or for a later segment what the one before it sealed; gives
/// what this one seals.
fn prove(
    name: &str,
    circuit: &Circuit,
    parameters: &Parameters,
    before: Option<(Opening, Vec<i64>)>,
    files: &mut Files,
) -> Option<(Opening, Vec<i64>)> {
    let (key, graph) = (circuit.key(), circuit.graph());
    let model = Tensors::from(model_tensors(graph, key).expect("the model's tensors"));
    let mut prover = Prover::new(key, parameters);
    let sealed_model = key.has_sealed_weights().then(|| {
        let tensors: Vec<_> =
            key.layout().model_sheets().map(|sheet| sheet.tensor.clone()).collect();
        let mut rng = Numbers::new(name, "seal");
        let (seal, opening) =
            sealing::seal(parameters, &tensors, model.clone(), &mut rng).expect("a seal");
        let opening = opening.without_tensors();
        files.insert(format!("{name}.seal"), seal.to_bytes());
        files.insert(format!("{name}.opening"), opening.to_bytes().to_vec());
        (seal, opening)
    });
    if let Some((_, opening)) = &sealed_model {
        let weights = opening.open(parameters, key.layout().model_sheets(), model.clone());
        prover = prover.weights(weights.expect("the model's own opening"));
    }

    let integers = before.as_ref().map_or_else(
        || {
            let network = if name.starts_with("cnn") { CNN } else { MLP };
            let sample = if name == WORDS {
                words::sample()
            } else {
                let sample = circuit.read_inputs(format!("{ZOO}/{network}/sample.npy"));
                sample.expect("the sample")
            };
            let inputs = graph.quantise_inputs(&sample).expect("integers");
            inputs[0].iter().copied().collect()
        },
        |(_, integers)| integers.clone(),
    );
    let witness = Witness::new(key, &model, &[integers]).expect("a witness");
    let mut rng = Numbers::new(name, "proof");
    let mut sealed: Vec<SealedColumns> = Vec::new();
    if let Some((opening, integers)) = before {
        let sheet = key.layout().sheet(Role::Input(0)).expect("a sealed input");
        let columns = opening.open(parameters, std::iter::once(sheet), vec![integers]);
        sealed.push(columns.expect("what the segment before sealed"));
    }
    let goes_on = key.layout().sheet(Role::Output(0)).map(|sheet| {
        let (tensors, output) = (std::slice::from_ref(&sheet.tensor), witness.outputs[0].clone());
        let committed = sealing::commit(parameters, tensors, vec![output.clone()], &mut rng);
        let (opening, columns) = committed.expect("commitments");
        sealed.push(columns);
        (opening, output)
    });
    let assignment = Assignment::new(
        key,
        [&witness.inputs, &witness.outputs],
        &witness.columns,
        witness.operands,
        sealed.iter().collect(),
    );
    let proof = prover.prove_assignment(assignment, rng).expect("an honest witness");

    let said = text(key, sealed_model.as_ref().map(|(seal, _)| seal), &proof);
    files.insert(format!("{name}.vk"), key.to_bytes());
    files.insert(format!("{name}.proof"), proof.to_bytes());
    files.insert(format!("{name}.txt"), said.into_bytes());
    goes_on
}
