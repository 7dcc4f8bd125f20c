//! Where a value's scales by index end up: in layers that take them, at outputs, or at an operator
//! that wants one scale.

use super::parts::absorbs;
use crate::float::graph::{Graph, Operator};
use crate::float::scales::{carried, joined};
use crate::integer::graph::{Parts, ValueId};

/// Nodes that are looked at: paths that part and meet again double at each step.
const STEPS: usize = 1 << 12;

/// Whoever reads scales by index in the end.
pub(super) enum End {
    /// A layer, with the scales of what it reads.
    Layer { node: usize, parts: Parts },
    /// An output of the network.
    Output,
    /// Something that wants one scale.
    Other,
}

/// A graph and who reads its values.
pub(super) struct Readers<'g> {
    pub(super) graph: &'g Graph,
    pub(super) consumers: &'g [Vec<usize>],
    put_out: Vec<bool>,
    /// The Concats whose parts keep scales of their own.
    pub(super) separate: Vec<bool>,
}

impl<'g> Readers<'g> {
    pub(super) fn new(graph: &'g Graph, consumers: &'g [Vec<usize>]) -> Self {
        let mut put_out = vec![false; consumers.len()];
        graph.outputs.iter().for_each(|output| put_out[output.value] = true);
        Self { graph, consumers, put_out, separate: vec![false; graph.nodes.len()] }
    }

    /// The ends of a value's scales; `zero` is the integer that its arithmetic takes for zero.
    pub(super) fn ends(&self, value: ValueId, parts: &Parts, zero: i64) -> Vec<End> {
        let mut ends = Vec::new();
        self.follow(value, parts, zero, &mut ends, &mut { STEPS });
        ends
    }

    fn follow(
        &self,
        value: ValueId,
        parts: &Parts,
        zero: i64,
        ends: &mut Vec<End>,
        steps: &mut usize,
    ) {
        if self.put_out[value] {
            ends.push(End::Output);
        }
        let mut readers = self.consumers[value].clone();
        readers.dedup();
        for index in readers {
            let (node, shape) = (&self.graph.nodes[index], self.graph.shape(value));
            if *steps == 0 {
                return ends.push(End::Other);
            }
            *steps -= 1;
            if absorbs(&node.operator, parts, zero, shape) {
                ends.push(End::Layer { node: index, parts: parts.clone() });
                continue;
            }
            let moved = match node.operator {
                _ if node.grid.is_some() => None,
                Operator::Concat { axis } if self.separate[index] => {
                    // What is beside it has scales of its own, which do not matter here.
                    let operands = node.inputs.iter().map(|&input| {
                        let own = (input == value).then_some(parts);
                        (parts.each[0], own, self.graph.shape(input))
                    });
                    joined(axis, operands)
                }
                _ => carried(&node.operator, parts, zero, shape, &node.shape),
            };
            match moved {
                Some(moved) => self.follow(self.graph.result(index), &moved, zero, ends, steps),
                None => ends.push(End::Other),
            }
        }
    }
}
