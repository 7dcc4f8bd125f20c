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
    /// Bits of the weights of layers, by their results.
    pub weights: Widths,
}

/// Bits of an activation that the file does not quantise itself: 8 to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Bits(u32);

impl Bits {
    /// 8.
    pub const EIGHT: Self = Self(NARROW);
    /// 10.
    pub const TEN: Self = Self(10);
    /// 12.
    pub const TWELVE: Self = Self(12);
    /// 16.
    pub const SIXTEEN: Self = Self(16);

    /// So many, if there can be.
    pub fn new(count: u32) -> Option<Self> {
        let bits = Self(count);
        (Self::EIGHT..=Self::SIXTEEN).contains(&bits).then_some(bits)
    }

    /// How many.
    pub fn count(self) -> u32 {
        self.0
    }
}

impl Default for Bits {
    fn default() -> Self {
        Self::EIGHT
    }
}

impl TryFrom<u32> for Bits {
    type Error = String;

    fn try_from(count: u32) -> Result<Self, String> {
        Self::new(count).ok_or_else(|| format!("activations have 8 to 16 bits, not {count}"))
    }
}

impl From<Bits> for u32 {
    fn from(bits: Bits) -> Self {
        bits.count()
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
