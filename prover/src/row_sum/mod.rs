//! The row sum: every constraint on single rows in one sum over all of them, reduced to one point.
//!
//! | file | knows |
//! |---|---|
//! | [`lookups`] | multiplicities, denominators, helpers |
//! | [`weights`] | what stands for sealed weights in the adjoint check |
//! | [`summand`] | all columns as tables, which halve from round to round |
//! | `fractions` | the terms of lookups along a line |
//! | [`messages`] | what is sent, and its commitments |
//! | [`rounds`] | sending and answering it |
//!
//! Derivation: `docs/argument/row-sum.md`.

mod fractions;
pub mod lookups;
pub mod messages;
pub mod rounds;
pub mod summand;
pub mod weights;
