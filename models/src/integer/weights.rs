//! The weights of a layer: its own, or those of an earlier one.
//!
//! A recurrent network that was unrolled, two branches alike, one head over several feature maps:
//! there a weight is read by several layers. It is stored once, with the first of them, and so it
//! is sealed and counted once. Biases and multipliers are each layer's own, since the scales of
//! what it reads and makes are.

use serde::{Deserialize, Serialize};

use super::integers::Integers;

/// The weights of a layer, row-major, one row per output channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weights {
    /// Its own.
    Own(Integers),
    /// Those of the layer at an earlier node, by its index among the graph's nodes, which has its
    /// own: as many rows of as many.
    Of(usize),
    /// Its own, which are no secret: a circuit has them as they are, and its biases too, also where
    /// weights are sealed.
    Known(Integers),
}

impl From<Vec<i32>> for Weights {
    fn from(weights: Vec<i32>) -> Self {
        Self::Own(weights.into())
    }
}

impl Weights {
    /// The weights where they are the layer's own.
    pub fn own(&self) -> Option<&Integers> {
        match self {
            Self::Own(weights) | Self::Known(weights) => Some(weights),
            Self::Of(_) => None,
        }
    }

    /// The node whose they are, if they are not the layer's own.
    pub fn owner(&self) -> Option<usize> {
        match self {
            Self::Own(_) | Self::Known(_) => None,
            Self::Of(node) => Some(*node),
        }
    }

    /// Whether they are no secret.
    pub fn are_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}
