//! The tests of `zkinfer-models` from outside, in one binary.

mod data;
mod graphs;
mod operators;
mod passes;
mod recorded;
mod refusals;
mod support;
mod zoo;
