//! The largest circuit that is read: bounds on everything that a short file could otherwise make
//! long.
//!
//! Each is checked before anything is derived from what it bounds, lists while they are decoded. So
//! reading a key, a seal or a proof takes memory in proportion to its bytes, and time as well. What
//! verifying takes can be more, and is known from the key alone: see [`crate::cost`].

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};

/// Smallest supported `k`: the messages of the row sum need
/// [`messages::rows`](crate::argument::messages::rows) rows.
pub const MIN_K: u32 = 7;
/// Largest supported `k`.
pub const MAX_K: u32 = 16;
/// Widest remainder limb.
pub const MAX_LIMB_BITS: u32 = 16;
/// Most digits of a sealed bias: enough for 32 bits.
pub const MAX_BIAS_DIGITS: u32 = 6;
/// Most bits that a requantisation divides by.
pub const MAX_SHIFT: u32 = 60;
/// Most nodes of a description.
pub const MAX_NODES: usize = 1 << 16;
/// Most inputs, most outputs, and most tensors of a seal.
pub const MAX_TENSORS: usize = 1 << 12;
/// Most elements of a seal that one of its range proofs is about, in whole columns, and most of
/// these: proving takes some 220 bytes an element. A unit that is longer has a proof of its own.
pub const PART_CELLS: usize = 1 << 23;
/// See [`PART_CELLS`].
pub const PART_COLUMNS: usize = 1 << 10;
/// Most range proofs of a seal.
pub const MAX_RANGE_PROOFS: usize = 1 << 14;
/// Most dimensions of a tensor.
pub const MAX_RANK: usize = 8;
/// Most elements of all nodes together; also of weights of one contraction.
pub const MAX_ELEMENTS: usize = 1 << 28;
/// Most elements that all nodes together read: a tensor counts once for each place where one reads
/// it, and so do public weights that another node has.
pub const MAX_READS: usize = 1 << 30;
/// Most products of single taps and positions in the backward pass of a contraction, for each
/// element that it reads or makes and each of its weights. Only a cotangent that is not of rank one
/// costs them, and factors of columns.
pub const MAX_PER_ELEMENT: u64 = 64;
/// Most runs of cells: limbs, results, copies and factors of all nodes, and the limbs of every
/// ArgMax.
pub const MAX_RUNS: usize = 1 << 18;
/// Most rows of all tables together.
pub const MAX_TABLE_ROWS: usize = 1 << 22;
/// Most columns of cells, and most table slots.
pub const MAX_COLUMNS: usize = 1 << 14;

/// Decodes a list of at most `LIMIT` entries, and no entry of a longer one.
pub(crate) fn bounded<'de, D, T, const LIMIT: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const LIMIT: usize>(core::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const LIMIT: usize> Visitor<'de> for Bounded<T, LIMIT> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(f, "at most {LIMIT} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() >= LIMIT {
                    return Err(A::Error::custom("too many entries"));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Bounded::<T, LIMIT>(core::marker::PhantomData))
}
