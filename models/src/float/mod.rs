//! The network on real numbers: what a file means, and how large its values get.

pub(crate) mod accumulators;
pub mod activation;
pub mod binary;
pub mod calibrate;
pub mod columns;
pub mod composed;
pub(crate) mod convolution;
pub mod declared;
pub(crate) mod execute;
mod finite;
pub mod graph;
pub mod histogram;
pub(crate) mod indices;
pub mod layer;
mod means;
pub(crate) mod passes;
mod random;
pub mod range;
pub mod reference;
pub(crate) mod relevance;
pub mod room;
pub(crate) mod rows;
pub(crate) mod scales;
#[cfg(feature = "tract")]
pub(crate) mod tract;
mod uncalibrated;
mod unread;
pub(crate) mod whole;
