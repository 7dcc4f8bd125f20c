//! What a network that generates is made of.

use super::options::ids_axis;
use crate::integer::graph::{Graph, Input, Node, Operator};

/// A network that generates, by what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Generator<'g> {
    pub(super) graph: &'g Graph,
    /// Index of the input of ids, and the dimension along which they stand.
    pub(super) ids: usize,
    pub(super) axis: usize,
    /// The last node: the next ids.
    greedy: &'g Node,
    padding: i64,
}

impl Graph {
    /// What generates here, if the network does.
    pub fn generator(&self) -> Option<Generator<'_>> {
        let [output] = self.outputs.as_slice() else { return None };
        let greedy = self.nodes.get(output.value.checked_sub(self.inputs.len())?)?;
        let Operator::Greedy { padding, .. } = greedy.operator else { return None };
        let [.., ids, _, _] = greedy.inputs[..] else { return None };
        let axis = ids_axis(self.inputs.get(ids)?)?;
        Some(Generator { graph: self, ids, axis, greedy, padding })
    }
}

impl<'g> Generator<'g> {
    /// The network.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// Most ids of a prompt.
    pub fn most_of_prompt(&self) -> usize {
        let [.., prompt, _] = self.greedy.inputs[..] else { return 0 };
        let maximum = self.graph.inputs.get(prompt).map_or(0, |input| input.maximum);
        usize::try_from(maximum).unwrap_or(0)
    }

    /// Most ids of prompt and answer together.
    pub fn length(&self) -> usize {
        self.input().shape[self.axis]
    }

    /// Most ids of an answer.
    pub fn tokens(&self) -> usize {
        self.greedy.shape.iter().product()
    }

    /// The input of ids.
    pub fn input(&self) -> &Input {
        &self.graph.inputs[self.ids]
    }

    /// The id that stands behind an answer.
    pub fn padding(&self) -> i64 {
        self.padding
    }

    /// Whether proofs hide the ids.
    pub fn hides(&self) -> bool {
        matches!(self.greedy.operator, Operator::Greedy { hidden: true, .. })
    }
}
