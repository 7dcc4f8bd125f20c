//! Why a quantised graph has no circuit, and why inputs have no witness.

use thiserror::Error;
use zkinfer_models::integer::validate::GraphError;
use zkinfer_verifier::DescriptionError;

/// Why a quantised graph was not compiled. `node` is the name of the offending node, input or
/// output.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The graph has no meaning, so there is nothing to compile.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Operands, shapes or parameters that do not fit each other: the quantiser never writes such a
    /// graph.
    #[error("{node:?}: {what}")]
    Malformed {
        /// The offending node.
        node: String,
        /// What does not fit.
        what: &'static str,
    },
    /// A reference to a value at or after the reader, or to one that does not exist.
    #[error("{node:?}: reads value {value}, which is not before it")]
    ForwardReference {
        /// The reading node.
        node: String,
        /// The value.
        value: usize,
    },
    /// Multipliers, biases or shifts whose products leave 62 bits.
    #[error(
        "{node:?}: its rescaling does not fit 62 bits; quantise with smaller multipliers or shifts"
    )]
    Overflow {
        /// The offending node.
        node: String,
    },
    /// A key that has fewer digits for biases than the graph needs.
    #[error(
        "{node:?}: its bias {bias} does not fit the {digits} digits that the key has for it, so \
        graph and key do not belong together; compile the model again"
    )]
    TooFewDigits {
        /// The node whose bias it is.
        node: String,
        /// The bias.
        bias: i64,
        /// Digits base 64 of the key.
        digits: u32,
    },
    /// An index is public by nature, so nothing can be computed from it inside the circuit.
    #[error("{node:?}: reads the result of an ArgMax, which can only be an output of the graph")]
    ReadsIndex {
        /// The reading node.
        node: String,
    },
    /// A maximum over values that are not known to be small.
    #[error("{node:?}: compares values of more than 16 bits; requantise its input first")]
    WideMaximum {
        /// The offending node.
        node: String,
    },
    /// Every candidate breaks a limit on rows, columns, table rows or bits.
    #[error(
        "no circuit of at most 2^{largest_k} rows fits this network: too many cells, or ranges too \
        wide for any table; activations of fewer bits have shorter tables, and segments fewer cells"
    )]
    NoPlan {
        /// The largest `k` tried.
        largest_k: u32,
    },
    /// The verifier's own check refused the description.
    #[error(transparent)]
    Description(#[from] DescriptionError),
}

/// Why inputs have no witness.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InputError {
    /// Another number of tensors than the circuit has inputs.
    #[error("{got} input tensors, the circuit has {expected} inputs")]
    Count {
        /// Inputs of the circuit.
        expected: usize,
        /// Tensors given.
        got: usize,
    },
    /// Another number or size of sealed weight tensors than the key declares.
    #[error("the weights are not those of this circuit: their number or sizes differ")]
    Weights,
    /// Another number of elements than the declared shape has.
    #[error("{name:?}: {got} elements, its shape {shape:?} has {expected}")]
    Length {
        /// The input.
        name: String,
        /// Its declared shape.
        shape: Vec<usize>,
        /// Elements of that shape.
        expected: usize,
        /// Elements given.
        got: usize,
    },
    /// An element outside the declared range.
    #[error("{name:?}: element {index} is {got}, its declared range is {minimum}..={maximum}")]
    Range {
        /// The input.
        name: String,
        /// The element's row-major position.
        index: usize,
        /// Its value.
        got: i64,
        /// Declared minimum.
        minimum: i64,
        /// Declared maximum.
        maximum: i64,
    },
}
