//! The multithreaded prover: a circuit's cells and statement to a proof.
//!
//! ```text
//! ONNX ─ models ─▶ quantised graph ─ circuits ─▶ description + witness ─ prover ─▶ proof ─ verifier ─▶ verdict
//!                                                                        ▲ here
//! ```
//!
//! It knows no networks: it proves any [`VerifyingKey`](zkinfer_verifier::VerifyingKey) with any witness, one file per step.
//!
//! | module | knows |
//! |---|---|
//! | [`prove`] | the rounds, in order |
//! | [`commit`] | columns, their random rows and commitments |
//! | [`seal`] | sealing tensors, and what opens them |
//! | [`sealed`] | sealed columns under fresh commitments |
//! | [`link`] | the proof that they are the same columns |
//! | [`lookup`] | multiplicities, helpers, the lookup sum |
//! | [`adjoint`] | the running sum of the adjoint check |
//! | [`quotient`] | the constraints over the vanishing polynomial |
//! | [`open`] | evaluations and their opening |
//! | [`inner_product`] | the last step of the opening |
//! | [`msm`] | the kernels below commitments |
//! | [`cache`] | the parameters on disk |
//! | [`error`] | why no proof was made |

pub mod adjoint;
pub mod cache;
pub mod commit;
pub mod error;
pub mod inner_product;
pub mod link;
pub mod lookup;
pub mod msm;
pub mod open;
pub mod prove;
pub mod quotient;
pub mod seal;
pub mod sealed;

pub use error::ProveError;
pub use prove::{Claim, Prover};
pub use seal::Opening;
pub use sealed::SealedColumns;

/// A stage of proving, for progress bars and profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Counting lookups, committing to cells and multiplicities, re-randomising sealed columns.
    Cells,
    /// The factors of products, the link.
    Factors,
    /// The backward pass and its running sum.
    Adjoint,
    /// Helpers, the lookup sum, and the commitments to them.
    Lookups,
    /// The quotient and the commitments to its pieces.
    Quotient,
    /// Evaluations and their opening.
    Opening,
    /// Verifying the finished proof.
    SelfCheck,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 7] =
        [Self::Cells, Self::Factors, Self::Adjoint, Self::Lookups, Self::Quotient, Self::Opening, Self::SelfCheck];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cells => "committing to cells",
            Self::Factors => "factors and link",
            Self::Adjoint => "adjoint check",
            Self::Lookups => "lookups",
            Self::Quotient => "quotient",
            Self::Opening => "opening",
            Self::SelfCheck => "self-check",
        }
    }
}
