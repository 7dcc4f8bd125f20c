//! Cutting a quantised graph in segments, each a graph by itself, so that they can be proven apart.
//!
//! What crosses a cut becomes the output of one segment and the input of the next, with the same
//! name, shape and quantisation; a residual stream that is not rounded becomes two of them, its
//! digits. Run one after another, the segments compute what the whole computes.

mod join;
mod segment;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::integer::graph::{Graph, Node, Operator, ValueId};
use crate::integer::validate::GraphError;

/// A place where a graph can be cut: one activation crosses it, or one sum of them that was not
/// rounded, and besides it only inputs of the graph and what is computed of no input; no output of
/// the graph lies before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The cut is after this node.
    pub node: usize,
    /// The only value that crosses.
    pub value: ValueId,
    /// The elements of the tensors that it crosses as.
    pub elements: usize,
}

/// Why a graph was not split, or segments were not joined.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SplitError {
    /// [`Graph::cuts`] does not list that place, or it does not come after the one before.
    #[error(
        "{graph:?}: cannot be cut after node {node}; its cuts, in ascending order, are listed by \
        Graph::cuts"
    )]
    NotACut {
        /// The graph.
        graph: String,
        /// The node.
        node: usize,
    },
    /// A segment does not go on from the one before.
    #[error(
        "{segment:?} does not go on from the segment before; give those of one split, in order"
    )]
    NotNext {
        /// The segment.
        segment: String,
    },
    /// What segments are together is no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl Graph {
    /// Every place where the graph can be cut, in order, if segments on both sides may read those
    /// inputs that are `shared`. Of a graph that is not valid, none that would go wrong.
    pub fn cuts(&self, shared: impl Fn(usize) -> bool) -> Vec<Cut> {
        let inputs = self.inputs.len();
        let (tensors, free) = (self.tensors_between(), self.free());
        // The node that reads a value last, and those by the node that makes them or reads them
        // last.
        let mut last = vec![0; inputs + self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                match last.get_mut(input).filter(|_| input < inputs + index) {
                    Some(last) => *last = index + 1,
                    None => return Vec::new(),
                }
            }
        }
        let mut ends = vec![Vec::new(); self.nodes.len() + 1];
        last.iter().enumerate().for_each(|(value, &reader)| ends[reader].push(value));
        let first_output =
            self.outputs.iter().map(|output| output.value).min().unwrap_or(usize::MAX);
        let mut crossing: BTreeSet<ValueId> = BTreeSet::new();
        let mut cuts = Vec::new();
        for node in 0..self.nodes.len().saturating_sub(1) {
            let read = self.nodes[node].inputs.iter();
            crossing.extend(read.filter(|&&value| value < inputs && !shared(value)));
            ends[node + 1].iter().for_each(|value| _ = crossing.remove(value));
            let result = inputs + node;
            if last[result] > 0 && !free[result] {
                crossing.insert(result);
            }
            if first_output <= result {
                break;
            }
            // An input of the graph that crosses alone leaves nothing to compute before the cut.
            if let (1, Some(&value)) = (crossing.len(), crossing.first())
                && let Some(producer) = value.checked_sub(inputs)
                && tensors[value] > 0
                && cuts.last().is_none_or(|cut: &Cut| cut.value != value)
            {
                cuts.push(Cut {
                    node,
                    value,
                    elements: tensors[value] * self.nodes[producer].shape.iter().product::<usize>(),
                });
            }
        }
        cuts
    }

    /// For each value, whether it is computed of no input. Whoever reads it can compute it again.
    fn free(&self) -> Vec<bool> {
        let mut free = vec![false; self.inputs.len()];
        for node in &self.nodes {
            free.push(node.inputs.iter().all(|&value| free.get(value) == Some(&true)));
        }
        free
    }

    /// For each value, as how many tensors it can cross a cut: one of an activation, two digits of
    /// a sum that is not rounded, if they are short enough.
    fn tensors_between(&self) -> Vec<usize> {
        let ranges = self.ranges();
        let tensors = self.activations().into_iter().enumerate();
        let tensors = tensors.map(|(value, activation)| {
            let digits = self.digits(value, &ranges).map_or(0, |_| 2);
            if activation { 1 } else { digits }
        });
        tensors.collect()
    }

    /// For each value, whether it is an activation. A view of a raw accumulator is as wide as the
    /// accumulator.
    fn activations(&self) -> Vec<bool> {
        let mut activations = vec![true; self.inputs.len()];
        for Node { operator, inputs, .. } in &self.nodes {
            activations.push(match operator {
                operator if operator.is_raw() => false,
                Operator::ArgMax { .. } | Operator::Greedy { .. } => false,
                Operator::Reshape
                | Operator::Transpose { .. }
                | Operator::Slice { .. }
                | Operator::SliceAt { .. }
                | Operator::Concat { .. } => {
                    // Only a graph that was not validated has a view of nothing or of something
                    // later.
                    let activation = |&source: &ValueId| activations.get(source) == Some(&true);
                    !inputs.is_empty() && inputs.iter().all(activation)
                }
                _ => true,
            });
        }
        activations
    }

    /// The segments between cuts, given by the nodes that they are after, in ascending order.
    /// Segment `i` of `name` is called `name.i`, from 1; without cuts the graph stays as it is.
    /// The first inputs of a segment are the outputs of the one before; behind them stand those of
    /// the graph's that it reads.
    ///
    /// # Errors
    /// If one of the nodes is not that of a [`Cut`], or they do not ascend.
    pub fn split(&self, nodes: &[usize]) -> Result<Vec<Self>, SplitError> {
        if nodes.is_empty() {
            return Ok(vec![self.clone()]);
        }
        let places: BTreeMap<usize, Cut> =
            self.cuts(|_| true).into_iter().map(|cut| (cut.node, cut)).collect();
        let mut cuts = Vec::new();
        for &node in nodes {
            let ascending = cuts.last().is_none_or(|last: &Cut| last.node < node);
            let cut = places.get(&node).copied().filter(|_| ascending);
            cuts.push(cut.ok_or_else(|| SplitError::NotACut { graph: self.name.clone(), node })?);
        }
        let crossing: Vec<ValueId> = cuts.iter().map(|cut| cut.value).collect();
        let outputs: Vec<ValueId> = self.outputs.iter().map(|output| output.value).collect();
        let ends = crossing.iter().map(std::slice::from_ref).chain([&outputs[..]]);
        let starts = [None].into_iter().chain(crossing.iter().copied().map(Some));
        let mut reads: Vec<Vec<bool>> =
            starts.clone().zip(ends).map(|(from, to)| self.reached(from, to)).collect();
        // What nobody reads stays, to be refused as in the whole.
        for input in 0..self.inputs.len() {
            let unread = reads.iter().all(|reads| !reads[input]);
            reads.first_mut().into_iter().for_each(|first| first[input] |= unread);
        }
        let ranges = self.ranges();
        let segments = (1..).zip(starts.zip(&reads));
        let segments = segments.map(|(number, (from, values))| {
            let to = crossing.get(number - 1).copied();
            self.segment(number, [from, to], values, &ranges)
        });
        Ok(segments.collect())
    }

    /// Which values are computed from one that is given, and from inputs, for these.
    fn reached(&self, given: Option<ValueId>, outputs: &[ValueId]) -> Vec<bool> {
        let mut reached = vec![false; self.inputs.len() + self.nodes.len()];
        outputs.iter().for_each(|&value| reached[value] = true);
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let value = self.inputs.len() + index;
            if reached[value] && given != Some(value) {
                node.inputs.iter().for_each(|&operand| reached[operand] = true);
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests;
