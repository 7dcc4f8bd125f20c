//! Sealed tensors: where their elements stand.
//!
//! A sealed tensor occupies whole columns of its own, so that its commitments serve any number of
//! proofs. It is seen as a matrix of *units* (its first dimension) by *length* (all others). A unit
//! is cut into *parts* of `2^bits` elements, the last one of what is left, and each part stands in
//! a *slot*: as many rows, from a multiple of `2^bits` on. So the lowest bits of a row say which
//! element of a part stands there, and the others which part of which unit: the cotangents of
//! sealed weights, `coefficient(unit)·tap(offset)`, are products of what these bits choose, in
//! every column (`docs/sealed.md`).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::circuit::analysis::Analysis;
use crate::circuit::description::{
    Contract, Description, Operator, Quantisation, Scheme, Visibility, Weights,
};
use crate::circuit::geometry::depth;
use crate::circuit::interval::Interval;
use crate::circuit::place::Piece;
use crate::circuit::sealed::{SEALED_DIGIT, SEALED_WEIGHT};
use crate::limits::{MAX_RANK, bounded};

/// What is known of a sealed tensor without opening it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedTensor {
    /// Name in the model.
    pub name: String,
    /// Dimensions, row-major.
    #[serde(deserialize_with = "bounded::<_, _, MAX_RANK>")]
    pub shape: Vec<usize>,
    /// Smallest integer declared.
    pub minimum: i64,
    /// Largest integer declared.
    pub maximum: i64,
    /// How people read it.
    pub quantisation: Scheme,
}

impl SealedTensor {
    /// First dimension by all others.
    fn matrix(&self) -> (usize, usize) {
        let length =
            self.shape.iter().skip(1).fold(1usize, |product, &size| product.saturating_mul(size));
        (self.shape.first().copied().unwrap_or(1), length)
    }

    /// Whether both are the same tensor to a reader: name, shape, scale and zero point. Declared
    /// ranges may differ, as those of a sealed output and of the input that it becomes do.
    pub fn reads_as(&self, other: &Self) -> bool {
        (&self.name, &self.shape, &self.quantisation)
            == (&other.name, &other.shape, &other.quantisation)
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        let (units, length) = self.matrix();
        units.saturating_mul(length)
    }
}

/// What a sheet holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The sealed input of this index.
    Input(usize),
    /// The sealed output of this index.
    Output(usize),
    /// The digits of all sealed biases, those of each output channel of every sealed contraction in
    /// node order.
    Biases,
    /// The sealed weights of the contraction at this node, whichever others read them too.
    Weights(usize),
}

/// A sealed tensor with its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// What it holds.
    pub role: Role,
    /// What is known of it.
    pub tensor: SealedTensor,
    /// Its columns.
    pub columns: Range<usize>,
    usable: usize,
    units: usize,
    length: usize,
    slots: Slots,
}

/// How units are cut, and what of them fits a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slots {
    /// A slot has `2^bits` rows.
    bits: u32,
    /// Parts of a unit.
    parts: usize,
    /// Slots of a column.
    per_column: usize,
}

/// A part of a unit in its slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The unit.
    pub unit: usize,
    /// Which of its parts.
    pub part: usize,
    /// Which of the tensor's elements.
    pub elements: Range<usize>,
}

impl Slots {
    /// What a row costs whoever proves, in products of a weight and a field element: some in
    /// passes over all weights, and what the row sum does with the slot of a column, which is one
    /// row to it.
    const SLOT: usize = 10;
    /// What a column costs besides, mostly its term in the verifier's last sum.
    const COLUMN: usize = 1 << 10;

    /// The cheapest cut of units of this length: few columns, and long slots. It depends on
    /// nothing else, so that the same units stand alike in any tensor.
    fn new(length: usize, usable: usize) -> Self {
        let mut best = (Self { bits: 0, parts: length, per_column: usable }, u128::MAX, 1);
        for bits in 0..=usable.ilog2().saturating_add(1) {
            let size = 1usize.checked_shl(bits).unwrap_or(usize::MAX);
            let parts = length.div_ceil(size);
            // What is left behind whole slots may have room for a part, if all parts are short.
            let rest = usable.checked_rem(size).unwrap_or(0) >= length.min(size).max(1);
            let whole = usable.checked_div(size).unwrap_or(0);
            let per_column = whole.saturating_add(usize::from(rest));
            let slots = usable.saturating_mul(Self::SLOT).checked_shr(bits).unwrap_or(0);
            let column = usable.saturating_add(Self::COLUMN).saturating_add(slots);
            let wide = |size: usize| u128::try_from(size).unwrap_or(u128::MAX);
            let cost = wide(parts).saturating_mul(wide(column));
            let (_, least, per) = best;
            if per_column > 0 && cost.saturating_mul(per) <= least.saturating_mul(wide(per_column))
            {
                best = (Self { bits, parts, per_column }, cost, wide(per_column));
            }
        }
        best.0
    }

    /// Rows of a slot.
    fn size(self) -> usize {
        1usize.checked_shl(self.bits).unwrap_or(usize::MAX)
    }
}

impl Sheet {
    /// A sheet from column `first` on.
    pub fn new(role: Role, tensor: SealedTensor, first: usize, usable: usize) -> Self {
        let ((units, length), usable) = (tensor.matrix(), usable.max(1));
        let slots = Slots::new(length, usable);
        let count = units.saturating_mul(slots.parts).div_ceil(slots.per_column.max(1));
        let columns = first..first.saturating_add(count);
        Self { role, tensor, columns, usable, units, length, slots }
    }

    /// The least that can be cut off in whole columns: so many units, on so many columns.
    pub(crate) fn step(&self) -> (usize, usize) {
        let (mut divisor, mut rest) = (self.slots.per_column, self.slots.parts);
        while rest > 0 {
            (divisor, rest) = (rest, divisor.checked_rem(rest).unwrap_or(0));
        }
        let by = |count: usize| count.checked_div(divisor).unwrap_or(1).max(1);
        (by(self.slots.per_column), by(self.slots.parts))
    }

    /// How many bits of a row say which element of a part stands there.
    pub fn bits(&self) -> u32 {
        self.slots.bits
    }

    /// How many slots the tensor fills.
    pub fn filled(&self) -> usize {
        self.units.saturating_mul(self.slots.parts)
    }

    /// The offsets into a unit that each of its parts has.
    pub fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (size, length) = (self.slots.size(), self.length);
        (0..self.slots.parts).map(move |part| {
            let start = part.saturating_mul(size);
            start..start.saturating_add(size).min(length)
        })
    }

    /// What stands in a slot of a column of the sheet.
    pub fn slot(&self, column: usize, place: usize) -> Option<Slot> {
        if place >= self.slots.per_column {
            return None;
        }
        let slot = column.saturating_mul(self.slots.per_column).saturating_add(place);
        let unit = slot.checked_div(self.slots.parts).filter(|unit| *unit < self.units)?;
        let part = slot.checked_rem(self.slots.parts)?;
        let (offset, size) = (part.saturating_mul(self.slots.size()), self.slots.size());
        let first = unit.saturating_mul(self.length);
        let start = first.saturating_add(offset);
        let end = offset.saturating_add(size).min(self.length);
        Some(Slot { unit, part, elements: start..first.saturating_add(end) })
    }

    /// All slots of a column of the sheet, from its first row on.
    pub fn slots(&self, column: usize) -> impl Iterator<Item = Slot> + '_ {
        (0..self.slots.per_column).map_while(move |place| self.slot(column, place))
    }

    /// How many elements a column of the sheet holds.
    pub(crate) fn held(&self, column: usize) -> usize {
        let Slots { parts, per_column, .. } = self.slots;
        let size = self.slots.size();
        let end = |column: usize| column.saturating_mul(per_column).min(self.filled());
        let [first, end] = [end(column), end(column.saturating_add(1))];
        // Every unit's last part may be shorter than others.
        let lasts = |slots: usize| slots.checked_div(parts).unwrap_or(0);
        let missing = parts.saturating_mul(size).saturating_sub(self.length);
        let slots = end.saturating_sub(first).saturating_mul(size);
        slots.saturating_sub(lasts(end).saturating_sub(lasts(first)).saturating_mul(missing))
    }

    /// The cells, column by column; parts that follow each other are one piece.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        self.columns.clone().enumerate().flat_map(|(index, column)| {
            let size = self.slots.size();
            let pieces = self.slots(index).enumerate().map(move |(place, slot)| {
                let (start, elements) = (place.saturating_mul(size), slot.elements);
                Piece { column, rows: start..start.saturating_add(elements.len()), elements }
            });
            joined(pieces)
        })
    }

    /// The cells of a column of the sheet among these rows; those without an element are zero.
    pub fn cells<T: Copy + Default>(
        &self,
        elements: &[T],
        column: usize,
        rows: Range<usize>,
    ) -> Vec<T> {
        let (size, mut cells) = (self.slots.size(), Vec::with_capacity(rows.len()));
        let mut row = rows.start;
        while row < rows.end {
            let (place, skipped) =
                (row.checked_div(size).unwrap_or(0), row.checked_rem(size).unwrap_or(0));
            let next = place.saturating_add(1).saturating_mul(size).min(rows.end);
            let slot = self.slot(column, place);
            let part = slot.and_then(|slot| elements.get(slot.elements)).unwrap_or_default();
            let part = part.get(skipped..).unwrap_or_default();
            let room = next.saturating_sub(row);
            cells.extend_from_slice(part.get(..room).unwrap_or(part));
            cells.resize(next.saturating_sub(rows.start), T::default());
            row = next;
        }
        cells
    }

    /// The columns that hold these elements, `usable` rows each.
    pub fn fill(&self, elements: &[i64]) -> Vec<Vec<i64>> {
        (0..self.columns.len()).map(|column| self.cells(elements, column, 0..self.usable)).collect()
    }
}

/// Pieces of one column, those of adjacent rows and elements as one.
fn joined(pieces: impl Iterator<Item = Piece>) -> impl Iterator<Item = Piece> {
    let mut pieces = pieces.peekable();
    std::iter::from_fn(move || {
        let mut piece = pieces.next()?;
        while let Some(next) = pieces.next_if(|next| {
            (piece.rows.end, piece.elements.end) == (next.rows.start, next.elements.start)
        }) {
            piece.rows.end = next.rows.end;
            piece.elements.end = next.elements.end;
        }
        Some(piece)
    })
}

/// The sealed tensors of a circuit, in order: inputs, outputs, biases, weights.
pub fn sealed_tensors(description: &Description, analysis: &Analysis) -> Vec<(Role, SealedTensor)> {
    let mut tensors = Vec::new();
    for (index, input) in description.inputs.iter().enumerate() {
        if input.visibility == Visibility::Sealed {
            let (name, shape) = (input.name.clone(), input.shape.clone());
            let (minimum, maximum, quantisation) =
                (input.minimum, input.maximum, input.quantisation.clone());
            tensors.push((
                Role::Input(index),
                SealedTensor { name, shape, minimum, maximum, quantisation },
            ));
        }
    }
    for ((index, output), facts) in description.outputs.iter().enumerate().zip(&analysis.outputs) {
        if output.visibility == Visibility::Sealed {
            let (name, shape, quantisation) =
                (output.name.clone(), output.shape.clone(), output.quantisation.clone());
            let (minimum, maximum) = (facts.interval.minimum, facts.interval.maximum);
            tensors.push((
                Role::Output(index),
                SealedTensor { name, shape, minimum, maximum, quantisation },
            ));
        }
    }
    tensors.extend(sealed_models(description, analysis));
    tensors
}

/// Those of the model: biases, weights.
fn sealed_models(description: &Description, analysis: &Analysis) -> Vec<(Role, SealedTensor)> {
    let mut tensors = Vec::new();
    let integers = |name: &str, shape: Vec<usize>, range: Interval| SealedTensor {
        name: name.into(),
        shape,
        minimum: range.minimum,
        maximum: range.maximum,
        quantisation: Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 }),
    };
    let sealed = || {
        description.nodes.iter().enumerate().filter_map(|(id, node)| match &node.operator {
            Operator::Contract(contract) if contract.weights.are_sealed() => {
                Some((id, node, contract))
            }
            _ => None,
        })
    };
    let biases = sealed().fold(0usize, |sum, (_, _, contract)| sum.saturating_add(contract.rows));
    let own = |contract: &Contract| contract.weights == Weights::Sealed;
    if biases > 0 {
        let digits = usize::try_from(description.bias_digits).unwrap_or(0);
        tensors.push((
            Role::Biases,
            integers("biases", vec![biases.saturating_mul(digits)], SEALED_DIGIT),
        ));
    }
    for (id, node, contract) in sealed().filter(|(_, _, contract)| own(contract)) {
        let depth = depth(contract, &analysis.nodes).unwrap_or(0);
        tensors.push((
            Role::Weights(id),
            integers(&node.name, vec![contract.rows, depth], SEALED_WEIGHT),
        ));
    }
    tensors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(units: usize, length: usize, usable: usize) -> Sheet {
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let tensor = SealedTensor {
            name: "w".into(),
            shape: vec![units, length],
            minimum: 0,
            maximum: 0,
            quantisation,
        };
        Sheet::new(Role::Biases, tensor, 7, usable)
    }

    /// Units, length, usable rows.
    const SHAPES: [[usize; 3]; 11] = [
        [1, 1, 5],
        [7, 3, 10],
        [4, 5, 5],
        [3, 11, 5],
        [2, 10, 5],
        [9, 2, 100],
        [1, 40, 7],
        [130, 96, 4090],
        [70, 257, 1018],
        [12, 400, 506],
        [3, 1200, 506],
    ];

    #[test]
    fn every_element_has_one_cell_which_its_slot_says() {
        for [units, length, usable] in SHAPES {
            let sheet = sheet(units, length, usable);
            let values: Vec<i64> = (1..=(units * length) as i64).collect();
            let columns = sheet.fill(&values);
            assert_eq!(columns.len(), sheet.columns.len());
            let cells = columns.iter().flatten().filter(|cell| **cell > 0).count();
            assert_eq!(cells, values.len(), "{units} units of {length} in columns of {usable}");

            // By pieces, which join what is adjacent.
            let mut found = vec![0; values.len()];
            for Piece { column, rows, elements } in sheet.pieces() {
                assert_eq!(rows.len(), elements.len());
                found[elements].copy_from_slice(&columns[column - 7][rows]);
            }
            assert_eq!(found, values);

            // By slots: aligned, one part of one unit each.
            let (size, parts) = (1 << sheet.bits(), sheet.parts().collect::<Vec<_>>());
            assert_eq!(parts.iter().map(Range::len).sum::<usize>(), length);
            found.fill(0);
            let mut filled = 0;
            for (index, column) in columns.iter().enumerate() {
                assert_eq!(column.len(), usable);
                for (place, Slot { unit, part, elements }) in sheet.slots(index).enumerate() {
                    assert_eq!(elements.start, unit * length + parts[part].start);
                    assert_eq!(elements.len(), parts[part].len());
                    let rows = place * size..place * size + elements.len();
                    found[elements].copy_from_slice(&column[rows]);
                    filled += 1;
                }
                let held = column.iter().filter(|cell| **cell > 0).count();
                assert_eq!(sheet.held(index), held);
                for rows in [0..usable, 1..usable / 2, usable / 3..usable] {
                    assert_eq!(sheet.cells(&values, index, rows.clone()), column[rows]);
                }
            }
            assert_eq!((found, filled), (values, sheet.filled()));
        }
    }

    #[test]
    fn units_cut_off_at_a_step_stand_as_before() {
        for [units, length, usable] in SHAPES {
            let whole = sheet(units, length, usable);
            let (step, columns) = whole.step();
            let values: Vec<i64> = (1..=(units * length) as i64).collect();
            let head = sheet(step.min(units), length, usable);
            assert!(step >= units || head.columns.len() == columns, "{units} by {length}");
            let (head, whole) =
                (head.fill(&values[..step.min(units) * length]), whole.fill(&values));
            assert_eq!(head, whole[..head.len()]);
        }
    }
}
