//! The adjoint check's public side: one random backward pass through the network.
//!
//! All linear equations `A·cells = b` of a circuit are checked at once as `gᵀA·cells = gᵀb`. Every
//! equation tensor, seen as a matrix of first dimension by all others, gets the rank-one cotangent
//! `τ^e · ρ^row · σ^column` with an exponent `e` of its own. [`backward`] pushes these back to the
//! cells (`κ = Aᵀg`, one entry per cell) and to the public values (`target = gᵀb`). A rank-one
//! cotangent makes the step through a contraction cost its weights plus one scatter, not its
//! multiply-accumulates (Freivalds).
//!
//! A bilinear node has no public matrix to push a cotangent through. Its factors `u` and `v` (see
//! [`crate::adjoint::factors`]) take the cotangent's scalar as `π`, so that `Σ π·u·v` stands for
//! the node, and equations with powers of `τ` of their own bind `u` and `v` to what they are made
//! of. Of a product element by element `u` and `v` are the operands, and `π` is the cotangent of
//! each element.
//!
//! | module | knows |
//! |---|---|
//! | `pass` | the pass: from the last node to the first |
//! | `equations` | steps of nodes that have cells, and so equations of their own |
//! | `linear` | steps through sums, views and contractions |
//! | `bilinear` | steps through products of committed values |
//! | [`factors`] | what those are made of, on both sides |
//! | `cotangent` | what the pass carries |
//! | `kappa` | where it ends: columns for provers, sums over them for verifiers |
//! | [`contraction`] | the transpose of a contraction |
//! | `table` | steps through tables that are read at public indices |
//! | `sliding` | the same under powers of a challenge, linear in elements and taps |

mod bilinear;
pub mod contraction;
mod cotangent;
mod equations;
pub mod factors;
mod kappa;
mod linear;
mod pass;
mod sliding;
mod table;

pub use cotangent::WeightCotangent;
pub use pass::{Adjoint, backward, backward_at};
