//! The multithreaded prover: a circuit's cells and statement to a proof.
//!
//! ```text
//! ONNX ─ models ▶ graph ─ circuits ▶ circuit, witness ─ prover ▶ proof ─ verifier ▶ verdict
//!                                                                        ▲ here
//! ```
//!
//! It knows no networks: it proves any [`VerifyingKey`](zkinfer_verifier::VerifyingKey) with any
//! witness, one file per step.
//!
//! | module | knows |
//! |---|---|
//! | [`prove`] | the rounds, in order |
//! | [`commit`] | columns, their random rows and commitments |
//! | [`seal`] | sealing tensors, and what opens them |
//! | [`sealed`] | the columns of sealed tensors |
//! | [`lookup`] | multiplicities, denominators, helpers |
//! | [`adjoint`] | what stands for sealed weights in the adjoint check |
//! | [`tables`] | all columns as tables of the row sum |
//! | [`row_sum`] | the rounds that reduce it to one point |
//! | [`running_sum`] | the columns that are opened, and their running sum |
//! | [`quotient`] | its constraints over the vanishing polynomial |
//! | [`open`] | the multi-point opening |
//! | [`inner_product`] | the last step of the opening |
//! | [`msm`] | the kernels below commitments |
//! | [`measure`] | what sums of points take on a device |
//! | [`cache`] | the parameters on disk |
//! | [`files`] | reading regular files only, and taking turns in a directory |
//! | [`error`] | why no proof was made |

pub mod adjoint;
pub mod cache;
pub mod commit;
pub mod error;
pub mod files;
pub mod inner_product;
pub mod lookup;
pub mod measure;
pub mod msm;
pub mod open;
pub mod prove;
pub mod quotient;
pub mod row_sum;
pub mod running_sum;
pub mod seal;
pub mod sealed;
pub mod tables;

pub use error::ProveError;
pub use prove::{Claim, Prover};
pub use seal::Opening;
pub use sealed::SealedColumns;

/// A stage of proving, for progress bars and profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Counting lookups.
    Counting,
    /// Committing to cells.
    Cells,
    /// Committing to multiplicities.
    Multiplicities,
    /// The factors of products.
    Factors,
    /// Denominators, helpers, and the commitments to them.
    Helpers,
    /// The backward pass.
    Adjoint,
    /// The rounds of the row sum.
    RowSum,
    /// The combination of columns and its running sum.
    RunningSum,
    /// The quotient.
    Quotient,
    /// Evaluations and their opening.
    Opening,
    /// Verifying the finished proof.
    SelfCheck,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 11] = [
        Self::Counting,
        Self::Cells,
        Self::Multiplicities,
        Self::Factors,
        Self::Helpers,
        Self::Adjoint,
        Self::RowSum,
        Self::RunningSum,
        Self::Quotient,
        Self::Opening,
        Self::SelfCheck,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counting => "counting lookups",
            Self::Cells => "committing to cells",
            Self::Multiplicities => "committing to multiplicities",
            Self::Factors => "factors of products",
            Self::Helpers => "lookup helpers",
            Self::Adjoint => "adjoint pass",
            Self::RowSum => "row sum",
            Self::RunningSum => "running sum",
            Self::Quotient => "quotient",
            Self::Opening => "opening",
            Self::SelfCheck => "self-check",
        }
    }
}
