//! Activations into the operator before them, whose rescaling can apply them for nothing.

use crate::activation::Activation;
use crate::graph::{Graph, Operator};

/// Fuses every activation whose argument is rescaled and read by nothing else, directly or through views and MaxPool: a
/// function that never falls commutes with them, `max(f(a), f(b)) = f(max(a, b))`.
pub(super) fn fuse(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        let Operator::Activation(activation) = graph.nodes[index].operator else {
            continue;
        };
        if graph.nodes[index].grid.is_some() {
            // A condition is not rescaled.
            continue;
        }
        let Some(before) = graph.only_producer(index) else {
            continue;
        };
        let Some(target) = rescaling_before(graph, before, activation) else {
            continue;
        };
        let value = graph.nodes[index].value.clone();
        graph.nodes[target].fused = Some(activation);
        graph.nodes[before].value = value;
        graph.absorb(index, before);
    }
}

/// The node from `start` backwards that an activation of `start`'s value can move into.
fn rescaling_before(graph: &Graph, start: usize, activation: Activation) -> Option<usize> {
    let mut index = start;
    loop {
        let node = &graph.nodes[index];
        if node.operator.rescales() {
            return (node.fused.is_none() && node.grid.is_none()).then_some(index);
        }
        let transparent = node.operator.is_view() || matches!(node.operator, Operator::MaxPool { .. });
        if !transparent || !activation.never_falls() {
            return None;
        }
        index = graph.only_producer(index)?;
    }
}
