//! The laws of a layout that soundness rests on, rechecked on its outcome: every element of every segment and sheet has cells of its own, and every
//! cell of a lane with lookups is looked up in a table, with a non-zero tag where an operator uses it.
//!
//! Pieces are compared, not cells: a short description may have very many cells.

use std::ops::Range;

use crate::error::DescriptionError as Error;
use crate::layout::{Lane, Layout, Piece};

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
    for segment in layout.segments() {
        if segment.tags().contains(&0) {
            return law("a segment lacks a tag");
        }
        for column in 0..segment.lane.width() {
            if coverage.add(layout.pieces(segment, column)) != Some(segment.count) {
                return law("a segment lacks cells");
            }
        }
    }
    for sheet in &layout.sheets {
        if coverage.add(sheet.pieces()) != Some(sheet.tensor.elements()) {
            return law("a sealed tensor lacks cells");
        }
    }
    if !coverage.is_disjoint() {
        return law("two operators share a cell");
    }
    let mut covered = vec![false; layout.columns()];
    let cover = |covered: &mut [bool], columns: &Range<usize>| {
        covered.get_mut(columns.clone()).unwrap_or_default().fill(true);
    };
    for lookup in &layout.lookups {
        cover(&mut covered, &lookup.columns);
        let mut tags: Vec<&Range<usize>> = lookup.tags.iter().map(|(rows, _)| rows).collect();
        tags.sort_unstable_by_key(|rows| rows.start);
        let ordered = tags.iter().zip(tags.iter().skip(1)).all(|(rows, next)| rows.end <= next.start);
        if !ordered || tags.last().is_some_and(|rows| rows.end > usable) {
            return law("two tags meet in a row");
        }
        let tagged: usize = tags.iter().map(|rows| rows.len()).sum();
        if coverage.used.get(lookup.columns.clone()).is_none_or(|used| used.iter().any(|&used| used != tagged)) {
            return law("a used cell has no tag");
        }
    }
    // Linear equations determine copies, factors and sealed columns.
    cover(&mut covered, &layout.lane_columns(Lane::Copy));
    cover(&mut covered, &layout.factor_columns());
    layout.sheets.iter().for_each(|sheet| cover(&mut covered, &sheet.columns));
    if covered.contains(&false) {
        return law("a column is in no lookup");
    }
    Ok(())
}
