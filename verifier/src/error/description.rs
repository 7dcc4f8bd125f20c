//! Why a description is no key: one variant per reason.
//!
//! Whoever wrote a file chose the names in it: messages quote them with `{:?}`, which escapes
//! whatever could break or turn a line.

use thiserror::Error;

use crate::limits::{MAX_BIAS_DIGITS, MAX_K, MAX_LIMB_BITS, MIN_K};

/// Why a circuit description is not a valid key. `node` is the name of the offending node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// `k` outside the supported range.
    #[error("k is {got}, expected {}..={}", MIN_K, MAX_K)]
    RowsOutOfRange {
        /// The description's `k`.
        got: u32,
    },
    /// Limb width outside the supported range.
    #[error("remainder limbs of {got} bits, expected 1..={}", MAX_LIMB_BITS)]
    LimbBitsOutOfRange {
        /// The description's limb width.
        got: u32,
    },
    /// Digits of sealed biases without sealed contractions, or the other way round, or too many.
    #[error(
        "{got} digits for sealed biases, expected 1..={} with sealed weights and 0 without",
        MAX_BIAS_DIGITS
    )]
    BiasDigits {
        /// The description's number.
        got: u32,
    },
    /// No input or no output: nothing would be proven.
    #[error("the description has no {what}")]
    Missing {
        /// "input", "output" or "sealed tensor".
        what: &'static str,
    },
    /// A reference to a node at or after the reader.
    #[error("{node:?}: reads node {reference}, which is not before it")]
    ForwardReference {
        /// The reading node.
        node: String,
        /// The reference.
        reference: usize,
    },
    /// Dimensions, lengths or parameters that do not fit each other.
    #[error("{node:?}: {what}")]
    Shape {
        /// The offending node, input or output.
        node: String,
        /// What does not fit.
        what: &'static str,
    },
    /// A requantisation reads a function that the description does not have.
    #[error("{node:?}: reads function {number}, but there are {count}")]
    FunctionMissing {
        /// The reading node.
        node: String,
        /// The number of the function.
        number: usize,
        /// How many functions there are.
        count: usize,
    },
    /// Functions are not numbered in the order in which they are first read.
    #[error("{node:?}: reads function {number} before any node reads function {next}")]
    FunctionOrder {
        /// The reading node.
        node: String,
        /// The number of the function.
        number: usize,
        /// The number of the first function that no node before reads.
        next: usize,
    },
    /// A function that no requantisation reads.
    #[error("no node reads function {number}")]
    FunctionUnread {
        /// The number of the function.
        number: usize,
    },
    /// Two functions with the same entries.
    #[error("functions {first} and {again} are the same: each stands once")]
    FunctionTwice {
        /// The number of the first.
        first: usize,
        /// The number of the other.
        again: usize,
    },
    /// Bounds that are reversed, or a scale that is no positive finite number.
    #[error("{node:?}: {what}")]
    Range {
        /// The offending node, input or output.
        node: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A value could exceed `±2^62`, so that field equations would no longer be integer equations.
    #[error("{node:?}: its values can exceed 62 bits")]
    Overflow {
        /// The offending node.
        node: String,
    },
    /// More nodes, dimensions, elements, table rows or columns than the supported maximum.
    #[error("{node:?}: {got} {what}, at most {limit} are supported")]
    TooLarge {
        /// The node, input or output where the limit is passed, or the description.
        node: String,
        /// What there is too much of.
        what: &'static str,
        /// How much there is; for table rows, up to the table that no longer fits.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The lookup arguments' column is not covered by a table (an internal law of the layout,
    /// rechecked).
    #[error("its cells cannot be laid out: {what}")]
    Layout {
        /// The broken law.
        what: &'static str,
    },
}
