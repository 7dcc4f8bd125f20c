//! Rewrites of the float graph that leave its function as it is and make it cheaper to prove.
//!
//! A pass folds a node into the one before it by changing that one in place and redirecting the readers; what is then dead
//! is swept out at the end, so positions keep their meaning while passes run.

mod activations;
mod fold;
mod grids;
mod normalisation;

use crate::graph::{Graph, Node, Operator};
use crate::quantised::ValueId;

/// Runs all passes: constants and normalisation into weights and biases, activations into what they follow, and what is
/// left of normalisation into depthwise convolutions; then grids into the operators whose results are put on them.
pub(crate) fn simplify(mut graph: Graph) -> Graph {
    fold::run(&mut graph);
    let mut graph = normalisation::lower(graph);
    activations::fuse(&mut graph);
    grids::settle(&mut graph);
    sweep(graph)
}

impl Graph {
    /// Makes every reader of `from`, outputs included, read `to`.
    fn redirect(&mut self, from: ValueId, to: ValueId) {
        let read = self.nodes.iter_mut().flat_map(|node| node.inputs.iter_mut());
        let put_out = self.outputs.iter_mut().map(|output| &mut output.value);
        for value in read.chain(put_out) {
            if *value == from {
                *value = to;
            }
        }
    }

    /// Takes node `index` out of the graph: whoever read its value now reads that of node `heir`.
    fn absorb(&mut self, index: usize, heir: usize) {
        let (from, to) = (self.result(index), self.result(heir));
        self.redirect(from, to);
        self.retire(index);
    }

    /// A node that nobody reads any more. It stays until the sweep, but must not count as a reader.
    fn retire(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.inputs.clear();
        node.operator = Operator::Reshape;
        node.grid = None;
    }

    /// Takes node `index` out of the graph: whoever read its value now reads its input.
    fn bypass(&mut self, index: usize, input: ValueId) {
        let from = self.result(index);
        self.redirect(from, input);
        self.retire(index);
    }

    /// The node that computes the only input of node `index`, if nothing else reads it.
    fn only_producer(&self, index: usize) -> Option<usize> {
        let &[input] = self.nodes[index].inputs.as_slice() else {
            return None;
        };
        let producer = self.producer(input)?;
        let read = self.nodes.iter().flat_map(|node| &node.inputs);
        let readers = read.filter(|&&value| value == input).count();
        (readers == 1 && !self.is_output(input)).then_some(producer)
    }

    /// The value that node `index` computes.
    fn result(&self, index: usize) -> ValueId {
        self.inputs.len() + index
    }
}

/// Appends nodes to a graph while renumbering the values they read.
struct Rebuild {
    graph: Graph,
    renumbered: Vec<Option<ValueId>>,
}

impl Rebuild {
    /// An empty graph with the inputs of `source`.
    fn new(source: &Graph) -> Self {
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
    fn number(&self, value: ValueId) -> ValueId {
        self.renumbered[value].unwrap_or(value)
    }

    /// Appends a node that reads new numbers.
    fn push(&mut self, node: Node) -> ValueId {
        self.graph.nodes.push(node);
        self.graph.result(self.graph.nodes.len() - 1)
    }

    /// Appends the next node of the source; it reads old numbers.
    fn keep(&mut self, mut node: Node) {
        for input in &mut node.inputs {
            *input = self.number(*input);
        }
        let value = self.push(node);
        self.renumbered.push(Some(value));
    }

    fn finish(mut self, source: Graph) -> Graph {
        self.graph.outputs = source.outputs;
        for index in 0..self.graph.outputs.len() {
            self.graph.outputs[index].value = self.number(self.graph.outputs[index].value);
        }
        self.graph
    }
}

/// Removes the nodes that no output depends on.
fn sweep(mut graph: Graph) -> Graph {
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
    for (index, node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        if needed[inputs + index] {
            rebuild.keep(node);
        } else {
            rebuild.renumbered.push(None);
        }
    }
    rebuild.finish(graph)
}
