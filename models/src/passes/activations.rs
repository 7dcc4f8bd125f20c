//! Activations into the operator before them, whose rescaling can apply them for nothing.

use crate::graph::{Fused, Graph, Operator};

/// Fuses every activation whose argument is rescaled and read by nothing else.
pub(super) fn fuse(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        let Operator::Activation(activation) = graph.nodes[index].operator else {
            continue;
        };
        let Some(producer) = graph.only_producer(index) else {
            continue;
        };
        // A view between the two changes nothing about the elements, but the view would then have to move behind the
        // activation; it is rare enough to leave alone.
        if !graph.nodes[producer].operator.rescales() || graph.nodes[producer].fused.is_some() {
            continue;
        }
        let value = graph.nodes[index].value.clone();
        let node = &mut graph.nodes[producer];
        let argument = std::mem::replace(&mut node.value, value);
        node.fused = Some(Fused {
            activation,
            argument,
        });
        let (from, to) = (graph.result(index), graph.result(producer));
        graph.redirect(from, to);
    }
}
