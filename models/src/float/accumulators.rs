//! Which accumulators stay as they are: what is put out, and what an Add adds up.

use super::graph::{Graph, Node, Operator};
use super::layer::Layer;
use super::scales::{carried, joined};
use crate::integer::graph::{Parts, Quantisation, ValueId};

/// Nodes that are looked at behind a Concat: paths that part and meet again double at each step.
const STEPS: usize = 1 << 12;

/// What becomes of the sums of a Conv, Gemm or MatMul, of an Add or AveragePool, and of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sums {
    /// They are rescaled to an activation, as are all other values.
    Rescaled,
    /// They are outputs.
    PutOut,
    /// They are added to others by this node, and only the result is rescaled: one rounding, and
    /// one set of cells, for a residual's convolution and its addition.
    Added(usize),
    /// A softmax reads them, which drops their last bits.
    Scores,
    /// Sums and normalisations alone read them: a residual stream of more than 8 bits.
    Stream,
}

/// For each value, what becomes of it.
pub(crate) fn sums(graph: &Graph, consumers: &[Vec<usize>]) -> Vec<Sums> {
    let put_out = put_out(graph, consumers);
    // Through views that move nothing.
    let added = |value: ValueId| {
        let node = &graph.nodes[graph.producer(value).filter(|_| !put_out[value])?];
        let mut moved = value;
        loop {
            let [reader] = consumers[moved][..] else { return None };
            if graph.is_output(moved) {
                return None;
            }
            if matches!(graph.nodes[reader].operator, Operator::Add { .. }) {
                let fits = !has_positions(node) || graph.shape(moved).last() == node.shape.last();
                return (fits && accumulates(node) && adds(node, &graph.nodes[reader]))
                    .then_some(reader);
            }
            if !graph.keeps_order(reader) {
                return None;
            }
            moved = graph.result(reader);
        }
    };
    // An Add reads accumulators channels first or last, and not both.
    let last = |add: usize| {
        let turned = |&value: &ValueId| {
            let source = graph.source(value);
            let index = graph.producer(source).filter(|_| added(source).is_some());
            index.is_some_and(|index| has_positions(&graph.nodes[index]))
        };
        graph.nodes[add].inputs.iter().any(turned)
    };
    let sums = |value: ValueId| {
        let Some(index) = graph.producer(value).filter(|&index| accumulates(&graph.nodes[index]))
        else {
            return Sums::Rescaled;
        };
        if put_out[value] {
            return Sums::PutOut;
        }
        if let Some(add) = added(value)
            && (!matches!(graph.nodes[index].operator, Operator::Conv { .. }) || !last(add))
        {
            return Sums::Added(add);
        }
        match consumers[value][..] {
            [reader] if !graph.is_output(value) && is_scores(graph, index, reader) => Sums::Scores,
            _ => Sums::Rescaled,
        }
    };
    (0..consumers.len()).map(sums).collect()
}

/// Whether a node multiplies matrices whose product a softmax reads.
fn is_scores(graph: &Graph, index: usize, reader: usize) -> bool {
    matches!(graph.nodes[index].operator, Operator::MatMul { .. })
        && matches!(graph.nodes[reader].operator, Operator::Softmax { .. })
}

/// Whether a node's result is a sum or a product that nothing follows yet.
fn accumulates(node: &Node) -> bool {
    node.operator.accumulates() && node.fused.is_none() && node.grid.is_none()
}

/// Whether a node is a Gemm of several positions, whose sums stand features first in a circuit.
fn has_positions(node: &Node) -> bool {
    match &node.operator {
        Operator::Gemm { layer } => node.shape.iter().product::<usize>() != layer.channels(),
        _ => false,
    }
}

/// What stands between a value and the graph outputs that depend on it, besides views and an ArgMax
/// at the end.
#[derive(Clone, Copy, Debug, Default)]
struct Between {
    /// A Concat whose parts may keep scales of their own.
    concat: bool,
    /// Anything else, so that not only outputs depend on it.
    other: bool,
}

impl Between {
    const OTHER: Self = Self { concat: false, other: true };

    fn or(self, other: Self) -> Self {
        Self { concat: self.concat || other.concat, other: self.other || other.other }
    }
}

/// Values that only graph outputs depend on, directly, through views, through an ArgMax that
/// nothing else reads, or through a Concat whose parts keep scales of their own. Rescaling them to
/// int8 would lose precision and save nothing.
fn put_out(graph: &Graph, consumers: &[Vec<usize>]) -> Vec<bool> {
    // From back to front.
    let mut between = vec![Between::default(); consumers.len()];
    let mut joins = vec![false; graph.nodes.len()];
    for value in (0..consumers.len()).rev() {
        let behind = |&index: &usize| {
            let (node, result) = (&graph.nodes[index], graph.result(index));
            match &node.operator {
                operator if operator.is_view() => between[result],
                Operator::ArgMax { .. } if consumers[result].is_empty() => Between::default(),
                Operator::Concat { .. } if joins[index] => Between { concat: true, other: false },
                _ => Between::OTHER,
            }
        };
        between[value] = consumers[value].iter().map(behind).fold(Between::default(), Between::or);
        if let Some(index) = graph.producer(value)
            && let Operator::Concat { axis } = graph.nodes[index].operator
        {
            joins[index] = !between[value].other && can_join(graph, consumers, index, axis);
        }
    }
    let raw = |(value, between): (ValueId, &Between)| {
        let node = graph.producer(value).map(|index| &graph.nodes[index].operator);
        // Parts of a Concat are brought to one scale by a layer, which reads no sum as it is: only
        // layers' own sums take that chance.
        !between.other && (!between.concat || node.is_some_and(Operator::is_layer))
    };
    between.iter().enumerate().map(raw).collect()
}

/// Whether the parts of a Concat that outputs alone depend on may keep scales of their own: these
/// can be told at every output.
fn can_join(graph: &Graph, consumers: &[Vec<usize>], index: usize, axis: usize) -> bool {
    let value = graph.result(index);
    // Any scales that differ will do to see whether scales that differ can be told.
    let each = (0..graph.shape(value)[axis] as i64)
        .map(|index| Quantisation { scale: 1.0, zero_point: index });
    let parts = Parts { axis, each: each.collect() };
    let free = graph.nodes[index].grid.is_none();
    free && reaches_outputs(graph, consumers, value, &parts, &mut { STEPS })
}

/// Whether a node adds up what `layer` sums or multiplies, and rounds as we like.
fn adds(layer: &Node, add: &Node) -> bool {
    let real = matches!(
        &layer.operator,
        Operator::Conv { layer: Layer::Real { .. }, .. }
            | Operator::Gemm { layer: Layer::Real { .. } }
            | Operator::Product
    );
    real && add.grid.is_none()
}

/// Whether scales by index of a value that only views and Concat read can be told at every output.
fn reaches_outputs(
    graph: &Graph,
    consumers: &[Vec<usize>],
    value: ValueId,
    parts: &Parts,
    steps: &mut usize,
) -> bool {
    consumers[value].iter().all(|&index| {
        if *steps == 0 {
            return false;
        }
        *steps -= 1;
        let node = &graph.nodes[index];
        let result = match node.operator {
            Operator::Concat { axis } => {
                let one = Quantisation { scale: 1.0, zero_point: -1 };
                let operands = node
                    .inputs
                    .iter()
                    .map(|&input| (one, (input == value).then_some(parts), graph.shape(input)));
                joined(axis, operands)
            }
            _ => carried(&node.operator, parts, 0, graph.shape(value), &node.shape),
        };
        let value = graph.result(index);
        result.is_some_and(|parts| reaches_outputs(graph, consumers, value, &parts, steps))
    })
}
