//! Softmax and Normalise: the circuit computes what the interpreter does, and forged maxima, sums,
//! roots, reciprocals and results are caught, by the judge and by the real argument.

mod common;

use common::rows::{matmul, normalise, softmax};
use common::verdicts::{END, LIMB, PAIR, caught, rejected};
use common::{Net, check};
use zkinfer_circuits::{Circuit, Witness};
use zkinfer_models::integer::graph::{Function, Graph, Operator};
use zkinfer_verifier::circuit::description::{self, Hint, Source};

const K: u32 = 8;
const LIMB_BITS: u32 = 4;

/// Scores of two heads: queries `[1, 2, 4, 5]` times keys `[1, 2, 5, 6]`.
fn attention(visible: Vec<bool>) -> Graph {
    let mut net = Net::new("attention", &[(&[1, 2, 4, 5], -7), (&[1, 2, 5, 6], 2)]);
    let scores = matmul(&mut net, [0, 1], &[1, 2, 4, 6]);
    let y = net.node(softmax(6, 9, visible), &[scores], &[1, 2, 4, 6], -128);
    net.finish(y)
}

#[test]
fn softmax_of_activations() {
    for shape in [vec![1, 7], vec![1, 3, 5], vec![2, 2, 1], vec![1, 1]] {
        let mut net = Net::new("softmax", &[(&shape, 5)]);
        let y = net.node(softmax(*shape.last().unwrap(), 0, vec![]), &[0], &shape, -128);
        check(&net.finish(y));
    }
}

#[test]
fn softmax_of_a_product() {
    check(&attention(vec![]));
}

#[test]
fn softmax_of_what_is_seen() {
    // Causal; two equal rows; a gap; all but the last.
    let causal = (0..24).map(|at| at % 6 <= at / 6).collect();
    let others = [[0, 1, 1, 0, 0, 1], [0, 1, 1, 0, 0, 1], [1; 6], [1, 1, 1, 1, 1, 0]];
    let others = others.concat().into_iter().map(|seen| seen == 1).collect();
    for visible in [causal, others] {
        check(&attention(visible));
    }
    let mut net = Net::new("seen", &[(&[1, 3, 3], 5)]);
    let visible = vec![true, false, false, true, true, false, true, true, true];
    let y = net.node(softmax(3, 0, visible), &[0], &[1, 3, 3], -128);
    check(&net.finish(y));
}

/// What is not seen has no cells: half of the scores, half of theirs.
#[test]
fn hidden_scores_have_no_cells() {
    let size = 16;
    let cells = |visible: Vec<bool>| {
        let mut net = Net::new("causal", &[(&[1, size, 2], 0), (&[1, 2, size], 0)]);
        let scores = matmul(&mut net, [0, 1], &[1, size, size]);
        let y = net.node(softmax(size, 4, visible), &[scores], &[1, size, size], -128);
        let circuit = common::circuit(&net.finish(y), 10, 8, u64::MAX);
        let requantised =
            circuit.key().description().nodes.iter().zip(&circuit.key().analysis().nodes);
        requantised
            .filter(|(node, _)| matches!(node.operator, description::Operator::Requantise(_)))
            .map(|(_, facts)| facts.elements)
            .sum::<usize>()
    };
    let causal = (0..size * size).map(|at| at % size <= at / size).collect();
    assert_eq!(cells(vec![]), 2 * size * size);
    assert_eq!(cells(causal), size * (size + 1));
}

#[test]
fn normalise_with_the_mean_and_without() {
    for centred in [true, false] {
        for shape in [vec![1, 6], vec![1, 3, 4], vec![2, 2, 1]] {
            let mut net = Net::new("normalise", &[(&shape, -9)]);
            let y = net.node(normalise(centred), &[0], &shape, 3);
            check(&net.finish(y));
        }
    }
}

/// A circuit in the narrow form, an honest witness, and the means to change it.
struct Honest {
    circuit: Circuit,
    witness: Witness,
}

impl Honest {
    fn new(graph: &Graph, inputs: &[i64]) -> Self {
        let circuit = common::circuit(graph, K, LIMB_BITS, u64::MAX);
        let witness = common::agree(graph, &circuit, &[inputs.to_vec()]);
        common::accepts(&circuit, &witness);
        Self { circuit, witness }
    }

    /// The bounded nodes, hints and quotients, in order.
    fn bounded(&self) -> Vec<usize> {
        let nodes = self.circuit.key().description().nodes.iter().enumerate();
        let bounded =
            nodes.filter(|(_, node)| matches!(node.operator, description::Operator::Bounded(_)));
        bounded.map(|(id, _)| id).collect()
    }

    /// The node of the hint of a kind.
    fn hint(&self, of: impl Fn(&Hint) -> bool) -> usize {
        let nodes = &self.circuit.key().description().nodes;
        let is = |node: &usize| match &nodes[*node].operator {
            description::Operator::Bounded(bounded) => {
                matches!(&bounded.source, Source::Hint { hint, .. } if of(hint))
            }
            _ => false,
        };
        *self.bounded().iter().find(|node| is(node)).expect("a hint of this kind")
    }

    /// The honest witness, had element `at` of `node` been `step` more (of a product, its left
    /// operand): everything behind it computed with that, as far as it can be.
    fn misled_at(&self, node: usize, at: usize, step: i64) -> Witness {
        let key = self.circuit.key();
        Witness::forged(key, &[], &self.witness.inputs, &|id, values: &mut [i64]| {
            if id == node {
                values[at] += step;
            }
        })
        .unwrap()
    }

    fn misled(&self, node: usize, step: i64) -> Witness {
        self.misled_at(node, 0, step)
    }

    /// The honest witness with other limbs at `node`, of which nothing else knows.
    fn beside(&self, node: usize, step: i64) -> Witness {
        let (mut forged, other) = (self.witness.clone(), self.misled(node, step));
        let layout = self.circuit.key().layout();
        for limb in &layout.nodes[node].as_ref().unwrap().limbs {
            let piece = layout.pieces(limb, 0).next().unwrap();
            let (column, row) = (piece.column, piece.rows.start);
            forged.columns[column][row] = other.columns[column][row];
        }
        forged
    }

    /// The products, of matrices and of elements.
    fn products(&self) -> Vec<usize> {
        let nodes = self.circuit.key().description().nodes.iter().enumerate();
        let product = |operator: &description::Operator| {
            matches!(
                operator,
                description::Operator::Product(_) | description::Operator::Hadamard(_)
            )
        };
        nodes.filter(|(_, node)| product(&node.operator)).map(|(id, _)| id).collect()
    }

    #[track_caller]
    fn rejected(&self, forged: &Witness, expected: &[&str]) {
        assert_ne!(*forged, self.witness, "a forgery");
        rejected(&self.circuit, forged, expected);
    }
}

fn row() -> Honest {
    let mut net = Net::new("row", &[(&[1, 5], 0)]);
    let y = net.node(softmax(5, 0, vec![]), &[0], &[1, 5], -128);
    Honest::new(&net.finish(y), &[3, 40, -20, 40, 39])
}

#[test]
fn a_largest_score_that_is_too_small_or_too_large() {
    let honest = row();
    let largest = honest.hint(|hint| matches!(hint, Hint::Maximum { .. }));
    // One score is equal to it, and two are beyond: their sum has no reciprocal. None is equal to
    // it: the count of those that are would be −1.
    honest.rejected(&honest.misled(largest, -1), &[LIMB]);
    honest.rejected(&honest.misled(largest, 1), &[LIMB]);
    // Far enough that a score stands beside each count that is missing.
    for step in [-20, -60, 20, 60] {
        assert!(!caught(&honest.circuit, &honest.misled(largest, step)).is_empty());
    }
}

#[test]
fn a_count_of_marks_or_a_sum_that_is_another() {
    let honest = row();
    let whole = honest.hint(|hint| matches!(hint, Hint::Shifted { .. }));
    for step in [-1, 1] {
        honest.rejected(&honest.misled(whole, step), &[LIMB]);
    }
}

#[test]
fn a_reciprocal_off_by_one_both_ways() {
    let honest = row();
    let reciprocal = honest.hint(|hint| matches!(hint, Hint::Reciprocal { .. }));
    for step in [-1, 1] {
        honest.rejected(&honest.misled(reciprocal, step), &[LIMB]);
        honest.rejected(&honest.beside(reciprocal, step), &[END]);
    }
}

#[test]
fn an_exponential_or_a_result_that_is_another() {
    let honest = row();
    let key = honest.circuit.key();
    let requantised: Vec<usize> = (0..key.description().nodes.len())
        .filter(|&id| {
            matches!(key.description().nodes[id].operator, description::Operator::Requantise(_))
        })
        .collect();
    let [exponential, result] = requantised[..] else { panic!("{requantised:?}") };
    for (node, step) in [(exponential, 64), (result, 1)] {
        honest.rejected(&honest.misled_at(node, 2, step), &[PAIR]);
    }
}

/// What is multiplied is not the exponential that counts in the sum, or not the sum's reciprocal.
#[test]
fn a_numerator_that_is_not_its_exponential() {
    let honest = row();
    let [reciprocal, scaled] = honest.products()[..] else { panic!("two products") };
    for (element, step) in [(0, 64), (2, -16), (4, 1)] {
        honest.rejected(&honest.misled_at(scaled, element, step), &[END]);
    }
    for step in [-1, 1] {
        // Remainders that match it, one of which is negative; or only what is multiplied.
        honest.rejected(&honest.misled(reciprocal, step), &[END, LIMB]);
        for product in [0, 1] {
            let mut forged = honest.witness.clone();
            forged.operands[product][1][0] += step;
            honest.rejected(&forged, &[END]);
        }
    }
}

/// Where no row goes beyond the ends of a result, it is the quotient itself.
#[test]
fn a_plain_result_that_is_another_or_beyond_its_range() {
    let mut net = Net::new("row", &[(&[1, 5], 0)]);
    let mut whole = softmax(5, 0, vec![]);
    if let Operator::Softmax { requantise, .. } = &mut whole {
        requantise.function = Function::clamp(-128, 128);
    }
    let y = net.node(whole, &[0], &[1, 5], -128);
    let first = Operator::Slice { axis: 1, start: 0, step: 1 };
    let y = net.node(first, &[y], &[1, 1], -128);
    let honest = Honest::new(&net.finish(y), &[3, 40, -20, 40, 39]);
    let nodes = &honest.circuit.key().description().nodes;
    let plain = |node: &description::Node| {
        matches!(&node.operator, description::Operator::Requantise(made)
            if made.form == description::Form::Plain)
    };
    let result = nodes.iter().position(plain).expect("a plain result");
    for (step, caught) in [(1, &[END][..]), (-1, &[END]), (300, &[END, LIMB])] {
        honest.rejected(&honest.misled_at(result, 2, step), caught);
    }
}

/// A result that a function follows is looked up, even if the function keeps both ends.
#[test]
fn functions_of_results_are_looked_up() {
    let mut bent = softmax(5, 0, vec![]);
    if let Operator::Softmax { requantise, .. } = &mut bent {
        requantise.function = Function::clamp(-128, 128);
        requantise.function.values[40] = 7;
    }
    let mut net = Net::new("bent", &[(&[1, 5], 0)]);
    let y = net.node(bent, &[0], &[1, 5], -128);
    check(&net.finish(y));
}

#[test]
fn a_root_or_its_reciprocal_off_by_one_both_ways() {
    for centred in [true, false] {
        let mut net = Net::new("row", &[(&[1, 5], 0)]);
        let y = net.node(normalise(centred), &[0], &[1, 5], 3);
        let honest = Honest::new(&net.finish(y), &[3, 40, -20, 40, 39]);
        let root = honest.hint(|hint| matches!(hint, Hint::Root { .. }));
        let reciprocal = honest.hint(|hint| matches!(hint, Hint::Reciprocal { .. }));
        for node in [root, reciprocal] {
            for step in [-1, 1] {
                // Remainders to match, and those of the honest one.
                honest.rejected(&honest.misled(node, step), &[LIMB]);
                honest.rejected(&honest.beside(node, step), &[END]);
            }
        }
    }
}

/// What is squared, or multiplied with the reciprocal, is not the element.
#[test]
fn a_sum_of_squares_or_a_numerator_that_is_another() {
    for centred in [true, false] {
        let mut net = Net::new("row", &[(&[1, 5], 0)]);
        let y = net.node(normalise(centred), &[0], &[1, 5], 3);
        let honest = Honest::new(&net.finish(y), &[3, 40, -20, 40, 39]);
        let [squares, .., scaled] = honest.products()[..] else { panic!("four products") };
        assert_eq!(honest.products().len(), 4);
        for (element, step) in [(0, 1), (3, -7)] {
            honest.rejected(&honest.misled_at(squares, element, step), &[END]);
            honest.rejected(&honest.misled_at(scaled, element, step), &[END]);
        }
    }
}
