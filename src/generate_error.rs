//! Why nothing was generated.

use thiserror::Error;

/// Why nothing was generated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The network does not generate.
    #[error("{name:?} does not generate: compile it with --generate N")]
    NoGenerator {
        /// The network.
        name: String,
    },
    /// A prompt without ids.
    #[error("the prompt is empty; it has one id at least")]
    Empty,
    /// No id that the network knows.
    #[error("id {position} of the prompt is {id}, and the network knows {minimum} to {maximum}")]
    Unknown {
        /// Its place, from 0.
        position: usize,
        /// The id.
        id: i64,
        /// The smallest id.
        minimum: i64,
        /// The largest id.
        maximum: i64,
    },
    /// More ids of answer than one proof has.
    #[error("{asked} ids of answer: the network is compiled for 1 to {most}")]
    Tokens {
        /// Asked for.
        asked: usize,
        /// Most.
        most: usize,
    },
    /// Prompt and answer are longer than what the network reads.
    #[error(
        "{prompt} ids of prompt and {answer} of answer are more than the {length} that the network \
        reads; compile it with a longer --dim, or ask for less"
    )]
    Length {
        /// Ids of the prompt.
        prompt: usize,
        /// Ids of the answer; where they are hidden, as many as there can be.
        answer: usize,
        /// Ids that the network reads.
        length: usize,
    },
    /// Ids that are to be hidden are not the likeliest.
    #[error("the ids behind the prompt are not the likeliest ones: `generate` finds these")]
    NotGreedy,
}
