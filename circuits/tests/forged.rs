//! Forged witnesses for the operators that are lowered to several lookups: pair tables, extremes,
//! selection, ranking, constants, halves to even, weights of several digits, private inputs.
//!
//! Most forgeries are honest runs of *another* network with the same cells: one whose table answers
//! differently, or whose sum has another constant. So whatever was not changed holds, and the named
//! check is the only one that fails. Both the judge and the real argument have to reject.

mod common;

use common::verdicts::{END, LIMB, PAIR, impostor, rejected};
use common::{Net, names};
use zkinfer_circuits::judge::mock_prove;
use zkinfer_circuits::{Circuit, Exposure, Plan, Witness, compile_with, lower};
use zkinfer_models::integer::graph::{
    BinaryFunction, Function, Graph, Input, Operator, Requantise, Ties,
};
use zkinfer_verifier::circuit::description::{self, Combine, Description};
use zkinfer_verifier::{VerifyingKey, Visibility};

const LIMB_BITS: u32 = 5;
const K: u32 = 8;

/// A network in the narrow form with an honest witness.
struct Honest {
    circuit: Circuit,
    witness: Witness,
    inputs: Vec<Vec<i64>>,
}

impl Honest {
    fn new(graph: &Graph, inputs: &[&[i64]], visibility: Visibility) -> Self {
        let inputs: Vec<Vec<i64>> = inputs.iter().map(|input| input.to_vec()).collect();
        let exposure = Exposure { inputs: vec![visibility; inputs.len()], ..Exposure::public() };
        let plan = Plan { k: K, limb_bits: LIMB_BITS, price: u64::MAX, least_entries: 2 };
        let circuit = compile_with(lower::lower(graph, &exposure).unwrap(), &plan).unwrap();
        let witness = common::agree(graph, &circuit, &inputs);
        common::accepts(&circuit, &witness);
        Self { circuit, witness, inputs }
    }

    fn public(graph: &Graph, inputs: &[&[i64]]) -> Self {
        Self::new(graph, inputs, Visibility::Public)
    }

    fn private(graph: &Graph, inputs: &[&[i64]]) -> Self {
        Self::new(graph, inputs, Visibility::Private)
    }

    fn key(&self) -> &VerifyingKey {
        self.circuit.key()
    }

    /// The node of requantisation number `index`.
    fn requantisation(&self, index: usize) -> usize {
        let nodes = self.key().description().nodes.iter();
        let divides =
            nodes.map(|node| matches!(node.operator, description::Operator::Requantise(_)));
        divides
            .enumerate()
            .filter(|(_, divides)| *divides)
            .nth(index)
            .expect("as many requantisations")
            .0
    }

    fn requantise<'d>(
        &self,
        description: &'d mut Description,
        index: usize,
    ) -> &'d mut description::Requantise {
        match &mut description.nodes[self.requantisation(index)].operator {
            description::Operator::Requantise(requantise) => requantise,
            other => panic!("{other:?} is no requantisation"),
        }
    }

    /// Where requantisation `index` has the first element's lowest limb (if it divides), quotient
    /// and result.
    fn places(&self, index: usize) -> Vec<(usize, usize)> {
        let layout = self.key().layout();
        let cells = layout.nodes[self.requantisation(index)].as_ref().unwrap();
        let result = cells.result.iter().flat_map(|run| [(run, 0), (run, 1)]);
        let pieces = cells.limbs.iter().take(1).map(|limb| (limb, 0)).chain(result);
        let pieces = pieces.map(|(run, offset)| layout.pieces(run, offset).next().unwrap());
        pieces.map(|piece| (piece.column, piece.rows.start)).collect()
    }

    /// The first element's quotient and result.
    fn cells(&self, index: usize) -> (i64, i64) {
        let places = self.places(index).into_iter().rev();
        let mut cells = places.map(|(column, row)| self.witness.columns[column][row]);
        let result = cells.next().unwrap();
        (cells.next().unwrap(), result)
    }

    /// The honest witness of another network, on perhaps other inputs, whose cells stand where
    /// those of this one do.
    fn other(&self, inputs: &[Vec<i64>], change: impl FnOnce(&mut Description)) -> Witness {
        let mut description = self.key().description().clone();
        change(&mut description);
        impostor(&self.circuit, description, &[], inputs)
    }

    /// As if requantisation `index` answered its argument with `result`.
    fn answering(&self, index: usize, result: i64) -> Witness {
        let (argument, honest) = self.cells(index);
        assert_ne!(result, honest);
        self.other(&self.inputs, |description| {
            let number = self.requantise(description, index).function;
            let mut function = description.functions[number].clone();
            // One entry more on either side of the argument, so that nothing saturates to it.
            let (first, last) =
                (function.minimum, function.minimum + function.values.len() as i64 - 1);
            let arguments = first.min(argument - 1)..=last.max(argument + 1);
            let values = arguments
                .clone()
                .map(|x| if x == argument { result } else { function.apply(x) })
                .collect();
            function = description::Function { minimum: *arguments.start(), values };
            description.functions.push(function);
            self.requantise(description, index).function = description.functions.len() - 1;
            description.number_functions();
        })
    }

    /// As if the sum in front of requantisation `index` were larger by `step`: another argument,
    /// and the result that belongs to it.
    fn arguing(&self, index: usize, step: i64) -> Witness {
        self.other(&self.inputs, |description| {
            let sum = self.requantise(description, index).input;
            match &mut description.nodes[sum].operator {
                description::Operator::Contract(contract) => contract.bias[0] += step,
                _ => {
                    let constant = &mut combine(description, sum).constant;
                    constant.resize(1, 0);
                    constant[0] += step;
                }
            }
        })
    }

    /// The judge names exactly these checks, the prover refuses, and a proof made without its
    /// checks does not verify.
    #[track_caller]
    fn assert_rejected(&self, forged: &Witness, expected: &[&str]) {
        assert_ne!(forged.columns, self.witness.columns, "a forgery");
        rejected(&self.circuit, forged, expected);
    }
}

/// The terms and constants of a sum.
fn combine(description: &mut Description, node: usize) -> &mut Combine {
    match &mut description.nodes[node].operator {
        description::Operator::Combine(combine) => combine,
        other => panic!("{other:?} is no sum"),
    }
}

/// A graph of one operator over inputs of so many elements, which are between −128 and 127 with
/// zero point 0.
fn single(operator: Operator, inputs: &[usize], outputs: usize) -> Graph {
    let shapes: Vec<_> = inputs.iter().map(|&count| vec![1, count]).collect();
    let inputs: Vec<_> = shapes.iter().map(|shape| (&shape[..], 0)).collect();
    let mut net = Net::new("single", &inputs);
    let all: Vec<_> = (0..inputs.len()).collect();
    let index = matches!(operator, Operator::TopK { indices: true, .. });
    let y = net.node(operator, &all, &[1, outputs], 0);
    if index {
        net.0.nodes[0].quantisation.scale = 1.0;
    }
    net.finish(y)
}

fn requantise(shift: u32, ties: Ties) -> Requantise {
    Requantise { shift, ties, zero_point: 0, function: Function::clamp(-128, 127) }
}

/// `31·a + 7·b` modulo 101 of `a` in −128..=127 and `b` in −2..=3: neighbours differ.
fn pairs() -> Graph {
    let values = (0..256 * 6).map(|index: i64| (index / 6 * 31 + index % 6 * 7) % 101).collect();
    let function = BinaryFunction { minimum: [-128, -2], counts: [256, 6], values };
    let mut graph = single(Operator::Binary(function), &[1, 1], 1);
    (graph.inputs[1].minimum, graph.inputs[1].maximum) = (-2, 3);
    graph
}

#[test]
fn the_result_of_another_pair() {
    let honest = Honest::public(&pairs(), &[&[5], &[1]]);
    let other = Honest::public(&pairs(), &[&[6], &[1]]).cells(0).1;
    honest.assert_rejected(&honest.answering(0, other), &[PAIR]);
    honest.assert_rejected(&honest.arguing(0, 6), &[END]);
}

#[test]
fn a_pair_outside_the_table() {
    // (5, 1 + 6) has the index of (6, 1): only the range of the private input tells them apart.
    let honest = Honest::private(&pairs(), &[&[5], &[1]]);
    let wider = |b: i64| {
        honest.other(&[vec![5], vec![b]], |description| {
            (description.inputs[1].minimum, description.inputs[1].maximum) = (-4000, 4000);
        })
    };
    honest.assert_rejected(&wider(7), &[LIMB]);
    // Beyond the last row, the argument fails too.
    honest.assert_rejected(&wider(4000), &[LIMB, PAIR]);
}

#[test]
fn an_extreme_that_is_not_one() {
    // Beyond every element, none of the elements, the wrong element.
    for (operator, right, wrong) in [(Operator::Max, 9, [10, 8, 5]), (Operator::Min, 5, [4, 6, 9])]
    {
        for inputs in [[9, 5], [5, 9]] {
            let honest = Honest::public(
                &single(operator.clone(), &[1, 1], 1),
                &[&inputs[..1], &inputs[1..]],
            );
            assert_eq!(honest.witness.outputs, [[right]]);
            for claim in wrong {
                let forged = honest.answering(0, claim - inputs[1]);
                assert_eq!(forged.outputs, [[claim]]);
                honest.assert_rejected(&forged, &[PAIR]);
            }
        }
    }
    // The rise of another difference.
    let honest = Honest::public(&single(Operator::Max, &[1, 1], 1), &[&[9], &[5]]);
    honest.assert_rejected(&honest.arguing(0, 3), &[END]);
}

#[test]
fn the_branch_that_was_not_chosen() {
    let (yes, no) = (7, -3);
    let mut graph = single(Operator::Select, &[1, 1, 1], 1);
    (graph.inputs[0].minimum, graph.inputs[0].maximum) = (0, 1);
    // One condition moves the argument by twice the spread of 255 and one.
    for (condition, step, claim) in [(1, -511, no), (0, 511, yes)] {
        let honest = Honest::public(&graph, &[&[condition], &[yes], &[no]]);
        let forged = honest.answering(0, claim - no);
        assert_eq!(forged.outputs, [[claim]]);
        honest.assert_rejected(&forged, &[PAIR]);
        honest.assert_rejected(&honest.arguing(0, step), &[END]);
    }
    // A private condition that is neither.
    let honest = Honest::private(&graph, &[&[1], &[yes], &[no]]);
    let forged = honest
        .other(&[vec![2], vec![yes], vec![no]], |description| description.inputs[0].maximum = 2);
    honest.assert_rejected(&forged, &[LIMB, PAIR]);
}

/// Which lookup of the two largest of three does what: two comparisons, each with a loser that goes
/// on, then the first result; one more comparison, then the second.
const SECOND_COMPARISON: usize = 2;
const FIRST_LOSER: usize = 1;
const LAST_COMPARISON: usize = 5;
const RESULTS: [usize; 2] = [4, 6];

#[test]
fn places_that_are_not_those_of_the_order() {
    for (indices, right, swapped) in [(false, [9, 7], [7, 9]), (true, [2, 1], [1, 2])] {
        let top = Operator::TopK { axis: 1, smallest: false, indices };
        let honest = Honest::public(&single(top, &[3], 2), &[&[4, 7, 9]]);
        assert_eq!(honest.witness.outputs, [right]);
        // Keys are 3·x + 2 − j. The second comparison keeps 22 against 27, so the rise on 27 is −5
        // and the loser 27.
        assert_eq!(honest.cells(SECOND_COMPARISON), (-5, 0));
        let forged = honest.answering(SECOND_COMPARISON, -5);
        assert_eq!(forged.outputs, [swapped]);
        honest.assert_rejected(&forged, &[PAIR]);
        // The loser of the first comparison, the key of 4, becomes that of 8 at the same place, and
        // so second.
        let forged = honest.answering(FIRST_LOSER, 3 * 8 + 2);
        assert_eq!(forged.outputs, [if indices { [2, 0] } else { [9, 8] }]);
        honest.assert_rejected(&forged, &[PAIR]);
        // The last comparison keeps the smaller one.
        let forged = honest.answering(LAST_COMPARISON, 14 - 22);
        assert_eq!(forged.outputs, [if indices { [2, 0] } else { [9, 4] }]);
        honest.assert_rejected(&forged, &[PAIR]);
        // What a place puts out is not what its key says.
        for (place, index) in RESULTS.into_iter().enumerate() {
            let forged = honest.answering(index, 0);
            assert_eq!(forged.outputs[0][place], 0);
            honest.assert_rejected(&forged, &[PAIR]);
        }
    }
}

/// The last of the 15 steps of a network, which compares neighbours: the rise, then what wins and
/// what loses; and behind it the results.
const LAST_STEP: [usize; 3] = [42, 43, 44];

#[test]
fn places_of_a_network_that_are_not_those_of_the_order() {
    let [rise, winner, loser] = LAST_STEP;
    // The largest is further from the next than any other, so that no other comparison is the same.
    let elements: Vec<i64> = (0..27).chain([40]).collect();
    for indices in [false, true] {
        let first = if indices { 27 } else { 40 };
        let top = Operator::TopK { axis: 1, smallest: false, indices };
        let honest = Honest::public(&single(top, &[28], 28), &[&elements]);
        let falling: Vec<i64> = [first].into_iter().chain((0..27).rev()).collect();
        assert_eq!(honest.witness.outputs, [falling]);
        // The first two trade places.
        let (difference, right) = honest.cells(rise);
        let forged = honest.answering(rise, difference - right);
        assert_eq!(forged.outputs[0][..3], [26, first, 25]);
        honest.assert_rejected(&forged, &[PAIR]);
        // They become the key of 30 at place 0, and the smallest there is.
        let forged = honest.answering(winner, 28 * 30 + 27);
        assert_eq!(forged.outputs[0][..3], [if indices { 0 } else { 30 }, 26, 25]);
        honest.assert_rejected(&forged, &[PAIR]);
        let forged = honest.answering(loser, -28 * 128);
        assert_eq!(forged.outputs[0][..3], [first, if indices { 27 } else { -128 }, 25]);
        honest.assert_rejected(&forged, &[PAIR]);
    }
}

#[test]
fn a_tie_won_by_the_later_element() {
    let top = Operator::TopK { axis: 1, smallest: false, indices: true };
    let honest = Honest::public(&single(top, &[3], 2), &[&[4, 9, 9]]);
    assert_eq!(honest.witness.outputs, [[1, 2]]);
    assert_eq!(
        honest.cells(SECOND_COMPARISON),
        (1, 1),
        "keys of equal elements differ, and the later one is smaller"
    );
    let forged = honest.answering(SECOND_COMPARISON, 0);
    assert_eq!(forged.outputs, [[2, 1]]);
    honest.assert_rejected(&forged, &[PAIR]);
    // As if the key had another index.
    honest.assert_rejected(&honest.arguing(SECOND_COMPARISON, -2), &[END]);
}

#[test]
fn another_constant() {
    let mut net = Net::new("constant", &[(&[1, 2], 0)]);
    let constant = net.node(Operator::Constant(vec![5, -7]), &[], &[1, 2], 0);
    let y = net.node(Operator::Max, &[0, constant], &[1, 2], 0);
    net.output(constant);
    let honest = Honest::public(&net.finish(y), &[&[1, 1]]);
    assert_eq!(honest.witness.outputs, [[5, -7], [5, 1]]);
    // A constant owns no cells, so there are none to change: a whole network with another one has
    // another key.
    let forged = honest.other(&honest.inputs, |description| {
        let constant = description.nodes.iter().position(|node| match &node.operator {
            description::Operator::Combine(combine) => combine.terms[0].1 == 0,
            _ => false,
        });
        combine(description, constant.expect("a constant")).constant = vec![-7, 5];
    });
    assert_eq!(forged.outputs, [[-7, 5], [1, 5]]);
    honest.assert_rejected(&forged, &[END]);
    // And its value is bound where it is put out.
    let mut forged = honest.witness.clone();
    forged.outputs[0][0] = 4;
    assert_eq!(names(mock_prove(honest.key(), &forged)), [END]);
}

/// One element over 32, rounded to even.
fn even(slack: i64) -> Graph {
    let requantise = requantise(LIMB_BITS, Ties::Even { slack });
    single(
        Operator::Sum { multipliers: vec![1], constant: Vec::new(), requantise: Some(requantise) },
        &[1],
        1,
    )
}

/// The three lookups of a rounding to even.
const DOWN: usize = 0;
const UP: usize = 1;
const NEAREST: usize = 2;

#[test]
fn a_half_that_leaves_the_even_neighbour() {
    // 16/32 goes down to 0 and 48/32 up to 2; with slack 4, so do 18 and 46.
    for (x, slack, right, wrong) in [(16, 0, 0, 1), (48, 0, 2, 1), (18, 4, 0, 1), (46, 4, 2, 1)] {
        let honest = Honest::public(&even(slack), &[&[x]]);
        assert_eq!(honest.witness.outputs, [[right]]);
        let sum = honest.cells(DOWN).1 + honest.cells(UP).1;
        assert_eq!((sum.rem_euclid(2), honest.cells(NEAREST)), (1, (sum, right)), "a half");
        let forged = honest.answering(NEAREST, wrong);
        assert_eq!(forged.outputs, [[wrong]]);
        honest.assert_rejected(&forged, &[PAIR]);

        // No half any more: one of the divisions goes the other's way. First with another constant,
        // then with its remainder out of range.
        let (division, step) = if wrong > right { (DOWN, 1) } else { (UP, -1) };
        let forged = honest.arguing(division, step * (2 * slack + 1));
        assert_eq!(forged.outputs, [[wrong]]);
        honest.assert_rejected(&forged, &[END]);
        let mut forged = honest.witness.clone();
        let moves = honest.places(division).into_iter().zip([-step << LIMB_BITS, step, step]);
        for ((column, row), step) in
            moves.chain(honest.places(NEAREST).into_iter().zip([step, wrong - right]))
        {
            forged.columns[column][row] += step;
        }
        forged.outputs[0][0] = wrong;
        honest.assert_rejected(&forged, &[LIMB]);
    }
}

/// One weighed sum of two elements over `2^shift`.
fn linear([first, second]: [i32; 2], shift: u32) -> Graph {
    let weights = vec![first, second].into();
    let requantise = Some(requantise(shift, Ties::Up));
    single(Operator::Linear { weights, bias: vec![0], multipliers: vec![1], requantise }, &[2], 1)
}

#[test]
fn a_digit_of_the_weights_left_out() {
    let honest = Honest::public(&linear([300, -1], 2 * LIMB_BITS), &[&[30, 50]]);
    // 300 = 256 + 44
    assert_eq!(honest.witness.outputs, [[9]]);
    let forged = honest.other(&honest.inputs, |description| {
        let sum = honest.requantise(description, 0).input;
        combine(description, sum).terms[1].1 = 0;
    });
    assert_eq!(forged.outputs, [[1]]);
    honest.assert_rejected(&forged, &[END]);
}

#[test]
fn an_unsigned_input_outside_its_range() {
    let mut graph = linear([3, 2], LIMB_BITS);
    (graph.inputs[0].minimum, graph.inputs[0].maximum) = (0, 255);
    let honest = Honest::private(&graph, &[&[200, 100]]);
    for x in [-1, 256] {
        let forged = honest.other(&[vec![x, 100]], |description| {
            (description.inputs[0].minimum, description.inputs[0].maximum) = (-1, 256);
        });
        honest.assert_rejected(&forged, &[LIMB]);
    }
}

/// Twelve rows for one of four indices: which one it is, then its entries.
#[test]
fn the_entries_of_another_index() {
    let values = (0..48).map(|place| place / 4 * 4 + place % 4 * 20 - 30).collect();
    let mut graph = single(Operator::Lookup { minimum: 0, values }, &[1], 12);
    graph.inputs[0] = Input { shape: vec![1], minimum: 0, maximum: 3, ..graph.inputs[0].clone() };
    let honest = Honest::private(&graph, &[&[0]]);
    assert_eq!(honest.witness.outputs[0][..2], [-30, -26]);
    assert_eq!([honest.cells(0), honest.cells(1)], [(0, 1), (-30, -30)]);
    // Not the index, or its entry another one.
    let forged = honest.answering(0, 0);
    assert_eq!(forged.outputs, [[0; 12]], "none of them");
    honest.assert_rejected(&forged, &[PAIR]);
    honest.assert_rejected(&honest.answering(1, -10), &[PAIR]);
    honest.assert_rejected(&honest.arguing(1, -10), &[END]);
    // As if the index were another one than it is.
    honest.assert_rejected(&honest.arguing(0, 1), &[END]);
    // A table for each row.
    let mut graph =
        single(Operator::Lookup { minimum: 0, values: vec![10, 20, 30].into() }, &[1], 1);
    graph.inputs[0] = Input { shape: vec![1], minimum: 0, maximum: 2, ..graph.inputs[0].clone() };
    let honest = Honest::private(&graph, &[&[1]]);
    assert_eq!((honest.witness.outputs[0][0], honest.cells(0)), (20, (1, 20)));
    honest.assert_rejected(&honest.answering(0, 30), &[PAIR]);
    honest.assert_rejected(&honest.arguing(0, 1), &[END]);
}
