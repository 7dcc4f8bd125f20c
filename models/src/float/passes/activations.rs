//! Activations into the operator before them, whose rescaling can apply them for nothing.

use super::rewriting::Rewriting;
use crate::float::activation::Activation;
use crate::float::graph::Operator;

/// Fuses every activation whose argument is rescaled and read by nothing else, directly or through
/// views and MaxPool: a function that never falls commutes with that, `max(f(a), f(b)) = f(max(a,
/// b))`.
pub(super) fn fuse(rewriting: &mut Rewriting) {
    for index in 0..rewriting.graph.nodes.len() {
        let node = rewriting.visit(index);
        // A condition is not rescaled.
        let (Operator::Activation(activation), None) = (&node.operator, node.grid) else {
            continue;
        };
        let (activation, value) = (activation.clone(), node.value.clone());
        let Some(before) = rewriting.only_producer(index) else {
            continue;
        };
        let Some(target) = rescaling_before(rewriting, before, &activation) else {
            continue;
        };
        rewriting.graph.nodes[target].fused = Some(activation);
        rewriting.graph.nodes[before].value = value;
        rewriting.absorb(index, before);
    }
}

/// The node from `start` backwards that an activation of `start`'s value can move into.
fn rescaling_before(rewriting: &Rewriting, start: usize, activation: &Activation) -> Option<usize> {
    let mut index = start;
    loop {
        let node = &rewriting.graph.nodes[index];
        if node.operator.rescales() {
            return (node.fused.is_none() && node.grid.is_none()).then_some(index);
        }
        let pools = matches!(node.operator, Operator::MaxPool { .. }) && activation.never_falls();
        if !pools && !node.operator.is_view() {
            return None;
        }
        index = rewriting.only_producer(index)?;
    }
}
