//! The kinds of places where cells stand, and runs of them.

use std::ops::Range;

/// The kinds of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// `limb`, looked up as `(limb)`; also inputs that are not public and results of the plain
    /// form.
    Limb,
    /// `quotient, result`, looked up as `(quotient, result)`.
    Pair,
    /// `high, side, low, result`, looked up as `(high, side)` and `(side, low, result)`.
    Clamp,
    /// A value that a linear equation determines; no lookup.
    Copy,
    /// `u, v`, the operands of a product element by element; linear equations determine them; no
    /// lookup.
    Operands,
    /// `u, v`, the factors of a bilinear node; linear equations determine them; no lookup.
    Factors,
}

impl Lane {
    /// Every kind, in column order.
    pub const ALL: [Self; 6] =
        [Self::Limb, Self::Pair, Self::Clamp, Self::Copy, Self::Operands, Self::Factors];

    /// Number of columns.
    pub fn width(self) -> usize {
        match self {
            Self::Limb | Self::Copy => 1,
            Self::Pair | Self::Operands | Self::Factors => 2,
            Self::Clamp => 4,
        }
    }

    /// The lookups, each as a range of the lane's columns.
    #[allow(clippy::single_range_in_vec_init, reason = "one lookup, over a range of columns")]
    pub fn lookups(self) -> &'static [Range<usize>] {
        match self {
            Self::Limb => &[0..1],
            Self::Pair => &[0..2],
            Self::Clamp => &[0..2, 1..4],
            Self::Copy | Self::Operands | Self::Factors => &[],
        }
    }

    /// The column that holds the result of a requantisation.
    pub fn result(self) -> usize {
        self.width().saturating_sub(1)
    }

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Limb => 0,
            Self::Pair => 1,
            Self::Clamp => 2,
            Self::Copy => 3,
            Self::Operands => 4,
            Self::Factors => 5,
        }
    }
}

/// Consecutive positions of one kind of lane, one per tensor element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The kind.
    pub lane: Lane,
    /// First position.
    pub start: usize,
    /// Number of positions.
    pub count: usize,
    pub(crate) tags: [usize; 2],
}

impl Run {
    /// One tag per lookup of the lane.
    pub fn tags(&self) -> &[usize] {
        self.tags.get(..self.lane.lookups().len()).unwrap_or_default()
    }
}

/// The cells of one node or ArgMax.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// Limbs, lowest first; of a bounded node then the one that bounds the highest.
    pub limbs: Vec<Run>,
    /// Quotient and result of a requantisation, a copy, a private input, the operands of a product
    /// element by element, the factors of a bilinear node; none for an ArgMax or a bounded node.
    pub result: Option<Run>,
}

/// A piece of a run within one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The column.
    pub column: usize,
    /// Its rows.
    pub rows: Range<usize>,
    /// The tensor elements that stand there.
    pub elements: Range<usize>,
}

/// One lookup argument: the columns of its tuple, and its tag by row (0 elsewhere).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Adjacent columns.
    pub columns: Range<usize>,
    /// Disjoint row ranges and their tags.
    pub tags: Vec<(Range<usize>, usize)>,
}

/// Adds `values`, one per element of a tensor, to the cells of its pieces.
#[allow(clippy::arithmetic_side_effects, reason = "T is a field, or integers added to zero")]
pub fn add<T: Copy + core::ops::AddAssign>(
    columns: &mut [Vec<T>],
    pieces: impl Iterator<Item = Piece>,
    values: &[T],
) {
    for piece in pieces {
        let Some(column) = columns.get_mut(piece.column) else { continue };
        let (Some(rows), Some(values)) = (column.get_mut(piece.rows), values.get(piece.elements))
        else {
            continue;
        };
        rows.iter_mut().zip(values).for_each(|(to, from)| *to += *from);
    }
}
