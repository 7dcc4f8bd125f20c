//! A language model as a network that generates: which answer is the likeliest, id by id.
//!
//! A causal network reads prompt and answer at once. Where the id at each position of the answer is
//! the likeliest one behind those before it, the answer is what greedy decoding gives. So a network
//! from ids to logits at all positions becomes one that reads two more integers, how long prompt
//! and answer are, and whose output is the likeliest id at each of `N` positions from the prompt's
//! last one on. What works on each row by itself, head and final normalisation above all, is
//! computed for these alone.
//!
//! | file | knows |
//! |---|---|
//! | `options` | how it is to generate, and why it cannot |
//! | `causal` | on which ids a value depends |
//! | `rows` | which operators work on chosen rows as well |
//! | `rewrite` | the network that generates |
//! | `generator` | what a network that generates is made of |
//! | `run` | generating, each new id with the work of one row |

mod causal;
mod generator;
mod options;
mod rewrite;
mod rows;
mod run;

pub use causal::LooksAhead;
pub use generator::Generator;
pub use options::{GenerationError, Options};
pub use run::Run;
