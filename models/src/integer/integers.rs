//! Integers as their digits base 256, in as many bytes as the largest needs.
//!
//! Most weights are int8 and take a byte each. Those that do not fit have further digits, all of
//! them between −128 and 127, each in a vector of its own: digits are what a circuit multiplies by
//! and what a seal commits to, so graph, circuit and prover read the same bytes. Nothing copies
//! them: clones share them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a second digit counts.
pub const BASE: i64 = 1 << BITS;
/// Bits of a digit.
const BITS: u32 = 8;
/// Most digits of an integer that a graph holds.
const MOST_DIGITS: usize = 3;

/// Integers, as many bytes each as the largest in size has digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Integers(Vec<Digits>);

/// A digit of each.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits(Arc<Vec<i8>>);

impl From<Vec<i32>> for Integers {
    fn from(mut rest: Vec<i32>) -> Self {
        let mut all = Vec::new();
        loop {
            let digits: Vec<i8> = rest.iter().map(|&integer| integer as i8).collect();
            // `(integer − digit) / 256`, whose numerator may leave 32 bits.
            let left = |(integer, &digit): (&mut i32, &i8)| {
                *integer = (*integer >> BITS) + i32::from(digit < 0);
                *integer != 0
            };
            let more = rest.iter_mut().zip(&digits).fold(false, |more, each| left(each) | more);
            all.push(Digits(digits.into()));
            if !more {
                return Self(all);
            }
        }
    }
}

impl FromIterator<i32> for Integers {
    fn from_iter<I: IntoIterator<Item = i32>>(integers: I) -> Self {
        integers.into_iter().collect::<Vec<i32>>().into()
    }
}

impl Integers {
    /// What a graph has where it refers to nothing.
    pub(crate) const NONE: Self = Self(Vec::new());

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.first().map_or(0, |digits| digits.0.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their digits base [`BASE`], lowest first.
    pub fn digits(&self) -> impl ExactSizeIterator<Item = &Arc<Vec<i8>>> {
        self.0.iter().map(|digits| &digits.0)
    }

    /// The integers themselves where a digit is all that they have.
    pub fn bytes(&self) -> Option<&[i8]> {
        match self.0.as_slice() {
            [Digits(digits)] => Some(digits),
            _ => None,
        }
    }

    /// One of them.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn get(&self, index: usize) -> i32 {
        let digits = self.0.iter().rev().map(|digits| i64::from(digits.0[index]));
        digits.fold(0, |integer, digit| integer * BASE + digit) as i32
    }

    /// One after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i32> + Clone {
        self.range(0..self.len())
    }

    /// Those of a range.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn range(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = i32> + Clone {
        let low = self.0.first().map_or(&[][..], |digits| &digits.0[range.clone()]);
        let more = self.0.len() > 1;
        low.iter().zip(range).map(
            move |(&low, index)| {
                if more { self.get(index) } else { low.into() }
            },
        )
    }

    /// Rows of so many.
    pub fn rows(&self, terms: usize) -> impl Iterator<Item = impl ExactSizeIterator<Item = i32>> {
        let starts = (0..self.len()).step_by(terms.max(1));
        starts.map(move |start| self.range(start..self.len().min(start + terms)))
    }

    /// Each in four bytes.
    pub fn to_vec(&self) -> Vec<i32> {
        self.iter().collect()
    }
}

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytemuck::cast_slice(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Digits;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Digits, E> {
                Ok(Digits(bytemuck::cast_slice(bytes).to_vec().into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Digits, A::Error> {
                let mut digits = Vec::new();
                while let Some(byte) = bytes.next_element::<u8>()? {
                    digits.push(byte as i8);
                }
                Ok(Digits(digits.into()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

impl<'de> Deserialize<'de> for Integers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = Vec::<Digits>::deserialize(deserializer)?;
        let integers = Self(digits);
        let all = &integers.0;
        let alike = all.iter().all(|digits| digits.0.len() == integers.len());
        let needed = all.len() == 1
            || all.last().is_some_and(|highest| highest.0.iter().any(|&digit| digit != 0));
        if alike && needed && all.len() <= MOST_DIGITS {
            return Ok(integers);
        }
        Err(D::Error::custom("integers have one to three digits each, and no highest one is zero"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_their_digits() {
        let small = Integers::from(vec![-128, 0, 127]);
        assert_eq!(small.bytes(), Some(&[-128, 0, 127][..]));
        let wide = [255, -255, 128, -129, 32_639, -32_640, 5, 8_355_711, -8_355_711];
        let integers = Integers::from(wide.to_vec());
        assert_eq!((integers.digits().len(), integers.bytes()), (3, None));
        assert_eq!(integers.to_vec(), wide);
        assert_eq!(integers.range(1..3).collect::<Vec<_>>(), wide[1..3]);
        let rows: Vec<Vec<i32>> = integers.rows(4).map(Iterator::collect).collect();
        assert_eq!(rows, [&wide[..4], &wide[4..8], &wide[8..]]);
        assert_eq!(Integers::from(wide[..7].to_vec()).digits().len(), 2);
        // Far beyond what a valid graph holds, and still the same integers.
        let ends = [i32::MIN, i32::MAX, i32::MAX - 127];
        assert_eq!(Integers::from(ends.to_vec()).to_vec(), ends);
        let none = Integers::from(Vec::new());
        assert_eq!((none.len(), none.digits().len(), none.iter().len()), (0, 1, 0));
    }

    #[test]
    fn each_digit_is_a_byte_of_a_file_and_none_is_in_vain() {
        let integers = Integers::from(vec![-1, 300, 2]);
        let bytes = postcard::to_stdvec(&integers).unwrap();
        assert_eq!(bytes, [2, 3, 255, 44, 2, 3, 0, 1, 0]);
        assert_eq!(postcard::from_bytes::<Integers>(&bytes).unwrap(), integers);
        let json = serde_json::to_string(&integers).unwrap();
        assert_eq!(serde_json::from_str::<Integers>(&json).unwrap(), integers);
        let refused: [&[u8]; 4] = [
            &[0],
            // A second digit that is zero, one that is missing, and a fourth.
            &[2, 2, 5, 6, 2, 0, 0],
            &[2, 2, 5, 6, 1, 1],
            &[4, 1, 5, 1, 5, 1, 5, 1, 5],
        ];
        for bytes in refused {
            assert!(postcard::from_bytes::<Integers>(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn clones_share_their_bytes() {
        let integers = Integers::from(vec![1, 2, 3]);
        let both = [&integers, &integers.clone()].map(|of| of.digits().next().unwrap().as_ptr());
        assert_eq!(both[0], both[1]);
    }
}
