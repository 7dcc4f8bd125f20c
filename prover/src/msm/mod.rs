//! Multi-scalar multiplication behind commitments.

mod affine;
mod buckets;
pub mod cpu;
mod digits;
mod endomorphism;
mod fold;
mod full;
mod pippenger;
mod small;

pub use fold::{fold, tensor};
pub use full::full;
pub use small::small;

#[cfg(test)]
mod tests;
