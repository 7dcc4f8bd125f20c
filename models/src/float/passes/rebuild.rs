//! Graphs that are written anew, without some of their nodes or with more of them.

use crate::float::graph::{Graph, Node};
use crate::integer::graph::ValueId;

/// Appends nodes to a graph while renumbering the values they read.
pub(super) struct Rebuild {
    pub(super) graph: Graph,
    pub(super) renumbered: Vec<Option<ValueId>>,
}

impl Rebuild {
    /// An empty graph with the inputs of `source`.
    pub(super) fn new(source: &Graph) -> Self {
        Self {
            graph: Graph {
                name: source.name.clone(),
                inputs: source.inputs.clone(),
                nodes: Vec::new(),
                outputs: Vec::new(),
            },
            renumbered: (0..source.inputs.len()).map(Some).collect(),
        }
    }

    /// The new number of a value that was kept.
    pub(super) fn number(&self, value: ValueId) -> ValueId {
        self.renumbered[value].unwrap_or(value)
    }

    /// Appends a node that reads new numbers.
    pub(super) fn push(&mut self, node: Node) -> ValueId {
        self.graph.nodes.push(node);
        self.graph.result(self.graph.nodes.len() - 1)
    }

    /// Appends the next node of the source; it reads old numbers.
    pub(super) fn keep(&mut self, mut node: Node) {
        for input in &mut node.inputs {
            *input = self.number(*input);
        }
        let value = self.push(node);
        self.renumbered.push(Some(value));
    }

    pub(super) fn finish(mut self, source: Graph) -> Graph {
        self.graph.outputs = source.outputs;
        for index in 0..self.graph.outputs.len() {
            self.graph.outputs[index].value = self.number(self.graph.outputs[index].value);
        }
        self.graph
    }
}

/// Removes the nodes and inputs that no output depends on.
pub(crate) fn sweep(mut graph: Graph) -> Graph {
    let inputs = graph.inputs.len();
    let mut needed = vec![false; inputs + graph.nodes.len()];
    for output in &graph.outputs {
        needed[output.value] = true;
    }
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if needed[inputs + index] {
            for &input in &node.inputs {
                needed[input] = true;
            }
        }
    }
    let mut rebuild = Rebuild::new(&graph);
    let mut read = needed.iter();
    rebuild.graph.inputs.retain(|_| read.next().is_some_and(|&needed| needed));
    let mut kept = 0;
    for (number, &needed) in rebuild.renumbered.iter_mut().zip(&needed) {
        *number = needed.then_some(kept);
        kept += usize::from(needed);
    }
    for (index, node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        if needed[inputs + index] {
            rebuild.keep(node);
        } else {
            rebuild.renumbered.push(None);
        }
    }
    rebuild.finish(graph)
}
