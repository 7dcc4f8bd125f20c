//! Forged attention and embeddings: what a mask hides counts, heads are exchanged, positions are
//! shifted, a word is another one.
//!
//! Most forgeries are honest runs of *another* network with the same cells: its keys are those of
//! the other head, its mask sees another score. Whatever both have in common holds, so the named
//! check is the only one that fails. The judge and the real argument have to reject.

mod common;

use common::rows::{matmul, softmax};
use common::verdicts::{END, LIMB, PAIR, caught, impostor, rejected};
use common::{Net, parameters};
use rand::SeedableRng;
use rand::rngs::StdRng;
use zkinfer_circuits::{Circuit, Exposure, Plan, Witness, compile_with, lower};
use zkinfer_models::integer::graph::{Function, Graph, Operator, Requantise, Ties};
use zkinfer_prover::{Assignment, ProveError, Prover};
use zkinfer_verifier::circuit::description::{self, Description};
use zkinfer_verifier::{Rejection, Value, Visibility};

const K: u32 = 8;

/// A network with an honest witness; what has a short table is in the narrow form.
struct Honest {
    circuit: Circuit,
    model: Vec<Vec<i64>>,
    witness: Witness,
}

fn plan() -> Plan {
    Plan { k: K, limb_bits: 4, price: u64::MAX, least_entries: 2 }
}

fn described(graph: &Graph, exposure: &Exposure) -> Description {
    lower::lower(graph, exposure).unwrap().describe(&plan()).unwrap()
}

impl Honest {
    fn new(graph: &Graph, exposure: &Exposure, inputs: &[Vec<i64>]) -> Self {
        let circuit = compile_with(lower::lower(graph, exposure).unwrap(), &plan()).unwrap();
        let model = common::model_tensors(graph, circuit.key()).unwrap();
        let witness = common::agree_with(graph, &circuit, &model, inputs);
        common::accepts(&circuit, &witness);
        common::proves(&circuit, witness.clone());
        Self { circuit, model, witness }
    }

    #[track_caller]
    fn rejected(&self, forged: &Witness, expected: &[&str]) {
        assert_ne!(*forged, self.witness, "a forgery");
        rejected(&self.circuit, forged, expected);
    }

    /// An honest run of another graph on the same inputs, claimed to be one of this.
    fn claiming(&self, graph: &Graph, exposure: &Exposure) -> Witness {
        let other = described(graph, exposure);
        let forged = impostor(&self.circuit, other, &self.model, &self.witness.inputs);
        assert_ne!(forged.outputs, self.witness.outputs, "another answer");
        forged
    }
}

/// Which of the three inputs has its heads exchanged.
#[derive(Clone, Copy, PartialEq)]
enum Exchanged {
    None,
    Queries,
    Keys,
    Values,
}

/// Two heads of two queries over three keys and values.
fn attention(visible: Vec<bool>, exchanged: Exchanged) -> Graph {
    let shapes: [&[usize]; 3] = [&[1, 2, 2, 3], &[1, 2, 3, 3], &[1, 2, 3, 2]];
    let mut net = Net::new("attention", &shapes.map(|shape| (shape, 0)));
    for input in &mut net.0.inputs {
        (input.minimum, input.maximum) = (-8, 7);
    }
    let mut heads = |input: usize, moved: Exchanged| {
        if moved != exchanged {
            return input;
        }
        net.node(Operator::Slice { axis: 1, start: 1, step: -1 }, &[input], shapes[input], 0)
    };
    let queries = heads(0, Exchanged::Queries);
    let keys = heads(1, Exchanged::Keys);
    let values = heads(2, Exchanged::Values);
    let transpose = Operator::Transpose { permutation: vec![0, 1, 3, 2] };
    let keys = net.node(transpose, &[keys], &[1, 2, 3, 3], 0);
    let scores = matmul(&mut net, [queries, keys], &[1, 2, 2, 3]);
    let weights = net.node(softmax(3, 2, visible), &[scores], &[1, 2, 2, 3], -128);
    net.output(weights);
    let y = matmul(&mut net, [weights, values], &[1, 2, 2, 2]);
    net.finish(y)
}

fn inputs() -> Vec<Vec<i64>> {
    let noise = |count: i64, step: i64| (0..count).map(move |i| (i * i * step + i * 5) % 16 - 8);
    [(12, 7), (18, 3), (12, 11)].map(|(count, step)| noise(count, step).collect()).into()
}

/// The first query sees keys 0 and 1, the second one all.
const SEEN: [bool; 6] = [true, true, false, true, true, true];

#[test]
fn a_mask_that_hides_another_score() {
    let public = Exposure::public();
    let honest = Honest::new(&attention(SEEN.into(), Exchanged::None), &public, &inputs());
    // A hidden one counts instead of a visible one.
    for seen in [[true, false, true, true, true, true], [false, true, true, true, true, true]] {
        let graph = attention(seen.into(), Exchanged::None);
        honest.rejected(&honest.claiming(&graph, &public), &[END]);
    }
    // A hidden one has a share in the result.
    let hidden = [2, 8];
    for element in hidden {
        assert_eq!(honest.witness.outputs[0][element], -128);
        for step in [1, 40] {
            let mut forged = honest.witness.clone();
            forged.outputs[0][element] += step;
            honest.rejected(&forged, &[END]);
        }
    }
    // A visible one has none: its exponential is zero, and all behind it made with that.
    let key = honest.circuit.key();
    let nodes = key.description().nodes.iter();
    let exponentials = nodes
        .zip(0..)
        .filter(|(node, _)| matches!(node.operator, description::Operator::Requantise(_)))
        .map(|(_, id)| id)
        .next()
        .unwrap();
    // Of each head's first row the element that is not the largest.
    for row in [0, 1] {
        let outputs = &honest.witness.outputs[0];
        let least = usize::from(outputs[6 * row] > outputs[6 * row + 1]);
        let forged = Witness::forged(key, &[], &honest.witness.inputs, &|id, values| {
            if id == exponentials {
                assert!(values[2 * row + least] > 0, "it has a share");
                values[2 * row + least] = 0;
            }
        });
        let forged = forged.unwrap();
        assert_eq!(forged.outputs[0][6 * row + least], -128);
        honest.rejected(&forged, &[PAIR]);
    }
}

#[test]
fn the_keys_of_another_head() {
    for (visible, shown) in [(Vec::new(), Visibility::Public), (SEEN.to_vec(), Visibility::Private)]
    {
        let exposure = Exposure { inputs: vec![shown; 3], ..Exposure::public() };
        let graph = attention(visible.clone(), Exchanged::None);
        let honest = Honest::new(&graph, &exposure, &inputs());
        for exchanged in [Exchanged::Keys, Exchanged::Queries, Exchanged::Values] {
            let graph = attention(visible.clone(), exchanged);
            honest.rejected(&honest.claiming(&graph, &exposure), &[END]);
        }
    }
}

/// Three words of a table of 5, and what is added at each position.
fn embedding(positions: Vec<i64>, words: Vec<i32>) -> Graph {
    let mut net = Net::new("embedding", &[(&[1, 3], 0)]);
    (net.0.inputs[0].minimum, net.0.inputs[0].maximum) = (0, words.len() as i64 / 2 - 1);
    let lookup = Operator::Lookup { minimum: 0, values: words.into() };
    let words = net.node(lookup, &[0], &[1, 3, 2], 3);
    let (ties, function) = (Ties::Up, Function::clamp(-128, 127));
    let requantise = Requantise { shift: 1, ties, zero_point: 0, function };
    let sum =
        Operator::Sum { multipliers: vec![2], constant: positions, requantise: Some(requantise) };
    let y = net.node(sum, &[words], &[1, 3, 2], 0);
    net.finish(y)
}

const WORDS: [i32; 10] = [-70, 5, 12, 60, -1, 33, -20, 7, 90, -44];
const POSITIONS: [i64; 6] = [5, -9, 22, 3, -14, 8];

/// Weights, and whether ids are shown.
fn exposures() -> [Exposure; 3] {
    let of = |weights, input| Exposure { weights, inputs: vec![input], ..Exposure::public() };
    [
        of(Visibility::Public, Visibility::Public),
        of(Visibility::Sealed, Visibility::Public),
        of(Visibility::Sealed, Visibility::Private),
    ]
}

#[test]
fn positions_that_are_shifted() {
    let graph = |positions: &[i64]| embedding(positions.into(), WORDS.into());
    let mut shifted = POSITIONS;
    shifted.rotate_left(2);
    for exposure in exposures() {
        let honest = Honest::new(&graph(&POSITIONS), &exposure, &[vec![4, 0, 2]]);
        honest.rejected(&honest.claiming(&graph(&shifted), &exposure), &[END]);
    }
    // Shown words at other positions.
    let honest = Honest::new(&graph(&POSITIONS), &exposures()[1], &[vec![4, 0, 2]]);
    let mut forged = honest.witness.clone();
    forged.inputs[0].rotate_left(1);
    honest.rejected(&forged, &[END]);
}

#[test]
fn another_row_of_the_embedding() {
    let graph = embedding(POSITIONS.into(), WORDS.into());
    for exposure in exposures() {
        let honest = Honest::new(&graph, &exposure, &[vec![4, 0, 2]]);
        // A run on another word, claimed of these.
        let other =
            honest.circuit.witness(&common::integers(&honest.model), &[vec![4, 1, 2]]).unwrap();
        assert_ne!(other.outputs, honest.witness.outputs);
        if exposure.inputs[0] == Visibility::Public {
            let forged = Witness { inputs: honest.witness.inputs.clone(), ..other.clone() };
            honest.rejected(&forged, &[END]);
        }
        let forged = Witness { outputs: other.outputs.clone(), ..honest.witness.clone() };
        honest.rejected(&forged, &[END]);
    }
    // A table whose rows stand elsewhere.
    let moved = (0..10).map(|at| WORDS[at / 5 * 5 + (at + 1) % 5]).collect();
    let public = Exposure::public();
    let honest = Honest::new(&graph, &public, &[vec![4, 0, 2]]);
    let forged = honest.claiming(&embedding(POSITIONS.into(), moved), &public);
    honest.rejected(&forged, &[END]);
}

#[test]
fn an_index_outside_the_table() {
    let graph = embedding(POSITIONS.into(), WORDS.into());
    // A word more, which the network does not have.
    let more: Vec<i32> = [&WORDS[..5], &[77], &WORDS[5..], &[-3]].concat();
    let longer = embedding(POSITIONS.into(), more);
    let parameters = parameters(K);
    for exposure in &exposures()[..2] {
        let honest = Honest::new(&graph, exposure, &[vec![4, 0, 2]]);
        let key = honest.circuit.key();
        for index in [-1, 5] {
            let refused =
                honest.circuit.witness(&common::integers(&honest.model), &[vec![4, index, 2]]);
            assert!(refused.is_err(), "{index}");
            let (own, model) = common::verdicts::sealed(key, &parameters, &honest.witness);
            let seal = model.as_ref().map(|model| model.seal().clone());
            let mut prover = Prover::new(key, &parameters).self_check(false);
            if let Some(model) = model {
                prover = prover.weights(model);
            }
            let outside = vec![4, index, 2];
            let claim = |inputs: &Vec<i64>| {
                let tensors = [std::slice::from_ref(inputs), honest.witness.outputs.as_slice()];
                let columns = &honest.witness.columns;
                Assignment::new(key, tensors, columns, Vec::new(), own.iter().collect())
            };
            let refused = prover.prove_assignment(claim(&outside), StdRng::seed_from_u64(1));
            assert!(matches!(refused, Err(ProveError::Statement(_))), "{refused:?}");
            // A proof that is made of it all the same, and one of other words that is said to be.
            prover = prover.check_witness(false);
            let proofs = [&outside, &honest.witness.inputs[0]]
                .map(|ids| prover.prove_assignment(claim(ids), StdRng::seed_from_u64(1)).unwrap());
            for mut proof in proofs {
                proof.statement.inputs[0] = Value::Public(outside.clone());
                let verdict = key.verify_sealed(&parameters, seal.as_ref(), &proof);
                let expected = Rejection::TensorRange {
                    name: "x0".into(),
                    index: 1,
                    got: index,
                    minimum: 0,
                    maximum: 4,
                };
                assert_eq!(verdict, Err(expected));
            }
        }
    }
    // One that nobody sees is in no table of its range.
    let private = Exposure { inputs: vec![Visibility::Private], ..Exposure::public() };
    let honest = Honest::new(&graph, &private, &[vec![4, 0, 2]]);
    let other = described(&longer, &private);
    let forged = impostor(&honest.circuit, other, &[], &[vec![4, 5, 2]]);
    assert!(caught(&honest.circuit, &forged).contains(&LIMB.to_owned()));
}
