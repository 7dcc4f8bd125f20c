//! Text → ids and back.

use std::collections::HashMap;

use anyhow::{Result, bail};

use super::bytes::Characters;
use super::merges::Merges;
use super::pieces::Splitting;

/// A byte pair encoding.
pub struct Tokenizer {
    pub(super) merges: Merges,
    /// What each id stands for.
    pub(super) tokens: HashMap<i64, String>,
    /// Texts that are ids of their own, the longest first.
    pub(super) added: Vec<(String, i64)>,
    pub(super) splitting: Splitting,
    /// Where characters stand for bytes.
    pub(super) characters: Option<Characters>,
}

impl Tokenizer {
    /// The ids of a text.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>> {
        let mut ids = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let next = self.added.iter().filter_map(|(added, id)| {
                rest.find(added.as_str()).map(|at| (at, added.len(), *id))
            });
            // The first; of two at one place the longer, which stands first.
            let Some((at, length, id)) = next.min_by_key(|&(at, ..)| at) else {
                self.plain(rest, &mut ids)?;
                break;
            };
            self.plain(&rest[..at], &mut ids)?;
            ids.push(id);
            rest = &rest[at + length..];
        }
        Ok(ids)
    }

    /// The ids of a text without any that are their own.
    fn plain(&self, text: &str, ids: &mut Vec<i64>) -> Result<()> {
        for piece in self.splitting.pieces(text) {
            let spelt = match &self.characters {
                Some(characters) => characters.of(piece.as_bytes()),
                None => piece.to_owned(),
            };
            match self.merges.ids(&spelt) {
                Ok(found) => ids.extend(found),
                Err(unknown) => bail!("the tokenizer knows no id for {unknown:?}"),
            }
        }
        Ok(())
    }

    /// The text of ids.
    pub fn decode(&self, ids: &[i64]) -> String {
        let added = |id: i64| self.added.iter().any(|(_, other)| *other == id);
        let mut bytes = Vec::new();
        for id in ids {
            match (self.tokens.get(id), &self.characters) {
                (Some(token), Some(characters)) if !added(*id) => {
                    bytes.extend(characters.bytes(token));
                }
                (Some(token), _) => bytes.extend(token.bytes()),
                (None, _) => bytes.extend(format!("<{id}>").bytes()),
            }
        }
        // An answer may end within a character.
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
