//! Rows that hold cells, and those that do not.

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
