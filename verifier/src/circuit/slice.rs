//! Rows that matter, where the statement says which.

use serde::{Deserialize, Serialize};

/// Indices `n + offset, n + offset + 1, …` of one dimension, `count` of them, where `n` is the only
/// element of a public input: rows that matter, where the statement says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SliceAt {
    /// The node read.
    pub input: usize,
    /// The dimension.
    pub axis: usize,
    /// Index of the input that says where, which is public.
    pub at: usize,
    /// What is added to it.
    pub offset: i64,
    /// How many indices.
    pub count: usize,
}

impl SliceAt {
    /// The first index, where the input says `n`.
    pub fn start(&self, n: i64) -> usize {
        // The statement's check refuses what its input's range leaves out.
        let start = n.checked_add(self.offset).and_then(|start| usize::try_from(start).ok());
        start.unwrap_or(usize::MAX)
    }
}
