//! Sealed tensors: where their elements stand.
//!
//! A sealed tensor occupies whole columns of its own, so that its commitments serve any number of
//! proofs. It is seen as a matrix of *units* (its first dimension) by *length* (all others). Units
//! stand below each other while a column has room for a whole one; a unit longer than a column runs
//! over several. So the cells of a unit always are one of a few *patterns*: the same rows for the
//! same offsets. That makes the cotangents of sealed weights, `coefficient(unit)·τ^offset`, cheap
//! to evaluate: one polynomial a pattern (`docs/sealed.md`).

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
    /// The digits of all sealed biases, one unit per output channel of every sealed contraction in
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
}

/// The same offsets of several units on the same rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The rows.
    pub rows: Range<usize>,
    /// First of as many offsets into a unit.
    pub start: usize,
}

impl Sheet {
    /// A sheet from column `first` on.
    pub fn new(role: Role, tensor: SealedTensor, first: usize, usable: usize) -> Self {
        let (units, length) = tensor.matrix();
        let mut sheet =
            Self { role, tensor, columns: first..first, usable: usable.max(1), units, length };
        let count = match sheet.units_per_column() {
            0 => units.saturating_mul(sheet.columns_per_unit()),
            units_per_column => units.div_ceil(units_per_column),
        };
        sheet.columns = first..first.saturating_add(count);
        sheet
    }

    /// The least that can be cut off in whole columns: so many units, on so many columns.
    pub(crate) fn step(&self) -> (usize, usize) {
        match self.units_per_column() {
            0 => (1, self.columns_per_unit()),
            fit => (fit, 1),
        }
    }

    /// Units that fit a column; 0 if none does.
    fn units_per_column(&self) -> usize {
        self.usable.checked_div(self.length).unwrap_or(0)
    }

    /// Columns that a unit longer than one needs.
    fn columns_per_unit(&self) -> usize {
        self.length.div_ceil(self.usable)
    }

    /// The rows and offsets that cells of a unit can have.
    pub fn patterns(&self) -> Vec<Pattern> {
        let pattern = |first: usize, length: usize, start| Pattern {
            rows: first..first.saturating_add(length),
            start,
        };
        match self.units_per_column() {
            0 => (0..self.columns_per_unit())
                .map(|part| part.saturating_mul(self.usable))
                .map(|start| pattern(0, self.usable.min(self.length.saturating_sub(start)), start))
                .collect(),
            fit => (0..fit.min(self.units))
                .map(|unit| pattern(unit.saturating_mul(self.length), self.length, 0))
                .collect(),
        }
    }

    /// The units with cells in a column, counted from the sheet's first, each with the index of its
    /// pattern.
    pub fn members(&self, column: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (units, pattern) = match self.units_per_column() {
            0 => {
                let parts = self.columns_per_unit().max(1);
                let unit = column.checked_div(parts).unwrap_or(0);
                (unit..unit.saturating_add(1), column.checked_rem(parts).unwrap_or(0))
            }
            fit => {
                let first = column.saturating_mul(fit);
                (first..first.saturating_add(fit).min(self.units), 0)
            }
        };
        units.enumerate().map(move |(place, unit)| (pattern.saturating_add(place), unit))
    }

    /// The cells, column by column.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + use<> {
        let (fit, units, length, usable) =
            (self.units_per_column(), self.units, self.length, self.usable);
        let parts = self.columns_per_unit().max(1);
        self.columns.clone().enumerate().map(move |(index, column)| {
            let (start, end) = match fit {
                0 => {
                    let unit = index.checked_div(parts).unwrap_or(0).saturating_mul(length);
                    let offset = index.checked_rem(parts).unwrap_or(0).saturating_mul(usable);
                    let start = unit.saturating_add(offset);
                    (start, start.saturating_add(usable).min(unit.saturating_add(length)))
                }
                fit => {
                    let unit = index.saturating_mul(fit);
                    (
                        unit.saturating_mul(length),
                        unit.saturating_add(fit).min(units).saturating_mul(length),
                    )
                }
            };
            Piece { column, rows: 0..end.saturating_sub(start), elements: start..end }
        })
    }

    /// The columns that hold these elements, `usable` rows each; cells without an element are zero.
    pub fn fill(&self, elements: &[i64]) -> Vec<Vec<i64>> {
        let column = |piece: Piece| {
            let mut column = elements.get(piece.elements).unwrap_or_default().to_vec();
            column.resize(self.usable, 0);
            column
        };
        self.pieces().map(column).collect()
    }
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
        tensors.push((Role::Biases, integers("biases", vec![biases, digits], SEALED_DIGIT)));
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

    #[test]
    fn every_element_has_one_cell_and_its_pattern_says_which() {
        for (units, length, usable) in
            [(1, 1, 5), (7, 3, 10), (4, 5, 5), (3, 11, 5), (2, 10, 5), (9, 2, 100), (1, 40, 7)]
        {
            let sheet = sheet(units, length, usable);
            let values: Vec<i64> = (1..=(units * length) as i64).collect();
            let columns = sheet.fill(&values);
            assert_eq!(columns.len(), sheet.columns.len());
            let pieces: Vec<Piece> = sheet.pieces().collect();
            assert!(
                pieces
                    .iter()
                    .all(|piece| piece.rows.len() == piece.elements.len()
                        && piece.rows.end <= usable)
            );
            let covered: Vec<usize> =
                pieces.iter().flat_map(|piece| piece.elements.clone()).collect();
            assert_eq!(
                covered,
                (0..units * length).collect::<Vec<_>>(),
                "{units} units of {length}"
            );
            let mut found = vec![0; units * length];
            let patterns = sheet.patterns();
            for (index, column) in columns.iter().enumerate() {
                for (pattern, unit) in sheet.members(index) {
                    let Pattern { rows, start } = patterns[pattern].clone();
                    for (offset, row) in rows.enumerate() {
                        found[unit * length + start + offset] = column[row];
                    }
                }
            }
            assert_eq!(found, values, "{units} units of {length} in columns of {usable}");
        }
    }
}
