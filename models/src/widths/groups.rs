//! The values that may have more bits, and which of them are decided on together.

use crate::float::graph::{Graph, Node, Operator};
use crate::integer::graph::ValueId;
use crate::quantise::Quantised;

/// Values that have as many bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) values: Vec<ValueId>,
    /// Of all of them.
    pub(super) elements: usize,
}

/// The values of 8 bits, inputs and what nodes compute, in at most `most` groups: each by itself,
/// or with others that the same kind of node computes.
pub(super) fn of(graph: &Graph, quantised: &Quantised, most: usize) -> Vec<Group> {
    let ranges = quantised.graph.ranges();
    let narrow = |value: &ValueId| {
        let (low, high) = ranges[quantised.counterparts.of(*value)];
        high - low < 256
    };
    let inputs = graph.inputs.iter().enumerate();
    let inputs = inputs.filter(|(_, input)| input.grid.is_none()).map(|(value, _)| value);
    let nodes = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| !node.keeps_grid() && node.grid.is_none());
    // Rows are quantised without saturating, so the ranges of their results say nothing of bits.
    let rows = |node: &Node| {
        matches!(node.operator, Operator::Softmax { .. } | Operator::Normalise { .. })
    };
    let nodes = nodes.filter(|(index, node)| {
        rows(node) || node.operator.computes() && narrow(&graph.result(*index))
    });
    let nodes = nodes.map(|(index, _)| graph.result(index));
    let mut values: Vec<ValueId> = inputs.filter(narrow).chain(nodes).collect();
    let size = values.len().div_ceil(most.max(1)).max(1);
    if size > 1 {
        let kind = |value: &ValueId| {
            let node = graph.producer(*value).map(|index| &graph.nodes[index]);
            node.map(|node| (node.operator.name(), node.fused.is_some()))
        };
        values.sort_by_key(kind);
    }
    let group = |values: &[ValueId]| Group {
        values: values.to_vec(),
        elements: values.iter().map(|&value| graph.shape(value).iter().product::<usize>()).sum(),
    };
    values.chunks(size).map(group).collect()
}
