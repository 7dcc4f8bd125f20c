//! Who sees a tensor.

use serde::{Deserialize, Serialize};

/// What a proof shows of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Its integers, in the statement.
    #[default]
    Public,
    /// Commitments to it, which other proofs can refer to.
    Sealed,
    /// Nothing but that it exists and is in its range. Inputs only.
    Private,
}

impl std::fmt::Display for Visibility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Sealed => "sealed",
            Self::Private => "private",
        })
    }
}
