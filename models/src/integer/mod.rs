//! The network on integers: what it is, what it means, and what it takes to be sound.

pub mod generation;
pub mod graph;
mod indices;
pub mod integers;
pub mod interpreter;
mod layers;
pub mod rounding;
pub mod rows;
pub mod signature;
pub mod split;
pub mod tensors;
pub mod validate;
pub mod weights;
