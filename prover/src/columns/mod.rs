//! The columns that a proof commits to, and those that were sealed before it.

mod combine;
mod factors;
mod sealed;
mod tensors;

pub use combine::{Cells, combine};
pub use factors::factor_columns;
pub use sealed::{SealedColumn, SealedColumns, Seed};
pub use tensors::Tensors;

use crate::commit::Column;

/// Every committed column of one proof, in the layout's order.
pub struct Columns<'a> {
    /// Fresh lanes.
    pub cells: Vec<Column<'a>>,
    /// Sealed inputs, outputs and biases.
    pub dense: Vec<SealedColumn<'a>>,
    /// Factors.
    pub factors: Vec<Column<'a>>,
    /// Sealed weights.
    pub weights: Vec<SealedColumn<'a>>,
    /// Multiplicities.
    pub multiplicities: Vec<Column<'a>>,
    /// Helpers.
    pub helpers: Vec<Column<'a>>,
}
