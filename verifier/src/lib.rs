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
//! Rooms, each of which knows only those above it:
//!
//! | room | knows |
//! |---|---|
//! | [`limits`] | the largest circuit that is read |
//! | [`field`] | small integers, powers and multilinear polynomials in the field |
//! | [`encoding`] | canonical bytes with a checksum, and digests |
//! | [`parameters`] | the generators of commitments in both bases, pinned by digest |
//! | [`circuit`] | what is proven: the description, what follows from it, the verifying key |
//! | [`wire`] | what crosses the wire: statement, proof, seal, and all files |
//! | [`adjoint`] | the random backward pass: `κ` and its target |
//! | [`argument`] | the rounds of the argument, and what its messages must satisfy |
//! | [`verify`] | the verdict on a proof, and on a seal |
//! | [`chain`] | proofs that continue each other |
//! | [`cost`] | what verifying takes at most, from the key alone |
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
        clippy::arithmetic_side_effects,
        clippy::too_many_lines
    )
)]

pub mod adjoint;
pub mod argument;
pub mod chain;
pub mod challenges;
pub mod circuit;
pub mod cost;
pub mod encoding;
pub mod error;
pub mod field;
pub mod limits;
pub mod parameters;
mod threads;
pub mod verify;
pub mod visibility;
pub mod wire;

pub use argument::row_sum::ROW_DEGREE;
pub use chain::verify_chain;
pub use circuit::description::Description;
pub use circuit::key::VerifyingKey;
pub use circuit::layout::LOOKUPS_PER_HELPER;
pub use circuit::rows::{BLINDING_ROWS, RESERVED_ROWS, usable_rows};
pub use cost::{Budget, Cost};
pub use encoding::digest::Digest;
pub use error::{DescriptionError, FormatError, Rejection};
pub use limits::{MAX_COLUMNS, MAX_K, MAX_LIMB_BITS, MIN_K};
pub use parameters::{Parameters, ParametersError};
pub use visibility::Visibility;
pub use wire::generation::Generation;
pub use wire::proof::Proof;
pub use wire::reading::Reading;
pub use wire::seal::{CheckedSeal, Seal};
pub use wire::statement::{Statement, Value};
