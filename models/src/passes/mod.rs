//! Rewrites of the float graph that leave its function as it is and make it cheaper to prove.
//!
//! A pass folds a node into the one before it by changing that one in place and redirecting the
//! readers; what is then dead is swept out at the end, so positions keep their meaning while passes
//! run.

mod activations;
mod fold;
mod grids;
mod normalisation;

use crate::graph::{Graph, Node, Operator};
use crate::quantised::ValueId;

/// Runs all passes: constants and normalisation into weights and biases, activations into what they
/// follow, and what is left of normalisation into depthwise convolutions; then grids into the
/// operators whose results are put on them.
pub(crate) fn simplify(graph: Graph) -> Graph {
    let mut folding = Rewriting::new(graph);
    fold::run(&mut folding);
    let mut rewriting = Rewriting::new(normalisation::lower(folding.finish()));
    activations::fuse(&mut rewriting);
    grids::settle(&mut rewriting);
    sweep(rewriting.finish())
}

/// A graph whose nodes give way to others while a pass goes through them from front to back. What
/// it takes is linear in the graph: readers of a value are counted, and learn that it has another
/// number when the pass reaches them.
struct Rewriting {
    graph: Graph,
    /// For each value, the one that is read in its place: itself at first.
    heirs: Vec<ValueId>,
    /// How often each value is read.
    readers: Vec<usize>,
    put_out: Vec<bool>,
}

impl Rewriting {
    fn new(graph: Graph) -> Self {
        let count = graph.inputs.len() + graph.nodes.len();
        let mut readers = vec![0; count];
        graph.nodes.iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
        let mut put_out = vec![false; count];
        graph.outputs.iter().for_each(|output| put_out[output.value] = true);
        Self { heirs: (0..count).collect(), graph, readers, put_out }
    }

    /// What is read in place of a value.
    fn heir(&mut self, value: ValueId) -> ValueId {
        let mut last = value;
        while self.heirs[last] != last {
            last = self.heirs[last];
        }
        // The next one who asks gets there at once.
        let mut next = value;
        while next != last {
            next = std::mem::replace(&mut self.heirs[next], last);
        }
        last
    }

    /// The node `index`, which reads what is in the graph by now. The pass comes to it for the
    /// first time.
    fn visit(&mut self, index: usize) -> &Node {
        for place in 0..self.graph.nodes[index].inputs.len() {
            let input = self.graph.nodes[index].inputs[place];
            self.graph.nodes[index].inputs[place] = self.heir(input);
        }
        &self.graph.nodes[index]
    }

    /// Takes node `index`, which reads the value of node `heir` alone, out of the graph: whoever
    /// read its value now reads that of `heir`.
    fn absorb(&mut self, index: usize, heir: usize) {
        let to = self.graph.result(heir);
        self.bypass(index, to);
    }

    /// Takes node `index` out of the graph: whoever read its value now reads the one that it reads.
    fn bypass(&mut self, index: usize, input: ValueId) {
        let from = self.graph.result(index);
        self.heirs[from] = input;
        self.readers[input] += std::mem::take(&mut self.readers[from]);
        self.put_out[input] |= std::mem::take(&mut self.put_out[from]);
        let node = &mut self.graph.nodes[index];
        // It stays until the sweep, but reads nothing.
        self.readers[input] -= node.inputs.len();
        node.inputs.clear();
        node.operator = Operator::Reshape;
        node.grid = None;
    }

    /// The node that computes the only input of node `index`, if nothing else reads it.
    fn only_producer(&self, index: usize) -> Option<usize> {
        let &[input] = self.graph.nodes[index].inputs.as_slice() else {
            return None;
        };
        let producer = self.graph.producer(input)?;
        (self.readers[input] == 1 && !self.put_out[input]).then_some(producer)
    }

    /// The graph, in which nothing reads a node that has given way.
    fn finish(mut self) -> Graph {
        (0..self.graph.nodes.len()).for_each(|index| _ = self.visit(index));
        for index in 0..self.graph.outputs.len() {
            let value = self.graph.outputs[index].value;
            self.graph.outputs[index].value = self.heir(value);
        }
        self.graph
    }
}

impl Graph {
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
