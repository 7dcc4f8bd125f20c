//! The stages of proving: for progress bars, profiles, and the cost model that predicts them.

/// A stage of proving. The first two come before the argument, the last one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading files.
    Reading,
    /// Running the network, and the witness with it.
    Running,
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
    pub const ALL: [Self; 13] = [
        Self::Reading,
        Self::Running,
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
            Self::Reading => "reading files",
            Self::Running => "running the network",
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
