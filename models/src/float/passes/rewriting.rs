//! Passes that go through a graph once and change it in place.

use crate::float::graph::{Graph, Node, Operator};
use crate::integer::graph::ValueId;

/// A graph whose nodes give way to others while a pass goes through them from front to back. What
/// it takes is linear in the graph: readers of a value are counted, and learn that it has another
/// number when the pass reaches them.
pub(super) struct Rewriting {
    pub(super) graph: Graph,
    /// For each value, the one that is read in its place: itself at first.
    heirs: Vec<ValueId>,
    /// How often each value is read.
    readers: Vec<usize>,
    pub(super) put_out: Vec<bool>,
}

impl Rewriting {
    pub(super) fn new(graph: Graph) -> Self {
        let count = graph.inputs.len() + graph.nodes.len();
        let mut readers = vec![0; count];
        graph.nodes.iter().flat_map(|node| &node.inputs).for_each(|&input| readers[input] += 1);
        let mut put_out = vec![false; count];
        graph.outputs.iter().for_each(|output| put_out[output.value] = true);
        Self { heirs: (0..count).collect(), graph, readers, put_out }
    }

    /// What is read in place of a value.
    pub(super) fn heir(&mut self, value: ValueId) -> ValueId {
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
    pub(super) fn visit(&mut self, index: usize) -> &Node {
        for place in 0..self.graph.nodes[index].inputs.len() {
            let input = self.graph.nodes[index].inputs[place];
            self.graph.nodes[index].inputs[place] = self.heir(input);
        }
        &self.graph.nodes[index]
    }

    /// Takes node `index`, which reads the value of node `heir` alone, out of the graph: whoever
    /// read its value now reads that of `heir`.
    pub(super) fn absorb(&mut self, index: usize, heir: usize) {
        let to = self.graph.result(heir);
        self.bypass(index, to);
    }

    /// Takes node `index` out of the graph: whoever read its value now reads the one that it reads.
    pub(super) fn bypass(&mut self, index: usize, input: ValueId) {
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

    /// Makes node `index`, which reads one value, read another.
    pub(super) fn read_instead(&mut self, index: usize, value: ValueId) {
        for input in std::mem::replace(&mut self.graph.nodes[index].inputs, vec![value]) {
            self.readers[input] -= 1;
        }
        self.readers[value] += 1;
    }

    /// The node that computes the only input of node `index`, if nothing else reads it.
    pub(super) fn only_producer(&self, index: usize) -> Option<usize> {
        let &[input] = self.graph.nodes[index].inputs.as_slice() else {
            return None;
        };
        let producer = self.graph.producer(input)?;
        (self.readers[input] == 1 && !self.put_out[input]).then_some(producer)
    }

    /// Whether one node reads the value of node `index`, and nothing else.
    pub(super) fn read_once(&self, index: usize) -> bool {
        let value = self.graph.result(index);
        self.readers[value] == 1 && !self.put_out[value]
    }

    /// The graph, in which nothing reads a node that has given way.
    pub(super) fn finish(mut self) -> Graph {
        (0..self.graph.nodes.len()).for_each(|index| _ = self.visit(index));
        for index in 0..self.graph.outputs.len() {
            let value = self.graph.outputs[index].value;
            self.graph.outputs[index].value = self.heir(value);
        }
        self.graph
    }
}
