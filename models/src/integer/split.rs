//! Cutting a quantised graph in segments, each a graph by itself, so that they can be proven apart.
//!
//! What crosses a cut becomes the output of one segment and the input of the next, with the same
//! name, shape and quantisation. Run one after another, the segments compute what the whole
//! computes.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::integer::graph::{Graph, Input, Node, Operator, Output, ValueId, Weights};

/// A place where a graph can be cut: one activation crosses it, and no output of the graph lies
/// before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The cut is after this node.
    pub node: usize,
    /// The only value that crosses.
    pub value: ValueId,
    /// Its elements.
    pub elements: usize,
}

/// Why a graph was not split.
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
}

impl Graph {
    /// Every place where the graph can be cut, in order. Of a graph that is not valid, none that
    /// would go wrong.
    pub fn cuts(&self) -> Vec<Cut> {
        let inputs = self.inputs.len();
        let activations = self.activations();
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
        let mut crossing: BTreeSet<ValueId> =
            (0..inputs).filter(|&input| last[input] > 0).collect();
        let mut cuts = Vec::new();
        for node in 0..self.nodes.len().saturating_sub(1) {
            ends[node + 1].iter().for_each(|value| _ = crossing.remove(value));
            let result = inputs + node;
            if last[result] > 0 {
                crossing.insert(result);
            }
            if first_output <= result {
                break;
            }
            // An input of the graph that crosses alone leaves nothing to compute before the cut.
            if let (1, Some(&value)) = (crossing.len(), crossing.first())
                && let Some(producer) = value.checked_sub(inputs)
                && activations[value]
            {
                cuts.push(Cut {
                    node,
                    value,
                    elements: self.nodes[producer].shape.iter().product(),
                });
            }
        }
        cuts
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
    ///
    /// # Errors
    /// If one of the nodes is not that of a [`Cut`], or they do not ascend.
    pub fn split(&self, nodes: &[usize]) -> Result<Vec<Self>, SplitError> {
        if nodes.is_empty() {
            return Ok(vec![self.clone()]);
        }
        let places: BTreeMap<usize, Cut> =
            self.cuts().into_iter().map(|cut| (cut.node, cut)).collect();
        let mut cuts = Vec::new();
        for &node in nodes {
            let ascending = cuts.last().is_none_or(|last: &Cut| last.node < node);
            let cut = places.get(&node).copied().filter(|_| ascending);
            cuts.push(cut.ok_or_else(|| SplitError::NotACut { graph: self.name.clone(), node })?);
        }
        let ranges = self.ranges();
        Ok((0..=cuts.len()).map(|index| self.segment(index, &cuts, &ranges)).collect())
    }

    fn segment(&self, index: usize, cuts: &[Cut], ranges: &[(i64, i64)]) -> Self {
        let from = index.checked_sub(1).map(|before| cuts[before]);
        let to = cuts.get(index);
        let first = from.map_or(0, |cut| cut.node + 1);
        let nodes = &self.nodes[first..to.map_or(self.nodes.len(), |cut| cut.node + 1)];
        let inputs = match from {
            None => self.inputs.clone(),
            Some(cut) => {
                let (minimum, maximum) = ranges[cut.value];
                vec![Input {
                    name: self.crossing_name(cut.value),
                    shape: self.shape(cut.value).to_vec(),
                    quantisation: self.quantisation(cut.value),
                    minimum,
                    maximum,
                }]
            }
        };
        // A value is the segment's only input, or one of its own nodes.
        let own = |value: ValueId| match from {
            Some(cut) if value == cut.value => 0,
            _ => value + inputs.len() - self.inputs.len() - first,
        };
        let renumbered = |node: &Node| Node {
            inputs: node.inputs.iter().map(|&v| own(v)).collect(),
            ..node.clone()
        };
        let mut renumbered: Vec<Node> = nodes.iter().map(renumbered).collect();
        self.hand_over(&mut renumbered, first);
        let outputs = match to {
            Some(cut) => {
                vec![Output { name: self.crossing_name(cut.value), value: own(cut.value) }]
            }
            None => self
                .outputs
                .iter()
                .map(|o| Output { name: o.name.clone(), value: own(o.value) })
                .collect(),
        };
        let name = format!("{}.{}", self.name, index + 1);
        let values = first + self.inputs.len()..first + self.inputs.len() + nodes.len();
        let held = |value: ValueId| match from {
            Some(cut) => value == cut.value || values.contains(&value),
            None => value < values.end,
        };
        let parts = self.parts.iter().filter(|&(&value, _)| held(value));
        let parts = parts.map(|(&value, parts)| (own(value), parts.clone())).collect();
        Self { name, nodes: renumbered, outputs, inputs, parts }
    }

    /// Weights whose owner is in the segment, from node `first` on, are that one's still; of those
    /// who read the weights of a layer before it, the first one has them from now on.
    fn hand_over(&self, segment: &mut [Node], first: usize) {
        let mut heirs: BTreeMap<usize, usize> = BTreeMap::new();
        for (index, node) in segment.iter_mut().enumerate() {
            let Some(weights) = node.operator.weights_mut() else { continue };
            let Some(owner) = weights.owner() else { continue };
            let inside = owner.checked_sub(first).or_else(|| heirs.get(&owner).copied());
            *weights = match inside {
                Some(node) => Weights::Of(node),
                None => {
                    heirs.insert(owner, index);
                    Weights::Own(self.weights(weights).clone())
                }
            };
        }
    }

    /// What a value is called on both sides of a cut: after the node that produces it.
    fn crossing_name(&self, value: ValueId) -> String {
        self.nodes[value - self.inputs.len()].name.clone()
    }
}

#[cfg(test)]
mod tests;
