//! Which accumulators stay as they are: what is put out, and what an Add adds up.

use super::graph::{Graph, Node, Operator};
use super::layer::Layer;
use super::scales::{carried, joined};
use crate::integer::graph::{Parts, Quantisation, ValueId};

/// Nodes that are looked at behind a Concat: paths that part and meet again double at each step.
const STEPS: usize = 1 << 12;

/// What becomes of the sums of a Conv, Gemm or MatMul.
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
}

/// For each value, what becomes of it.
pub(crate) fn sums(graph: &Graph, consumers: &[Vec<usize>]) -> Vec<Sums> {
    let put_out = put_out(graph, consumers);
    let sums = |value: ValueId| {
        let Some(index) = graph.producer(value).filter(|&index| accumulates(&graph.nodes[index]))
        else {
            return Sums::Rescaled;
        };
        if put_out[value] {
            return Sums::PutOut;
        }
        match consumers[value][..] {
            [add] if !graph.is_output(value) && adds(graph, &graph.nodes[index], add) => {
                Sums::Added(add)
            }
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

/// Whether a node's result is a sum of products that nothing follows yet.
fn accumulates(node: &Node) -> bool {
    let linear = matches!(
        node.operator,
        Operator::Conv { .. } | Operator::Gemm { .. } | Operator::MatMul { .. }
    );
    linear && node.fused.is_none() && node.grid.is_none()
}

/// Values that only graph outputs depend on, directly, through views, through an ArgMax that
/// nothing else reads, or through a Concat whose parts keep scales of their own. Rescaling them to
/// int8 would lose precision and save nothing.
fn put_out(graph: &Graph, consumers: &[Vec<usize>]) -> Vec<bool> {
    // From back to front: whether everything that reads the value leads to outputs through views or
    // ArgMax only, and whether without ArgMax, which compares integers of one scale.
    let mut last = vec![false; consumers.len()];
    let mut shown = vec![false; consumers.len()];
    let mut joins = vec![false; graph.nodes.len()];
    for value in (0..consumers.len()).rev() {
        let through = |index: usize, ends: &[bool]| {
            let node = &graph.nodes[index];
            let joins = matches!(node.operator, Operator::Concat { .. }) && joins[index];
            node.operator.is_view() && ends[graph.result(index)] || joins
        };
        shown[value] = consumers[value].iter().all(|&index| through(index, &shown));
        last[value] = consumers[value].iter().all(|&index| {
            let ends = matches!(graph.nodes[index].operator, Operator::ArgMax { .. });
            through(index, &last) || (ends && consumers[graph.result(index)].is_empty())
        });
        if let Some(index) = graph.producer(value)
            && let Operator::Concat { axis } = graph.nodes[index].operator
        {
            // Any scales that differ will do to see whether scales that differ can be told.
            let each = (0..graph.shape(value)[axis] as i64)
                .map(|index| Quantisation { scale: 1.0, zero_point: index });
            let parts = Parts { axis, each: each.collect() };
            joins[index] = graph.nodes[index].grid.is_none()
                && shown[value]
                && reaches_outputs(graph, consumers, value, &parts, &mut { STEPS });
        }
    }
    last
}

/// Whether a node adds up what `layer` sums, and rounds as we like. Where a Gemm has more than one
/// position its sums are transposed before anything reads them, and stay with it.
fn adds(graph: &Graph, layer: &Node, add: usize) -> bool {
    let add = &graph.nodes[add];
    let real = match &layer.operator {
        Operator::Conv { layer: Layer::Real { .. }, .. } => true,
        Operator::Gemm { layer: Layer::Real { bias, .. } } => {
            layer.shape.iter().product::<usize>() == bias.len()
        }
        _ => false,
    };
    real && matches!(add.operator, Operator::Add { .. }) && add.grid.is_none()
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
