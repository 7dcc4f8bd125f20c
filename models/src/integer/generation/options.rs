//! How a network is to generate, and why it cannot.

use thiserror::Error;

use super::causal::LooksAhead;
use crate::integer::graph::Input;

/// How a network is to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most ids of an answer.
    pub tokens: usize,
    /// The id that stands behind an answer.
    pub padding: i64,
    /// Whether proofs hide the ids.
    pub hidden: bool,
}

/// Why a network cannot generate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// It is not from ids to logits.
    #[error(
        "a network that generates has one input of ids, which chooses from a table, and one \
        output of logits, a row for each id; this one {0}"
    )]
    Signature(String),
    /// It looks ahead.
    #[error("{0}")]
    LooksAhead(LooksAhead),
    /// Its logits have scales of their own.
    #[error(
        "the logits have a scale for each id, since the weights of some are far smaller than \
        others', so integers do not say which is the largest; without --generate they are proven \
        as they are"
    )]
    Scales,
    /// Too many ids, or none.
    #[error("an answer of {tokens} ids: the network reads {length}, one of the prompt at least")]
    Tokens {
        /// Asked for.
        tokens: usize,
        /// Ids that it reads.
        length: usize,
    },
    /// No id to pad with.
    #[error("{padding} is no id: they are {minimum} to {maximum}")]
    Padding {
        /// What should pad.
        padding: i64,
        /// The smallest id.
        minimum: i64,
        /// The largest id.
        maximum: i64,
    },
}

/// The only long dimension of an input.
pub(super) fn ids_axis(input: &Input) -> Option<usize> {
    let mut long = input.shape.iter().enumerate().filter(|&(_, &length)| length > 1);
    let (axis, _) = long.next()?;
    long.next().is_none().then_some(axis)
}
