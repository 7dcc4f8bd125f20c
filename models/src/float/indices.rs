//! Inputs that are indices of tables, and the ranges that follow from them.

use super::graph::{Graph, Operator};
use crate::integer::graph::MAX_TABLE;
use crate::integer::signature::Grid;

/// Most rows that an input chooses from.
const MOST: usize = MAX_TABLE;

/// For each input, the rows of the shortest table that its elements, wherever they are moved,
/// choose from; none if they choose from no table.
pub(crate) fn rows(graph: &Graph) -> Vec<Option<usize>> {
    let mut rows: Vec<Option<usize>> = vec![None; graph.inputs.len() + graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        let chosen = match &node.operator {
            Operator::Lookup { table } => {
                Some(table.len() / node.shape.last().copied().unwrap_or(1).max(1))
            }
            Operator::Concat { .. } => rows[graph.result(index)],
            operator if operator.is_view() => rows[graph.result(index)],
            _ => None,
        };
        for &input in &node.inputs {
            rows[input] = [rows[input], chosen].into_iter().flatten().min();
        }
    }
    rows.truncate(graph.inputs.len());
    rows
}

/// Lets inputs of whole numbers that are indices range over the rows of their table, as far as 16
/// bits reach. Gives a note on each.
pub(crate) fn close(graph: &mut Graph) -> Vec<String> {
    let mut notes = Vec::new();
    for (input, rows) in rows(graph).into_iter().enumerate() {
        let input = &mut graph.inputs[input];
        let (Some(rows), Some(grid)) = (rows, input.grid.filter(Grid::is_whole)) else {
            continue;
        };
        let last = rows.min(MOST) as i64 - 1;
        input.grid = Some(Grid::integers(grid.minimum.max(0), grid.maximum.min(last)));
        let bits = if rows > MOST { ", the most that 16 bits say" } else { "" };
        notes.push(format!(
            "input {:?} is an index of a table of {rows} rows: it is one of 0..={last}{bits}; \
            `--input-range NAME=LOW,HIGH` says otherwise",
            input.name
        ));
    }
    notes
}
