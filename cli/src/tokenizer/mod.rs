//! `tokenizer.json`: text to ids and back, for byte pair encodings.
//!
//! | file | from → to |
//! |---|---|
//! | `file` | JSON → a tokenizer; refuses what it does not know, by name |
//! | `codec` | text ↔ ids |
//! | `pieces` | text → pieces that are merged by themselves |
//! | `merges` | a piece → ids |
//! | `bytes` | bytes ↔ the characters that stand for them |
//!
//! The crate `tokenizers` knows more kinds, and brings 41 others with it.

mod bytes;
mod codec;
mod file;
mod merges;
mod pieces;

use std::path::Path;

use anyhow::{Context, Result};
use zkinfer::foreign;

pub use codec::Tokenizer;

/// Most bytes of such a file.
const LIMIT: usize = 1 << 26;

impl Tokenizer {
    /// Reads `tokenizer.json`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::files::read(path, LIMIT)?;
        file::parse(&text).with_context(|| foreign::path(path))
    }
}
