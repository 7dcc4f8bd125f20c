//! Why something was refused: one variant per reason.
//!
//! Whoever wrote a file chose the names in it: messages quote them with `{:?}`, which escapes
//! whatever could break or turn a line.

mod description;
mod format;
mod rejection;

pub use description::DescriptionError;
pub use format::FormatError;
pub use rejection::Rejection;
