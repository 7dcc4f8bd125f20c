//! What people choose about quantisation, and the bits of each value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::method::Method;
use crate::integer::graph::ValueId;

/// How a network is quantised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Which part of its numbers a value's range covers.
    pub method: Method,
    /// Bits of activations.
    pub widths: Widths,
}

/// Bits of an activation that the file does not quantise itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Bits {
    /// 8.
    #[default]
    Eight,
    /// 12.
    Twelve,
    /// 16.
    Sixteen,
}

impl Bits {
    /// How many.
    pub fn count(self) -> u32 {
        match self {
            Self::Eight => NARROW,
            Self::Twelve => 12,
            Self::Sixteen => 16,
        }
    }
}

/// Bits of all values of a float graph, inputs first. Values that keep the integers of what they
/// are moved from have as many as that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widths {
    usual: Bits,
    others: BTreeMap<ValueId, Bits>,
}

impl Widths {
    /// The same for all values.
    pub fn all(usual: Bits) -> Self {
        Self { usual, others: BTreeMap::new() }
    }

    /// Gives a value bits of its own.
    pub fn set(&mut self, value: ValueId, bits: Bits) {
        self.others.insert(value, bits);
    }

    /// The bits of a value.
    pub fn of(&self, value: ValueId) -> Bits {
        self.others.get(&value).copied().unwrap_or(self.usual)
    }
}

/// Bits of a value, unless more are asked for.
pub(crate) const NARROW: u32 = 8;
