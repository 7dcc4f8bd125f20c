//! Which accumulators stay as they are: what is put out, and what an Add adds up.

use super::graph::{Graph, Node, Operator};
use super::layer::Layer;
use crate::integer::graph::ValueId;

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
            _ => Sums::Rescaled,
        }
    };
    (0..consumers.len()).map(sums).collect()
}

/// Whether a node's result is a sum of products that nothing follows yet.
fn accumulates(node: &Node) -> bool {
    let linear = matches!(
        node.operator,
        Operator::Conv { .. } | Operator::Gemm { .. } | Operator::MatMul { .. }
    );
    linear && node.fused.is_none() && node.grid.is_none()
}

/// Values that only graph outputs depend on, directly, through views or through an ArgMax that
/// nothing else reads. Rescaling them to int8 would lose precision and save nothing.
fn put_out(graph: &Graph, consumers: &[Vec<usize>]) -> Vec<bool> {
    // From back to front: whether everything that reads the value leads to outputs through views or
    // ArgMax only.
    let mut last = vec![false; consumers.len()];
    for value in (0..consumers.len()).rev() {
        last[value] = consumers[value].iter().all(|&index| {
            let (node, result) = (&graph.nodes[index], graph.result(index));
            let through = node.operator.is_view() && last[result];
            let ends = matches!(node.operator, Operator::ArgMax { .. });
            through || (ends && consumers[result].is_empty())
        });
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
