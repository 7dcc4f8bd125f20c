//! Checks zkinfer's proofs of neural network inference. The bottom of the house and the
//! specification of validity.
//!
//! ```text
//! ONNX ─ models ▶ graph ─ circuits ▶ circuit, witness ─ prover ▶ proof ─ verifier ▶ verdict
//!                                                    └──────────────────── verifying key ────▲
//! ```
//!
//! Read the key and the proof, fetch the parameters, ask for the verdict:
//!
//! ```no_run
//! use zkinfer_verifier::{Parameters, Proof, VerifyingKey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = VerifyingKey::from_bytes(&std::fs::read("lenet5.vk")?)?;
//! let proof = Proof::from_bytes(&std::fs::read("digit.proof")?)?;
//! let parameters = Parameters::derive(key.description().k)?;
//! key.verify(&parameters, &proof)?;
//! println!("outputs: {:?}", proof.statement.outputs);
//! # Ok(())
//! # }
//! ```
//!
//! | module | knows |
//! |---|---|
//! | [`description`] | the circuit: operators, shapes, ranges, visibility, tables, public weights |
//! | [`limits`] | the largest circuit that is read |
//! | [`interval`] | bounds of integers and of linear forms, every step checked |
//! | [`analysis`] | shapes and intervals of every node |
//! | `facts` | those of each operator |
//! | [`readers`] | who may read what |
//! | [`view`] | moving elements, and the transpose of it |
//! | [`tables`] | which tuples of cells are allowed |
//! | [`layout`] | where each cell stands |
//! | `coverage` | that no cell is shared, and none without a lookup |
//! | [`sheet`] | the columns of sealed tensors |
//! | [`key`] | a checked description with its digest |
//! | [`seal`] | commitments to secret tensors, and the names of models that have them |
//! | [`statement`] | the public integers, and commitments |
//! | [`reading`] | the real numbers and the class that people read |
//! | [`adjoint`] | the random backward pass: `κ` and its target |
//! | `cotangent` | what the pass carries, and where `κ` is made |
//! | [`contraction`] | which tap meets which input element |
//! | `sliding` | the same under powers of a challenge, linear in elements and taps |
//! | `arrays` | slices in pieces of a known length |
//! | [`small`] | sums of small integers times field elements |
//! | [`factors`] | products of committed values, folded by challenges |
//! | [`multilinear`] | vectors over rows as polynomials in the bits of the row |
//! | [`row_sum`] | every constraint as one sum over rows, once for prover and verifier |
//! | [`messages`] | what holds between the hidden messages of the row sum |
//! | [`combination`] | which combination of all columns is opened |
//! | [`public`] | the public columns at the point of the row sum |
//! | [`running_sum`] | the one polynomial constraint that is left |
//! | [`opening`] | halo2's multi-point opening |
//! | [`transcript`] | what is absorbed and drawn, in which order |
//! | [`argument`] | the messages and challenges of a proof, read in that order |
//! | [`proof`] | the parts of a proof and their number |
//! | [`generators`] | halo2's generators: a string, hashed to the curve |
//! | [`lagrange`] | the same in the Lagrange basis |
//! | [`parameters`] | both bases, their files, pinned by digest |
//! | [`verify`] | the verdict |
//! | [`chain`] | proofs that continue each other |
//! | [`cost`] | what verifying takes at most, from the key alone |
//! | `sizes` | the verifier's steps on sizes instead of values |
//! | [`mod@format`] | bytes on disk |
//! | [`error`] | one variant per reason for refusal |
//!
//! The verifier trusts nothing: no unsafe code, no panic, no indexing, no allocation from an
//! unchecked length. Without the feature `parallel` it builds for 32-bit targets such as wasm32,
//! and with Rust 1.85. What verifying by a stranger's key may take, [`Cost`] says before anything
//! is spent.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::arithmetic_side_effects
    )
)]

pub mod adjoint;
pub mod analysis;
pub mod argument;
mod arrays;
pub mod chain;
pub mod combination;
pub mod contraction;
pub mod cost;
mod cotangent;
mod coverage;
pub mod description;
pub mod error;
pub mod factors;
mod facts;
pub mod field;
pub mod format;
mod forms;
pub mod generators;
pub mod interval;
pub mod key;
pub mod lagrange;
pub mod layout;
pub mod limits;
pub mod messages;
pub mod multilinear;
pub mod opening;
pub mod parameters;
pub mod proof;
pub mod public;
pub mod readers;
pub mod reading;
pub mod row_sum;
pub mod running_sum;
pub mod seal;
pub mod sheet;
mod sizes;
mod sliding;
pub mod small;
pub mod statement;
pub mod tables;
mod threads;
pub mod transcript;
pub mod verify;
pub mod view;

pub use chain::verify_chain;
pub use cost::{Budget, Cost};
pub use description::{Description, Visibility};
pub use error::{DescriptionError, FormatError, Rejection};
pub use key::{Digest, VerifyingKey};
pub use limits::MAX_COLUMNS;
pub use parameters::{Parameters, ParametersError};
pub use proof::Proof;
pub use reading::Reading;
pub use seal::{CheckedSeal, Seal};
pub use statement::{Statement, Value};

/// Smallest supported `k`: the messages of the row sum need [`messages::rows`] rows.
pub const MIN_K: u32 = 7;
/// Largest supported `k`.
pub const MAX_K: u32 = 16;
/// Widest remainder limb.
pub const MAX_LIMB_BITS: u32 = 16;
/// Random rows behind the boundary row: three evaluations of the running sum are revealed (at `x`,
/// at `ωx`, and at the opening's own point), and one row is margin. See
/// `docs/argument/zero-knowledge.md`.
pub const BLINDING_ROWS: usize = 4;
/// Rows that hold no cells: the mask row, the boundary row, the blinding rows.
pub const RESERVED_ROWS: usize = 2 + BLINDING_ROWS;
/// Rows of `2^k` that hold cells.
pub fn usable_rows(k: u32) -> usize {
    1usize.checked_shl(k).unwrap_or(0).saturating_sub(RESERVED_ROWS)
}

/// Lookups that share a helper column.
pub const LOOKUPS_PER_HELPER: usize = 8;
/// Degree of the row sum's polynomial in each variable: a helper times its lookups' denominators
/// times the row's weight.
pub const ROW_DEGREE: usize = LOOKUPS_PER_HELPER + 2;
