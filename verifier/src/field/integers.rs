//! Integers at the width they are kept in: a sealed model has hundreds of millions of them, all of
//! which fit a byte.

use std::ops::Range;
use std::sync::Arc;

/// Integers in one byte each, which several may share, or in eight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integers {
    /// Between −128 and 127.
    Bytes(Arc<Vec<i8>>),
    /// Any.
    Words(Vec<i64>),
}

/// A view of integers, at the width they are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice<'a> {
    /// Between −128 and 127.
    Bytes(&'a [i8]),
    /// Any.
    Words(&'a [i64]),
}

impl From<Vec<i64>> for Integers {
    fn from(integers: Vec<i64>) -> Self {
        Self::Words(integers)
    }
}

impl Integers {
    /// All of them.
    pub fn as_slice(&self) -> Slice<'_> {
        match self {
            Self::Bytes(integers) => Slice::Bytes(integers),
            Self::Words(integers) => Slice::Words(integers),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each in eight bytes.
    pub fn to_vec(&self) -> Vec<i64> {
        self.as_slice().iter().collect()
    }
}

impl<'a> Slice<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Self::Bytes(integers) => integers.len(),
            Self::Words(integers) => integers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Those of a range, which must lie within.
    pub fn get(self, range: Range<usize>) -> Option<Self> {
        match self {
            Self::Bytes(integers) => integers.get(range).map(Self::Bytes),
            Self::Words(integers) => integers.get(range).map(Self::Words),
        }
    }

    /// Rows of so many, the last one perhaps shorter.
    pub fn rows(self, terms: usize) -> impl Iterator<Item = Self> {
        let (bytes, words): (&[i8], &[i64]) = match self {
            Self::Bytes(integers) => (integers, &[]),
            Self::Words(integers) => (&[], integers),
        };
        let terms = terms.max(1);
        bytes.chunks(terms).map(Self::Bytes).chain(words.chunks(terms).map(Self::Words))
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = i64> + 'a {
        let (bytes, words): (&[i8], &[i64]) = match self {
            Self::Bytes(integers) => (integers, &[]),
            Self::Words(integers) => (&[], integers),
        };
        bytes.iter().map(|&byte| byte.into()).chain(words.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_widths_hold_the_same_integers() {
        let words = Integers::from(vec![-128, 0, 127, 5]);
        let bytes = Integers::Bytes(Arc::new(vec![-128, 0, 127, 5]));
        for integers in [&words, &bytes] {
            assert_eq!(integers.to_vec(), [-128, 0, 127, 5]);
            assert_eq!((integers.len(), integers.is_empty()), (4, false));
            let slice = integers.as_slice();
            assert!(slice.get(1..3).unwrap().iter().eq([0, 127]));
            assert!(slice.get(4..4).unwrap().is_empty());
            assert_eq!(slice.get(3..5), None);
            let rows: Vec<Vec<i64>> = slice.rows(3).map(|row| row.iter().collect()).collect();
            assert_eq!(rows, [vec![-128, 0, 127], vec![5]]);
        }
    }
}
