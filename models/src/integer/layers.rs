//! Which layers have weights, and whose these are; which operators rescale.

use super::graph::{Graph, Operator, Requantise};
use super::integers::Integers;
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

    /// How a sum or product becomes an activation; none if it stays as it is, or there is none.
    pub fn rescaling(&self) -> Option<&Requantise> {
        match self {
            Self::Convolution { requantise, .. }
            | Self::Linear { requantise, .. }
            | Self::Sum { requantise, .. }
            | Self::AveragePool { requantise, .. }
            | Self::Product { requantise, .. }
            | Self::MatMul { requantise, .. } => requantise.as_ref(),
            Self::Softmax { requantise, .. } | Self::Normalise { requantise, .. } => {
                Some(requantise)
            }
            _ => None,
        }
    }

    /// Whether the result is an accumulator as it is.
    pub fn is_raw(&self) -> bool {
        let rescales = matches!(
            self,
            Self::Convolution { .. }
                | Self::Linear { .. }
                | Self::Sum { .. }
                | Self::AveragePool { .. }
                | Self::Product { .. }
                | Self::MatMul { .. }
        );
        rescales && self.rescaling().is_none()
    }
}

impl Graph {
    /// The integers that a layer multiplies, whosever they are; none that a graph does not have,
    /// which no valid one refers to.
    pub fn weights<'a>(&'a self, weights: &'a Weights) -> &'a Integers {
        const NONE: &Integers = &Integers::NONE;
        match weights {
            Weights::Own(weights) | Weights::Known(weights) => weights,
            Weights::Of(node) => {
                let owner = self.nodes.get(*node).and_then(|node| node.operator.weights());
                owner.and_then(|(weights, _)| weights.own()).unwrap_or(NONE)
            }
        }
    }
}
