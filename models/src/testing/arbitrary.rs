//! Strategies for small quantised graphs and inputs to them.
//!
//! A graph is grown from a list of [`Step`]s, each of which adds a node to what is there if its operator fits, so that shrinking
//! the list shrinks the graph. All operators occur, raw accumulators, arbitrary tables and weights at their limits among them; values
//! that nothing reads become outputs, so nothing computed goes unseen.

mod operators;

use ndarray::ArrayD;
use proptest::prelude::*;

use super::random::Random;
use crate::layout::from_elements;
use crate::quantised::{Graph, Input, Node, Operator, Output, Quantisation, ValueId};
use crate::rounding::{INT8_MAX, INT8_MIN};

/// Number of operators that a [`Step`] can name.
pub const OPERATORS: usize = 19;

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

/// A graph of up to six nodes and int8 inputs to it.
pub fn arb_case() -> impl Strategy<Value = (Graph, Vec<ArrayD<i64>>)> {
    arb_graph().prop_flat_map(|graph| {
        let inputs = arb_inputs(&graph);
        (Just(graph), inputs)
    })
}

/// A graph of up to six nodes.
pub fn arb_graph() -> impl Strategy<Value = Graph> {
    let step =
        (0..OPERATORS, 0usize..8, any::<u64>()).prop_map(|(operator, source, seed)| Step { operator, source, seed });
    let shape = prop_oneof![
        (1usize..=3, 1usize..=5, 1usize..=5).prop_map(|(c, h, w)| vec![1, c, h, w]),
        (1usize..=3, 1usize..=6).prop_map(|(c, l)| vec![1, c, l]),
        (1usize..=8).prop_map(|t| vec![1, t]),
    ];
    let zero_point = INT8_MIN..=INT8_MAX;
    (shape, zero_point, prop::collection::vec(step, 1..=6))
        .prop_map(|(shape, zero_point, steps)| grow(shape, zero_point, &steps))
}

/// Inputs to a graph: limits, zero points and anything between.
pub fn arb_inputs(graph: &Graph) -> impl Strategy<Value = Vec<ArrayD<i64>>> + use<> {
    let tensors = graph.inputs.iter().map(|input| {
        let element = prop_oneof![
            1 => Just(INT8_MIN),
            1 => Just(INT8_MAX),
            1 => Just(input.quantisation.zero_point),
            3 => INT8_MIN..=INT8_MAX,
        ];
        let shape = input.shape.clone();
        let count = shape.iter().product::<usize>();
        prop::collection::vec(element, count).prop_map(move |elements| from_elements(&shape, elements))
    });
    tensors.collect::<Vec<_>>()
}

/// The graph that steps grow from one input.
///
/// # Panics
/// If the result is not valid, which is a defect of this module or of validation.
pub fn grow(shape: Vec<usize>, zero_point: i64, steps: &[Step]) -> Graph {
    let mut graph = Graph {
        name: "arbitrary".into(),
        inputs: vec![Input {
            name: "x".into(),
            shape,
            quantisation: Quantisation { scale: 0.1, zero_point },
            minimum: INT8_MIN,
            maximum: INT8_MAX,
        }],
        nodes: Vec::new(),
        outputs: Vec::new(),
    };
    for step in steps {
        let mut random = Random::new(step.seed);
        let source = step.source % (1 + graph.nodes.len());
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
    for value in 0..=graph.nodes.len() {
        if !graph.nodes.iter().any(|node| node.inputs.contains(&value)) {
            graph.outputs.push(Output { name: format!("y{value}"), value });
        }
    }
}

/// What may be computed from a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int8,
    Accumulator,
    Index,
}

fn kind(graph: &Graph, value: ValueId) -> Kind {
    let Some(node) = value.checked_sub(graph.inputs.len()) else {
        return Kind::Int8;
    };
    let Node { operator, inputs, .. } = &graph.nodes[node];
    match operator {
        Operator::Convolution { requantise: None, .. } | Operator::Linear { requantise: None, .. } => Kind::Accumulator,
        Operator::ArgMax { .. } => Kind::Index,
        Operator::Reshape | Operator::Transpose { .. } | Operator::Slice { .. } => kind(graph, inputs[0]),
        _ => Kind::Int8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn cases_run((graph, inputs) in arb_case()) {
            let values = crate::interpreter::run_all(&graph, &inputs).unwrap();
            for (id, value) in values.iter().enumerate() {
                prop_assert_eq!(value.shape(), graph.shape(id));
                if kind(&graph, id) == Kind::Int8 {
                    prop_assert!(value.iter().all(|x| (INT8_MIN..=INT8_MAX).contains(x)));
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
                let shape = [vec![1, 2, 4, 3], vec![1, 2, 5], vec![1, 6]][seed as usize % 3].clone();
                let last = OPERATORS - 1;
                let steps = [step(operator, 0), step((operator + 1) % OPERATORS, 1), step(last, 0), step(last, 0)];
                let graph = grow(shape, 3, &steps);
                seen.extend(graph.nodes.iter().map(|node| node.operator.name()));
            }
        }
        assert_eq!(seen.len(), OPERATORS, "{seen:?}");
    }
}
