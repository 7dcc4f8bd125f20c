//! Indices within a network: where they come from, ArgMax, and where they lead, tables.

use super::emit::Quantiser;
use super::error::QuantiseError;
use super::scale;
use super::settings::NARROW;
use super::whole::MAX_KEYS;
use crate::float::range::Range;
use crate::integer::graph::{Function, Operator, ValueId};
use crate::integer::signature::Grid;

impl Quantiser<'_> {
    /// The rows of a table that a node looks up, which every index must have.
    pub(super) fn check_index(&self, index: usize, table: &[f64]) -> Result<(), QuantiseError> {
        let node = &self.float.nodes[index];
        let rows = (table.len() / node.shape.last().copied().unwrap_or(1).max(1)) as i64;
        let Grid { minimum, maximum, .. } = self.grids[self.ids[node.inputs[0]]];
        let whole = self.grids[self.ids[node.inputs[0]]].is_whole();
        if whole && minimum >= -rows && maximum < rows {
            return Ok(());
        }
        Err(QuantiseError::Index {
            node: node.name.clone(),
            rows,
            found: match whole {
                true => format!("from {minimum} to {maximum}"),
                false => "that is rounded to a scale of its own".into(),
            },
        })
    }

    /// Columns of a table, one for each index that can occur. All entries are within the result's
    /// range, whatever calibration saw of them.
    pub(super) fn look_up(&self, index: usize, table: &[f64], input: ValueId) -> (Operator, Grid) {
        let node = &self.float.nodes[index];
        let length = node.shape.last().copied().unwrap_or(1).max(1);
        let rows = (table.len() / length) as i64;
        let of_table = || {
            let entries = self.choices.streams.table(self.ids.len());
            let entries =
                entries.unwrap_or_else(|| Range::ZERO.including(table.iter().map(|&x| x as f32)));
            scale::activation(entries, self.choices.bits(self.ids.len()))
        };
        let kept = node.grid.or_else(|| self.choices.whole(self.ids.len()));
        let grid = kept.unwrap_or_else(of_table);
        let Grid { minimum, maximum, .. } = self.grids[input];
        let row = |index: i64| (if index < 0 { index + rows } else { index }) as usize;
        let entry =
            |column: usize, index: i64| grid.quantise(table[row(index) * length + column]) as i32;
        let columns =
            (0..length).flat_map(|column| (minimum..=maximum).map(move |index| (column, index)));
        let values = columns.map(|(column, index)| entry(column, index)).collect();
        (Operator::Lookup { minimum, values }, grid)
    }

    /// What is put in order, in as many bits as its keys leave it.
    pub(super) fn fit_order(&mut self, index: usize, axis: usize, input: ValueId) -> ValueId {
        let grid = self.grids[input];
        let length = self.graph.shape(input)[axis].max(1);
        if grid.bits() <= NARROW || length.saturating_mul(grid.count()) <= MAX_KEYS {
            return input;
        }
        let bits = (MAX_KEYS / length).max(1).ilog2().max(NARROW);
        let name = format!("{}/narrow", self.float.nodes[index].name);
        self.rescale(&name, input, scale::activation(scale::span(grid), bits))
    }

    /// An ArgMax that others read: the index of a TopK of one. The last of equal elements is the
    /// first from behind.
    pub(super) fn inner_arg_max(
        &mut self,
        index: usize,
        axis: usize,
        select_last: bool,
        smallest: bool,
        input: ValueId,
    ) {
        let node = &self.float.nodes[index];
        let shape = self.graph.shape(input).to_vec();
        let last = shape[axis] as i64 - 1;
        let grid = Grid::integers(0, last);
        let mut kept = shape.clone();
        kept[axis] = 1;
        let named = |piece: &str| format!("{}/{piece}", node.name);
        let mut value = self.fit_order(index, axis, input);
        if select_last {
            let turned = Operator::Slice { axis, start: shape[axis] - 1, step: -1 };
            value = self.push(named("turned"), vec![value], turned, shape, self.grids[value]);
        }
        let top = Operator::TopK { axis, smallest, indices: true };
        value = self.push(named("top"), vec![value], top, kept.clone(), grid);
        if select_last {
            let function = Function { minimum: 0, values: (0..=last).rev().collect() };
            let back = Operator::Activation(function);
            value = self.push(named("back"), vec![value], back, kept, grid);
        }
        let shape = node.shape.clone();
        value = self.push(node.name.clone(), vec![value], Operator::Reshape, shape, grid);
        self.ids.push(value);
    }
}
