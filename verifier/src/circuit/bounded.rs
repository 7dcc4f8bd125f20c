//! Integers of so many bits: range checks, and what a prover chooses.

use serde::{Deserialize, Serialize};

/// `0 ≤ y < 2^bits`, each element in range-checked limbs of its own.
///
/// With these, inequalities are proven: `x ≥ 0` if a bounded node is equal to `x`, and `r =
/// ⌊2^b / x⌋` is the only `r` for which one is to `2^b − r·x` and one to `x − 1 − (2^b − r·x)`. See
/// `docs/argument/bounded.md`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bounded {
    /// Bits of an element, at least 1.
    pub bits: u32,
    /// What is known of the elements besides.
    pub source: Source,
}

/// What is known of the elements of a [`Bounded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// `y = x`: a range check.
    Equal {
        /// The node `x`.
        input: usize,
    },
    /// Nothing: the prover chooses. Whatever is to be known of it, other nodes have to say.
    Hint {
        /// The node that an honest prover looks at.
        input: usize,
        /// What it chooses; if that is out of range, the end of the range.
        hint: Hint,
    },
}

/// What an honest prover chooses. Nothing rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hint {
    /// The largest `⌊(x + offset) / 2^shift⌋` of each row: the last dimension of the result is 1.
    Maximum {
        /// What is added first.
        offset: i64,
        /// Bits that are dropped, at most 60.
        shift: u32,
    },
    /// `⌊(x + offset) / 2^shift⌋`.
    Shifted {
        /// What is added first.
        offset: i64,
        /// Bits that are dropped, at most 60.
        shift: u32,
    },
    /// `⌊2^bits / x⌋`.
    Reciprocal {
        /// Bits of the numerator, at most 60.
        bits: u32,
    },
    /// `⌊√(x + offset)⌋`.
    Root {
        /// What is added first.
        offset: i64,
    },
}
