//! The laws of a layout that soundness rests on, rechecked on its outcome: every element of every
//! run and sheet has cells of its own, and every cell of a lane with lookups is looked up in a
//! table, with a non-zero tag where an operator uses it.
//!
//! Pieces are compared, not cells: a short description may have very many cells. A sheet has whole
//! columns, and says itself what is where in them.

use std::ops::Range;

use crate::circuit::layout::Layout;
use crate::circuit::place::{Lane, Piece};
use crate::circuit::sheet::Sheet;
use crate::error::DescriptionError as Error;

/// The rows that pieces use, by column, and the lookups that cover the columns.
struct Coverage {
    /// Column and rows of every piece.
    pieces: Vec<(usize, Range<usize>)>,
    /// Used rows of every column.
    used: Vec<usize>,
    usable: usize,
}

impl Coverage {
    /// Adds pieces; the number of elements in them, unless one is not inside a column.
    fn add(&mut self, pieces: impl Iterator<Item = Piece>) -> Option<usize> {
        let mut elements = 0usize;
        for Piece { column, rows, elements: piece } in pieces {
            if rows.end > self.usable || rows.len() != piece.len() {
                return None;
            }
            elements = elements.checked_add(piece.len())?;
            let used = self.used.get_mut(column)?;
            *used = used.checked_add(rows.len())?;
            self.pieces.push((column, rows));
        }
        Some(elements)
    }

    /// Adds columns of a sheet, whole; the number of elements in them.
    fn add_sheet(&mut self, sheet: &Sheet) -> Option<usize> {
        let mut elements = 0usize;
        for (index, column) in sheet.columns.clone().enumerate() {
            let held = sheet.held(index);
            elements = elements.checked_add(held).filter(|_| held <= self.usable)?;
            self.pieces.push((column, 0..self.usable));
        }
        Some(elements)
    }

    /// Whether no row of a column is in two pieces.
    fn is_disjoint(&mut self) -> bool {
        self.pieces.sort_unstable_by_key(|(column, rows)| (*column, rows.start));
        let mut pairs = self.pieces.iter().zip(self.pieces.iter().skip(1));
        pairs.all(|((column, rows), (other, next))| column != other || rows.end <= next.start)
    }
}

/// Checks the laws.
pub(crate) fn check(layout: &Layout) -> Result<(), Error> {
    let law = |what| Err(Error::Layout { what });
    let usable = layout.usable;
    let mut coverage = Coverage { pieces: Vec::new(), used: vec![0; layout.columns()], usable };
    for run in layout.runs() {
        if run.tags().contains(&0) {
            return law("a run lacks a tag");
        }
        for column in 0..run.lane.width() {
            if coverage.add(layout.pieces(run, column)) != Some(run.count) {
                return law("a run lacks cells");
            }
        }
    }
    for sheet in &layout.sheets {
        if coverage.add_sheet(sheet) != Some(sheet.tensor.elements()) {
            return law("a sealed tensor lacks cells");
        }
    }
    if !coverage.is_disjoint() {
        return law("two operators share a cell");
    }
    check_lookups(layout, &coverage)
}

/// That every used cell of a lookup has one tag, and every column is in a lookup or determined.
fn check_lookups(layout: &Layout, coverage: &Coverage) -> Result<(), Error> {
    let law = |what| Err(Error::Layout { what });
    let usable = layout.usable;
    let mut covered = vec![false; layout.columns()];
    let cover = |covered: &mut [bool], columns: &Range<usize>| {
        covered.get_mut(columns.clone()).unwrap_or_default().fill(true);
    };
    for lookup in &layout.lookups {
        cover(&mut covered, &lookup.columns);
        let mut tags: Vec<&Range<usize>> = lookup.tags.iter().map(|(rows, _)| rows).collect();
        tags.sort_unstable_by_key(|rows| rows.start);
        let ordered =
            tags.iter().zip(tags.iter().skip(1)).all(|(rows, next)| rows.end <= next.start);
        if !ordered || tags.last().is_some_and(|rows| rows.end > usable) {
            return law("two tags meet in a row");
        }
        let tagged: usize = tags.iter().map(|rows| rows.len()).sum();
        if coverage
            .used
            .get(lookup.columns.clone())
            .is_none_or(|used| used.iter().any(|&used| used != tagged))
        {
            return law("a used cell has no tag");
        }
    }
    // Linear equations determine copies, operands, factors and sealed columns.
    cover(&mut covered, &layout.lane_columns(Lane::Copy));
    cover(&mut covered, &layout.lane_columns(Lane::Operands));
    cover(&mut covered, &layout.factor_columns());
    layout.sheets.iter().for_each(|sheet| cover(&mut covered, &sheet.columns));
    if covered.contains(&false) {
        return law("a column is in no lookup");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::description::{
        Description, Form, Function, Hadamard, Input, Node, Operator, Output, OutputSource,
        Quantisation, Requantise, Scheme, Visibility,
    };
    use crate::circuit::key::VerifyingKey;
    use crate::circuit::place::Run;

    /// A sealed input of two columns, requantised in the wide form and in the narrow one, a copy
    /// and a product of elements: a column or more of every kind but factors.
    fn layout() -> Layout {
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let requantise = |form| Requantise { input: 0, shift: 2, function: 0, form };
        let operators = [
            Operator::Input(0),
            Operator::Requantise(requantise(Form::Wide)),
            Operator::Requantise(requantise(Form::Narrow)),
            Operator::Copy(0),
            Operator::Hadamard(Hadamard { left: 0, right: COPY }),
        ];
        let name = String::new;
        let description = Description {
            name: name(),
            k: 7,
            limb_bits: 2,
            bias_digits: 0,
            functions: vec![Function::clamp(-2, 1)],
            inputs: vec![Input {
                name: name(),
                shape: vec![2, 70],
                minimum: -8,
                maximum: 7,
                quantisation: quantisation.clone(),
                visibility: Visibility::Sealed,
            }],
            nodes: operators.map(|operator| Node { name: name(), operator }).into(),
            outputs: vec![Output {
                name: name(),
                shape: vec![2, 70],
                source: OutputSource::Node(1),
                quantisation: quantisation.clone(),
                visibility: Visibility::Public,
            }],
        };
        VerifyingKey::new(description).unwrap().layout().clone()
    }

    #[track_caller]
    fn breaks(law: &'static str, change: impl FnOnce(&mut Layout)) {
        let mut layout = layout();
        assert_eq!(check(&layout), Ok(()));
        change(&mut layout);
        assert_eq!(check(&layout), Err(Error::Layout { what: law }));
    }

    fn result(layout: &mut Layout, node: usize) -> &mut Run {
        layout.nodes[node].as_mut().unwrap().result.as_mut().unwrap()
    }

    const INPUT: usize = 0;
    const WIDE: usize = 1;
    const NARROW: usize = 2;
    const COPY: usize = 3;
    const PRODUCT: usize = 4;

    #[test]
    fn every_lookup_of_a_segment_has_a_tag() {
        // One tag for the two lookups of a clamp, none for the one of a limb.
        breaks("a run lacks a tag", |layout| result(layout, NARROW).lane = Lane::Clamp);
        breaks("a run lacks a tag", |layout| result(layout, COPY).lane = Lane::Limb);
        breaks("a run lacks a tag", |layout| result(layout, PRODUCT).lane = Lane::Pair);
    }

    #[test]
    fn every_element_has_a_cell_of_its_own() {
        for node in [INPUT, WIDE, NARROW, COPY, PRODUCT] {
            breaks("a run lacks cells", |layout| result(layout, node).count += 10_000);
        }
        breaks("a sealed tensor lacks cells", |layout| layout.sheets[0].columns.end -= 1);
        breaks("two operators share a cell", |layout| {
            let input = result(layout, INPUT).start;
            layout.nodes[NARROW].as_mut().unwrap().limbs[0].start = input;
        });
        breaks("two operators share a cell", |layout| {
            let next = result(layout, INPUT).start + result(layout, INPUT).count - 1;
            layout.nodes[WIDE].as_mut().unwrap().limbs[0].start = next;
        });
        // A sealed tensor on the cells of the copy.
        breaks("two operators share a cell", |layout| {
            let copies = layout.lane_columns(Lane::Copy);
            layout.sheets[0].columns = copies.start..copies.start + 2;
        });
    }

    #[test]
    fn every_used_row_of_a_lookup_has_one_tag() {
        for lookup in 0..layout().lookups.len() {
            breaks("a used cell has no tag", |layout| {
                layout.lookups[lookup].tags.pop();
            });
            breaks("a used cell has no tag", |layout| layout.lookups[lookup].tags[0].0.end -= 1);
            breaks("two tags meet in a row", |layout| {
                let tag = layout.lookups[lookup].tags[0].clone();
                layout.lookups[lookup].tags.push(tag);
            });
        }
        // The mask row, behind the cells.
        breaks("two tags meet in a row", |layout| {
            let usable = layout.usable;
            layout.lookups[0].tags.push((usable..usable + 1, 1));
        });
    }

    #[test]
    fn every_column_of_a_lane_with_lookups_is_in_one() {
        for lookup in 0..layout().lookups.len() {
            // The second column of a clamp is in two lookups, the others in one.
            breaks("a column is in no lookup", |layout| drop(layout.lookups.remove(lookup)));
        }
    }
}
