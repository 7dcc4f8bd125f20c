//! Byte pair encoding: neighbours are merged, the pair of the lowest rank first.

use std::collections::HashMap;

/// A vocabulary and the pairs that are merged.
pub struct Merges {
    pub ids: HashMap<String, i64>,
    /// The rank of each pair.
    pub ranks: HashMap<(String, String), usize>,
    /// Whether a piece that is in the vocabulary is not taken apart.
    pub whole: bool,
    /// The id of what is not in the vocabulary.
    pub unknown: Option<i64>,
}

impl Merges {
    /// The ids of a piece.
    ///
    /// # Errors
    /// What has no id.
    pub fn ids(&self, piece: &str) -> Result<Vec<i64>, String> {
        if let Some(&id) = self.ids.get(piece).filter(|_| self.whole) {
            return Ok(vec![id]);
        }
        let mut symbols: Vec<String> = piece.chars().map(String::from).collect();
        while let Some(place) = self.next(&symbols) {
            let second = symbols.remove(place + 1);
            symbols[place].push_str(&second);
        }
        let id = |symbol: String| self.ids.get(&symbol).copied().or(self.unknown).ok_or(symbol);
        symbols.into_iter().map(id).collect()
    }

    /// Where the pair of the lowest rank stands, the first of equal ones.
    fn next(&self, symbols: &[String]) -> Option<usize> {
        let pairs = symbols.windows(2).enumerate();
        let ranked = pairs.filter_map(|(place, pair)| {
            let rank = self.ranks.get(&(pair[0].clone(), pair[1].clone()))?;
            Some((rank, place))
        });
        ranked.min().map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merges(whole: bool, unknown: Option<i64>) -> Merges {
        let ids = ["a", "b", "c", "ab", "bc", "abc"].iter().zip(0..);
        let ids = ids.map(|(token, id)| ((*token).to_owned(), id)).collect();
        let pairs = [("b", "c"), ("a", "b"), ("a", "bc")].iter().zip(0..);
        let ranks = pairs.map(|((a, b), rank)| (((*a).to_owned(), (*b).to_owned()), rank));
        Merges { ids, ranks: ranks.collect(), whole, unknown }
    }

    #[test]
    fn the_lowest_rank_is_merged_first() {
        assert_eq!(merges(false, None).ids("abcab"), Ok(vec![5, 3]));
        assert_eq!(merges(false, None).ids("aab"), Ok(vec![0, 3]));
        let mut few = merges(true, None);
        few.ranks.clear();
        assert_eq!(few.ids("abc"), Ok(vec![5]));
        few.whole = false;
        assert_eq!(few.ids("abc"), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn what_has_no_id_is_unknown_or_said() {
        assert_eq!(merges(false, None).ids("axb"), Err("x".into()));
        assert_eq!(merges(false, Some(9)).ids("axb"), Ok(vec![0, 9, 1]));
    }
}
