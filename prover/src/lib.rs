//! The multithreaded prover: a circuit's cells and statement to a proof.
//!
//! ```text
//! ONNX ─ models ▶ graph ─ circuits ▶ circuit, witness ─ prover ▶ proof ─ verifier ▶ verdict
//!                                                                        ▲ here
//! ```
//!
//! It knows no networks: it proves any [`VerifyingKey`](zkinfer_verifier::VerifyingKey) with any
//! witness.
//!
//! | module | knows |
//! |---|---|
//! | [`error`] | why no proof was made |
//! | [`msm`] | the kernels below commitments |
//! | [`integers`] | sums of small integers times field elements |
//! | [`commit`] | columns, their random rows and commitments |
//! | [`columns`] | all columns of a proof, and those that were sealed before it |
//! | [`writer`] | the bytes of an argument in the making |
//! | [`row_sum`] | lookups, and the rounds that reduce the row sum to one point |
//! | [`opening`] | the combination of all columns, its running sum, the opening |
//! | [`assignment`] | what a proof is made of |
//! | [`prove`] | the rounds, in order |
//! | [`sealing`] | sealing tensors, and what opens them |
//! | [`measure`] | what sums of points take on a device |
//!
//! Each imports those above it only.

pub mod assignment;
pub mod columns;
pub mod commit;
pub mod error;
pub mod integers;
pub mod measure;
pub mod msm;
pub mod opening;
pub mod prove;
pub mod row_sum;
pub mod sealing;
pub mod writer;

pub use assignment::Assignment;
pub use columns::SealedColumns;
pub use error::ProveError;
pub use prove::Prover;
pub use sealing::Opening;
