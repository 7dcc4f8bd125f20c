//! What a network that generates is made of.

use super::options::ids_axis;
use crate::integer::graph::{Graph, Input, Node, Operator};

/// A network that generates, by what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Generator<'g> {
    pub(super) graph: &'g Graph,
    inputs: [&'g Input; 3],
    /// Index of the input of ids, and the dimension along which they stand.
    pub(super) ids: usize,
    pub(super) axis: usize,
    /// The last node: the next ids.
    greedy: &'g Node,
    padding: i64,
}

impl Graph {
    /// What generates here, if the network does; a segment of one does not, since something else
    /// comes in than ids and how many there are.
    pub fn generator(&self) -> Option<Generator<'_>> {
        let ([_, _, _], [output]) = (self.inputs.as_slice(), self.outputs.as_slice()) else {
            return None;
        };
        let greedy = self.nodes.get(output.value.checked_sub(self.inputs.len())?)?;
        let Operator::Greedy { padding, .. } = greedy.operator else { return None };
        let [.., ids, prompt, answer] = greedy.inputs[..] else { return None };
        let input = |index: usize| self.inputs.get(index);
        let inputs = [input(ids)?, input(prompt)?, input(answer)?];
        let axis = ids_axis(inputs[0])?;
        Some(Generator { graph: self, inputs, ids, axis, greedy, padding })
    }
}

impl<'g> Generator<'g> {
    /// The network.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// What it reads: the ids, how many of them are the prompt, and how many the answer.
    pub fn inputs(&self) -> [&'g Input; 3] {
        self.inputs
    }

    /// Most ids of a prompt.
    pub fn most_of_prompt(&self) -> usize {
        usize::try_from(self.inputs[1].maximum).unwrap_or(0)
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
    pub fn input(&self) -> &'g Input {
        self.inputs[0]
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
