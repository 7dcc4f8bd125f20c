//! Strategies for small quantised graphs and inputs to them.
//!
//! A graph is grown from a list of [`Step`]s, each of which adds a node to what is there if its
//! operator fits, so that shrinking the list shrinks the graph. All operators occur, raw
//! accumulators, arbitrary tables and weights at their limits among them; inputs of 8 and 16 bits,
//! signed or not, and of one integer only; values that nothing reads become outputs, so nothing
//! computed goes unseen.

mod operators;
mod rows;
mod values;

use ndarray::ArrayD;
use proptest::prelude::*;

use super::random::Random;
use crate::integer::graph::{Graph, Input, Output, Quantisation};
use crate::integer::rounding::{ACTIVATION_MAX, ACTIVATION_MIN, INT8_MAX, INT8_MIN};
use crate::tensor::moves::from_elements;

/// Number of operators that a [`Step`] can name.
pub const OPERATORS: usize = 23;

/// One node to be.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which operator, below [`OPERATORS`].
    pub operator: usize,
    /// Which value to read, modulo those there are.
    pub source: usize,
    /// Seed of everything else.
    pub seed: u64,
}

/// A graph of up to six nodes and inputs to it.
pub fn arb_case() -> impl Strategy<Value = (Graph, Vec<ArrayD<i64>>)> {
    arb_graph().prop_flat_map(|graph| {
        let inputs = arb_inputs(&graph);
        (Just(graph), inputs)
    })
}

/// A graph of one or two inputs and up to six nodes.
pub fn arb_graph() -> impl Strategy<Value = Graph> {
    // Contractions, which have the most to get wrong, more often than the others.
    let operator = prop_oneof![1 => 0..2usize, 3 => 0..OPERATORS];
    let step = (operator, 0usize..8, any::<u64>()).prop_map(|(operator, source, seed)| Step {
        operator,
        source,
        seed,
    });
    let shape = prop_oneof![
        (1usize..=3, 1usize..=5, 1usize..=5).prop_map(|(c, h, w)| vec![1, c, h, w]),
        (1usize..=3, 1usize..=6).prop_map(|(c, l)| vec![1, c, l]),
        (1usize..=8).prop_map(|t| vec![1, t]),
    ];
    // The first input's range and zero point, and the second's, if there is one.
    let inputs = (arb_range(), prop::option::of(arb_range()));
    (shape, inputs, prop::collection::vec(step, 1..=6)).prop_map(
        |(shape, (first, second), steps)| {
            let ranges = std::iter::once(first).chain(second);
            let inputs = ranges.zip(["x", "y"]).map(|(range, name)| input(name, &shape, range));
            grow(inputs.collect(), &steps)
        },
    )
}

/// The integers that an input can be, and its zero point among them: mostly int8, or else 16 bits
/// or 8, signed or not, 0 or 1, or one integer.
fn arb_range() -> impl Strategy<Value = ([i64; 2], i64)> {
    let range = prop_oneof![
        6 => Just([INT8_MIN, INT8_MAX]),
        1 => Just([-(1 << 15), (1 << 15) - 1]),
        1 => Just([0, (1 << 16) - 1]),
        1 => Just([0, 255]),
        1 => Just([0, 1]),
        1 => (ACTIVATION_MIN..=ACTIVATION_MAX).prop_map(|only| [only, only]),
    ];
    range.prop_flat_map(|range| (Just(range), range[0]..=range[1]))
}

/// An input of some range and zero point.
pub fn input(
    name: &str,
    shape: &[usize],
    ([minimum, maximum], zero_point): ([i64; 2], i64),
) -> Input {
    let quantisation = Quantisation { scale: 0.1, zero_point };
    Input { name: name.into(), shape: shape.to_vec(), quantisation, minimum, maximum }
}

/// Inputs to a graph: limits, zero points and anything between.
pub fn arb_inputs(graph: &Graph) -> impl Strategy<Value = Vec<ArrayD<i64>>> + use<> {
    let tensors = graph.inputs.iter().map(|input| {
        let element = prop_oneof![
            1 => Just(input.minimum),
            1 => Just(input.maximum),
            1 => Just(input.quantisation.zero_point),
            3 => input.minimum..=input.maximum,
        ];
        let shape = input.shape.clone();
        let count = shape.iter().product::<usize>();
        prop::collection::vec(element, count)
            .prop_map(move |elements| from_elements(&shape, elements))
    });
    tensors.collect::<Vec<_>>()
}

/// The graph that steps grow from its inputs.
///
/// # Panics
/// If the result is not valid, which is a defect of this module or of validation.
pub fn grow(inputs: Vec<Input>, steps: &[Step]) -> Graph {
    let mut graph = Graph {
        name: "arbitrary".into(),
        inputs,
        nodes: Vec::new(),
        outputs: Vec::new(),
        parts: Default::default(),
    };
    for step in steps {
        let mut random = Random::new(step.seed);
        let source = step.source % (graph.inputs.len() + graph.nodes.len());
        if let Some(node) = operators::node(&graph, source, step.operator, &mut random) {
            graph.nodes.push(node);
        }
    }
    put_out_unread(&mut graph);
    if let Err(error) = graph.validate() {
        panic!("{error}\n{graph:#?}");
    }
    graph
}

fn put_out_unread(graph: &mut Graph) {
    for value in 0..graph.inputs.len() + graph.nodes.len() {
        if !graph.nodes.iter().any(|node| node.inputs.contains(&value)) {
            graph.outputs.push(Output { name: format!("y{value}"), value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::values::{Kind, kind, range};
    use super::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn cases_run((graph, inputs) in arb_case()) {
            let values = crate::integer::interpreter::run_all(&graph, &inputs).unwrap();
            for (id, value) in values.iter().enumerate() {
                prop_assert_eq!(value.shape(), graph.shape(id));
                if kind(&graph, id) == Kind::Activation {
                    let [minimum, maximum] = range(&graph, id);
                    prop_assert!(value.iter().all(|x| (minimum..=maximum).contains(x)));
                }
            }
        }
    }

    #[test]
    fn every_operator_occurs() {
        let mut seen = BTreeSet::new();
        for seed in 0..400u64 {
            for operator in 0..OPERATORS {
                let step = |operator, source| Step { operator, source, seed };
                let shapes = [vec![1, 2, 4, 3], vec![1, 2, 5], vec![1, 6], vec![1, 2, 3, 3]];
                let shape = shapes[seed as usize % 4].clone();
                let last = OPERATORS - 1;
                let steps = [
                    step(operator, 0),
                    step((operator + 1) % OPERATORS, 1),
                    step(last, 0),
                    step(last, 0),
                ];
                let graph = grow(vec![input("x", &shape, ([INT8_MIN, INT8_MAX], 3))], &steps);
                seen.extend(graph.nodes.iter().map(|node| node.operator.name()));
            }
        }
        assert_eq!(seen.len(), OPERATORS, "{seen:?}");
    }
}
