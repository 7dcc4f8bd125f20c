//! Test support, behind the feature `test-support`: what the tests of this crate and of those above
//! it share.
//!
//! | module | idea |
//! |---|---|
//! | [`onnx`] | ONNX files of a few nodes, built in Rust |
//! | [`language`] | ONNX files of small language models |
//! | [`arbitrary`] | proptest strategies for small quantised graphs with inputs, extreme values included |
//! | [`random`] | a fixed stream of numbers, for weights and samples |
//!
//! Unlike the rest of the crate, this module panics on misuse: it runs in tests only.

pub mod arbitrary;
pub mod language;
pub mod onnx;
pub mod random;
