//! Which layers have weights, and whose these are.

use super::graph::{Graph, Operator};
use super::weights::Weights;

impl Operator {
    /// Weights and the number of rows, if the operator is a layer.
    pub(crate) fn weights(&self) -> Option<(&Weights, usize)> {
        match self {
            Self::Convolution { weights, bias, .. } | Self::Linear { weights, bias, .. } => {
                Some((weights, bias.len()))
            }
            _ => None,
        }
    }

    /// The same, to change.
    pub(crate) fn weights_mut(&mut self) -> Option<&mut Weights> {
        match self {
            Self::Convolution { weights, .. } | Self::Linear { weights, .. } => Some(weights),
            _ => None,
        }
    }
}

impl Graph {
    /// The integers that a layer multiplies, whosever they are; none that a graph does not have,
    /// which no valid one refers to.
    pub fn weights<'a>(&'a self, weights: &'a Weights) -> &'a [i32] {
        match weights {
            Weights::Own(weights) => weights,
            Weights::Of(node) => {
                let owner = self.nodes.get(*node).and_then(|node| node.operator.weights());
                owner.and_then(|(weights, _)| weights.own()).unwrap_or_default()
            }
        }
    }
}
