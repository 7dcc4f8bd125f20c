//! Weights that several layers read: computed like weights of their own, kept and sealed once, and
//! bound for every reader.

mod common;

use common::desk::{Desk, K, rng};
use common::{
    After, Net, Noise, accepts, check, inputs, interpret, judge, names, parameters, window,
};
use ff::Field;
use pasta_curves::Fp;
use zkinfer_circuits::judge::{StockCircuit, cells, challenges, mock_prove, shown};
use zkinfer_circuits::{Exposure, Plan, Witness, compile_with, lower, optimise};
use zkinfer_models::integer::graph::{Graph, Operator, Weights};
use zkinfer_prover::{ProveError, Prover, sealing};
use zkinfer_verifier::adjoint::factors::{Operands, factors};
use zkinfer_verifier::chain::{Segment, verify_chain};
use zkinfer_verifier::circuit::description;
use zkinfer_verifier::circuit::sheet::Role;
use zkinfer_verifier::field::integers::Slice;
use zkinfer_verifier::{Rejection, Visibility};

const END: &str = "adjoint sum end";

const AFTER: After = After::Int8 { shift: 9, zero_point: 3 };

fn weights(seed: u64) -> Vec<i32> {
    Noise(seed).weights(16)
}

/// A layer of four features with numbers of its own but for the weights.
fn layer(weights: Weights, step: i64, after: After) -> Operator {
    let bias = (0..4).map(|row| (row - 2) * 300 + step).collect();
    let multipliers = (0..4).map(|row| 1 + row % 3 + step).collect();
    Operator::Linear { weights, bias, multipliers, requantise: after.requantise() }
}

/// `y = layer(layer(x))`, the second one with these weights.
fn twice(second: Weights) -> Graph {
    let mut net = Net::new("twice", &[(&[1, 4], 0)]);
    let x = net.node(layer(weights(3).into(), 0, AFTER), &[0], &[1, 4], 3);
    let y = net.node(layer(second, 1, AFTER), &[x], &[1, 4], 3);
    net.finish(y)
}

/// One weight matrix read at each of so many steps, the last of which is put out as it is.
fn recurrent(weights: Vec<i32>, steps: usize) -> Graph {
    let mut net = Net::new("recurrent", &[(&[1, 4], -5)]);
    let mut state = net.node(layer(weights.into(), 0, AFTER), &[0], &[1, 4], 3);
    for step in 1..steps {
        let last = step + 1 == steps;
        let after = if last { After::Raw } else { AFTER };
        let zero_point = if last { 0 } else { 3 };
        // The input comes in once more half way.
        let read = if step == steps / 2 { 0 } else { state };
        let read_by = layer(Weights::Of(0), step as i64, after);
        let next = net.node(read_by, &[read], &[1, 4], zero_point);
        if step == steps / 2 {
            net.output(state);
        }
        state = next;
    }
    net.finish(state)
}

#[test]
fn a_layer_with_weights_of_another_computes_as_with_its_own() {
    check(&recurrent(weights(7), 6));
    // Two digits a weight, and halves that go to even, which sealed weights read a copy for.
    let wide: Vec<i32> = weights(8).iter().map(|weight| weight * 200).collect();
    let mut net = Net::new("wide", &[(&[1, 4], 1)]);
    let even = After::Even { shift: 17, zero_point: 9, slack: 1 };
    let x = net.node(layer(wide.into(), 0, even), &[0], &[1, 4], 9);
    let y = net.node(layer(Weights::Of(0), 2, even), &[x], &[1, 4], 9);
    check(&net.finish(y));
    // A kernel over planes of two sizes, and a matrix of as many rows as long.
    let mut net = Net::new("maps", &[(&[1, 2, 5, 4], 0), (&[1, 3, 8], 2)]);
    let noise = &mut Noise(9);
    let x = net.convolution(noise, 0, 4, 1, window([2, 2], [1; 2], [1; 4]), AFTER);
    let again = |groups, strides, pads| Operator::Convolution {
        window: window([2, 2], strides, pads),
        groups,
        weights: Weights::Of(0),
        bias: vec![5, -6, 7, -8],
        multipliers: vec![3, 1, 2, 1],
        requantise: AFTER.requantise(),
    };
    let small = net.node(again(1, [2, 2], [0; 4]), &[0], &[1, 4, 2, 2], 3);
    let grouped = net.node(again(2, [3, 3], [0; 4]), &[x], &[1, 4, 2, 2], 3);
    let matrix = net.node(layer(Weights::Of(0), 1, AFTER), &[1], &[1, 3, 4], 3);
    [small, grouped].into_iter().for_each(|value| net.output(value));
    check(&net.finish(matrix));
}

#[test]
fn weights_that_several_layers_read_are_kept_and_sealed_once() {
    let shared = Desk::of(&twice(Weights::Of(0)), &Exposure::default());
    let apart = Desk::of(&twice(weights(3).into()), &Exposure::default());
    assert_eq!(shared.witness.outputs, apart.witness.outputs);
    assert_eq!(shared.witness.columns, apart.witness.columns);
    let elements = |desk: &Desk| -> Vec<usize> {
        desk.key().layout().model_sheets().map(|sheet| sheet.tensor.elements()).collect()
    };
    // Three digits for each of eight biases, which are each layer's own.
    assert_eq!(elements(&shared), [24, 16]);
    assert_eq!(elements(&apart), [24, 16, 16]);
    assert_eq!(shared.model, apart.model[..2]);
    let factors = |desk: &Desk| desk.key().layout().factor_columns().len();
    assert_eq!(factors(&shared), factors(&apart));
    let (seal, _) = shared.seal(&shared.model, 1);
    let (long, _) = apart.seal(&apart.model, 1);
    assert_eq!([seal.record.commitments.len(), long.record.commitments.len()], [2, 3]);
    // Public ones stand in the key once, and are counted once.
    let compiled = |graph: &Graph| {
        let lowered = lower::lower(graph, &Exposure::public()).unwrap();
        let plan = Plan { k: K, limb_bits: 4, price: 0, least_entries: 2 };
        compile_with(lowered, &plan).unwrap()
    };
    let [shared, apart] =
        [Weights::Of(0), weights(3).into()].map(|second| compiled(&twice(second)));
    let count = |circuit: &zkinfer_circuits::Circuit| {
        let network = optimise::Counts::of(circuit.key()).network;
        (network.weights, network.weights_read)
    };
    assert_eq!([count(&shared), count(&apart)], [(16, 32), (32, 32)]);
    let bytes = |circuit: &zkinfer_circuits::Circuit| circuit.key().to_bytes().len();
    // Their number takes a byte, and so does the node's.
    assert_eq!(bytes(&apart) - bytes(&shared), 16);
}

/// What a run with other weights in the second layer looks like, under the key and the sealed
/// weights of the network in which both read the same.
fn bound_to_two() -> (Desk, Desk, Witness) {
    let honest = Desk::of(&twice(Weights::Of(0)), &Exposure::default());
    let other = Desk::of(&twice(weights(4).into()), &Exposure::default());
    assert_ne!(honest.witness.outputs, other.witness.outputs);
    let witness = Witness { sealed: honest.witness.sealed.clone(), ..other.witness.clone() };
    (honest, other, witness)
}

#[test]
fn readers_of_one_weight_are_bound_to_the_same_integers() {
    let (honest, other, witness) = bound_to_two();
    assert_eq!(names(mock_prove(honest.key(), &witness)), [END]);
    // The same with factors that fit what was computed: only the equations that bind them to the
    // sealed weights notice. Each reader's by itself, and whichever weights were sealed.
    let key = honest.key();
    let nodes: Vec<usize> = (0..key.description().nodes.len())
        .filter(|&id| key.description().nodes[id].operator.has_sealed_weights())
        .collect();
    assert_eq!(nodes.len(), 2);
    for (reader, sealed) in [(1, 0), (0, 1)] {
        let sealed = &other.model[1 + sealed];
        let mut witness = witness.clone();
        witness.sealed[1] = sealed.clone().into();
        let mut claimed = cells(key, &witness);
        let statement = shown(key, &witness);
        let drawn = challenges(key, &statement, &claimed);
        let (left, right) = (&witness.operands[reader][0], &other.model[1 + reader]);
        let operands = Operands { left, right: Slice::Words(right) };
        let run = key.layout().nodes[nodes[reader]].as_ref().unwrap().result.clone().unwrap();
        let made = factors(key, nodes[reader], drawn.rho, drawn.sigma, operands);
        for (offset, made) in made.iter().enumerate() {
            for piece in key.layout().pieces(&run, offset) {
                claimed[piece.column][piece.rows].copy_from_slice(&made[piece.elements]);
            }
        }
        let caught = names(StockCircuit::claim(key, &statement, claimed).mock_prove());
        assert_eq!(caught, [END], "reader {reader}");
    }
}

#[test]
fn a_changed_weight_is_caught_wherever_it_is_read() {
    let desk = Desk::of(&recurrent(weights(7), 4), &Exposure::default());
    let column = desk.key().layout().sheet(Role::Weights(1)).map(|sheet| sheet.columns.start);
    let sheets: Vec<_> = desk.key().layout().weight_sheets().collect();
    assert_eq!(sheets.len(), 1, "{column:?}");
    let first = sheets[0].columns.start;
    for row in [0, 7, 15] {
        let caught = judge(&desk.circuit, &desk.witness, |cells| cells[first][row] += Fp::ONE);
        assert_eq!(caught, [END], "weight {row}");
    }
    let (seal, opening) = desk.seal(&desk.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    let honest = desk.prove(desk.open(&opening, &desk.model).unwrap(), 2);
    assert_eq!(desk.verify(&checked, &honest), Ok(()));
    for at in [0, 9, 15] {
        let mut model = desk.model.clone();
        model[1][at] ^= 1;
        assert!(matches!(desk.open(&opening, &model), Err(ProveError::OpeningIntegers { .. })));
        let witness =
            desk.circuit.witness(&common::integers(&model), &desk.witness.inputs).unwrap();
        let (_, other) = desk.seal(&model, 1);
        let forger = Desk { circuit: desk.circuit.clone(), model: model.clone(), witness };
        let columns = || desk.open(&other, &model).unwrap();
        let proof = forger.prove(columns(), 3);
        assert_eq!(forger.verify(columns().seal(), &proof), Ok(()), "honest by itself");
        let proof = forger.prove(columns().claiming(checked.clone()), 3);
        assert_eq!(forger.verify(&checked, &proof), Err(Rejection::Opening), "weight {at}");
    }
}

#[test]
fn a_proof_in_which_one_reader_used_other_weights_is_rejected() {
    let (honest, _, witness) = bound_to_two();
    let (seal, opening) = honest.seal(&honest.model, 1);
    let checked = seal.check(&parameters(K)).unwrap();
    let forger = Desk { circuit: honest.circuit.clone(), model: honest.model.clone(), witness };
    let columns = || honest.open(&opening, &honest.model).unwrap();
    let parameters = parameters(K);
    let prover = Prover::new(honest.key(), &parameters).weights(columns());
    let refused = prover.prove_assignment(forger.claim(Vec::new()), rng(5));
    assert!(matches!(refused, Err(ProveError::Linear)));
    assert_eq!(forger.verify(&checked, &forger.prove(columns(), 5)), Err(Rejection::Opening));
    assert_eq!(honest.verify(&checked, &honest.prove(columns(), 5)), Ok(()));
}

#[test]
fn a_factor_off_by_one_entry_of_any_reader() {
    let desk = Desk::of(&recurrent(weights(7), 4), &Exposure::default());
    let layout = desk.key().layout();
    let lanes = layout.nodes.iter().flatten().filter_map(|cells| cells.result.as_ref());
    let runs = lanes.filter(|run| run.lane == zkinfer_verifier::circuit::place::Lane::Factors);
    let places: Vec<_> = runs.map(|run| layout.pieces(run, 1).next().unwrap()).collect();
    assert_eq!(places.len(), 4);
    for piece in places {
        let caught = judge(&desk.circuit, &desk.witness, |cells| {
            cells[piece.column][piece.rows.start] += Fp::ONE;
        });
        assert_eq!(caught, [END], "column {}, row {}", piece.column, piece.rows.start);
    }
}

/// Each segment seals what its own layers read: the first of them has the weights there.
#[test]
fn segments_that_read_one_weight_seal_it_each_and_are_one_chain() {
    let mut net = Net::new("chain", &[(&[1, 4], 0)]);
    let mut value = net.node(layer(weights(3).into(), 0, AFTER), &[0], &[1, 4], 3);
    for step in 1..4 {
        value = net.node(layer(Weights::Of(0), step, AFTER), &[value], &[1, 4], 3);
    }
    let graph = net.finish(value);
    let segments = graph.split(&[1]).unwrap();
    let owners = |graph: &Graph| -> Vec<Option<usize>> {
        let of = |node: &zkinfer_models::integer::graph::Node| match &node.operator {
            Operator::Linear { weights, .. } => weights.owner(),
            operator => panic!("{operator:?}"),
        };
        graph.nodes.iter().map(of).collect()
    };
    assert_eq!(segments.iter().map(owners).collect::<Vec<_>>(), [[None, Some(0)]; 2]);
    let [first, second] = &segments[..] else { panic!("two segments") };
    for inputs in inputs(&graph, 5) {
        let between = interpret(first, &inputs);
        assert_eq!(interpret(second, &between), interpret(&graph, &inputs));
    }

    let sealed = vec![Visibility::Sealed];
    let exposure = Exposure { inputs: sealed.clone(), outputs: sealed, ..Exposure::default() };
    let first = Desk::of(first, &exposure);
    let mut second = Desk::of(second, &exposure);
    second.witness =
        second.circuit.witness(&common::integers(&second.model), &first.witness.outputs).unwrap();
    accepts(&second.circuit, &second.witness);
    let [(a, a_opening), (b, b_opening)] = [&first, &second].map(|desk| desk.seal(&desk.model, 1));
    assert_eq!(a.record.tensors[1].shape, b.record.tensors[1].shape);
    let tensor = first.key().layout().sheet(Role::Input(0)).unwrap().tensor.clone();
    let input = first.witness.inputs.clone();
    let (_, opening) = sealing::seal(&parameters(K), &[tensor], input, &mut rng(2)).unwrap();
    let (one, between) = first.link(&a_opening, &opening, 5);
    let (two, _) = second.link(&b_opening, &between, 7);
    let [a, b] = [a, b].map(|seal| seal.check(&parameters(K)).unwrap());
    let segment = |desk, seal, proof| Segment { key: Desk::key(desk), seal: Some(seal), proof };
    let chain = |segments: &[Segment<'_>]| verify_chain(&parameters(K), segments);
    assert_eq!(chain(&[segment(&first, &a, &one), segment(&second, &b, &two)]), Ok(()));
    let swapped = chain(&[segment(&second, &b, &two), segment(&first, &a, &one)]);
    assert!(matches!(swapped, Err(Rejection::Chain { .. })));
}

/// Copies that the verifier's work asks for come between a reader and its owner.
#[test]
fn copies_leave_the_weights_with_their_owner() {
    let mut net = Net::new("copies", &[(&[1, 1, 599], 0)]);
    let window = window([1, 300], [1; 2], [0; 4]);
    let noise = &mut Noise(1);
    let x = net.convolution(noise, 0, 1, 1, window.clone(), After::Raw);
    let again = Operator::Convolution {
        window,
        groups: 1,
        weights: Weights::Of(0),
        bias: vec![2],
        multipliers: vec![3],
        requantise: None,
    };
    let y = net.node(again, &[0], &[1, 1, 300], 0);
    let classes = [x, y].map(|value| net.argmax(value, 2, false, &[1, 1]));
    net.output(classes[0]);
    let graph = net.finish(classes[1]);
    let lowered = lower::lower(&graph, &Exposure::public()).unwrap();
    let plan = Plan { k: 10, limb_bits: 8, price: 0, least_entries: 2 };
    let circuit = compile_with(lowered, &plan).unwrap();
    let nodes = &circuit.key().description().nodes;
    let copies = nodes.iter().filter(|n| matches!(n.operator, description::Operator::Copy(_)));
    assert_eq!(copies.count(), 2);
    let input = inputs(&graph, 3).swap_remove(3);
    let witness = circuit.witness(&[], std::slice::from_ref(&input[0])).unwrap();
    assert_eq!(witness.outputs, interpret(&graph, &input));
    accepts(&circuit, &witness);
}

/// Weights that are no secret stand in the key, beside those that a seal has.
#[test]
fn known_weights_are_in_the_key_and_in_no_seal() {
    let network = |first: Weights| {
        let mut net = Net::new("known", &[(&[1, 4], 1)]);
        let x = net.node(layer(first, 0, AFTER), &[0], &[1, 4], 3);
        let y = net.node(layer(weights(6).into(), 1, AFTER), &[x], &[1, 4], 3);
        net.finish(y)
    };
    let wide: Vec<i32> = weights(5).iter().map(|weight| weight * 200).collect();
    let graph = network(Weights::Known(wide.clone().into()));
    check(&graph);
    let known = Desk::of(&graph, &Exposure::default());
    let own = Desk::of(&network(wide.clone().into()), &Exposure::default());
    assert_eq!(known.witness.outputs, own.witness.outputs);
    // Biases of one layer, and its weights; of two, and of one of them two digits.
    assert_eq!(known.model.iter().map(Vec::len).collect::<Vec<_>>(), [12, 16]);
    assert_eq!(own.model.iter().map(Vec::len).collect::<Vec<_>>(), [36, 16, 16, 16]);
    let nodes = &known.key().description().nodes;
    let contractions = nodes.iter().filter_map(|node| match &node.operator {
        description::Operator::Contract(contract) => Some(contract.weights.public()),
        _ => None,
    });
    let contractions: Vec<_> = contractions.collect();
    let [Some(low), Some(high), None] = contractions[..] else { panic!("{contractions:?}") };
    let digits = low.iter().zip(high);
    let found = digits.map(|(&low, &high)| i32::from(low) + 256 * i32::from(high));
    assert_eq!(found.collect::<Vec<_>>(), wide);
}
