//! Nodes of which one operator is made.

use crate::float::graph::{Graph, Node, Operator};
use crate::integer::graph::ValueId;

/// Rows of a value as one operator: what it reads, through which views these are rows along the
/// last dimension, and the operator.
pub(super) struct Rows {
    pub(super) source: ValueId,
    /// The views, by the nodes that they are copies of; none if the source has the rows itself.
    pub(super) views: Vec<usize>,
    pub(super) operator: Operator,
}

/// The node that computes a value, if nothing is fused into it and it is on no grid.
pub(super) fn plain(graph: &Graph, value: ValueId) -> Option<&Node> {
    let node = &graph.nodes[graph.producer(value)?];
    (node.fused.is_none() && node.grid.is_none()).then_some(node)
}
