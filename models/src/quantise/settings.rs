//! What people choose about quantisation, and what follows for each value.

use serde::{Deserialize, Serialize};

pub use super::method::Method;
use crate::float::graph::Graph;

/// How a network is quantised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Which part of its numbers a value's range covers.
    pub method: Method,
    /// Bits of activations.
    pub bits: Bits,
}

/// Bits of activations that the file does not quantise itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bits {
    /// 8 for all of them.
    #[default]
    Eight,
    /// 12.
    Twelve,
    /// 16.
    Sixteen,
}

impl Options {
    /// The same for every value.
    pub(crate) fn settings(&self, graph: &Graph) -> Settings {
        let bits = match self.bits {
            Bits::Eight => NARROW,
            Bits::Twelve => 12,
            Bits::Sixteen => 16,
        };
        let values = graph.inputs.len() + graph.nodes.len();
        Settings { method: self.method, bits: vec![bits; values] }
    }
}

/// What is chosen for each value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) method: Method,
    /// Bits of each value of the float graph; those that are not listed have [`NARROW`].
    pub(crate) bits: Vec<u32>,
}

/// Bits of a value, unless more are asked for.
pub(crate) const NARROW: u32 = 8;

impl Settings {
    pub(super) fn bits(&self, value: usize) -> u32 {
        self.bits.get(value).copied().unwrap_or(NARROW)
    }
}
