//! Lookup: columns of a known table, chosen by computed indices.
//!
//! **One-hot**: the index less each of the `N` possible ones is zero in one place, which a table of
//! three entries makes a one and all others zeros; the matrix times that is the column. Cells: 2
//! for each index and possible one, and those of a requantisation for each element of the result.
//! The matrix is the weights of a contraction: public or sealed as they are.
//!
//! **A table for each row**: the entry is a function of the index, and those of all `D` rows are
//! one function of `N·d + index`. Cells: 2 for each element of the result, and `N·D` rows of a
//! table, which is public. Taken where that is less and the weights are public.
//!
//! Both rest on the index being one of the `N`: what a graph can compute is within its bounds,
//! which validation compares with the table, and an input's range is checked with every proof.

use zkinfer_models::integer::graph::{Function, Node, Requantise, Ties, Window};
use zkinfer_verifier::circuit::description::{Contract, NodeId, ViewKind, Weights};

use super::convolution::slide;
use super::lowering::Lowering;
use super::rescale::{Affine, Rows};
use crate::error::Error;

/// Most entries of the tables of all rows together.
const MAX_ENTRIES: usize = 1 << 18;

pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    node: &Node,
    minimum: i64,
    values: &[i32],
) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    let rows = node.shape.last().copied().unwrap_or(1).max(1);
    let (columns, positions) = (values.len() / rows, operand.shape.iter().product::<usize>());
    if columns == 0 || values.len() != rows * columns {
        return Err(lowering.malformed("its table has a column for each row"));
    }
    let index = lowering.builder.reshape(operand.node, &[1, 1, positions]);
    let result = if !lowering.sealed && tables_are_cheaper(rows, columns, positions) {
        by_tables(lowering, index, minimum, values, [rows, columns, positions])
    } else {
        by_one_hot(lowering, index, minimum, values, [rows, columns, positions])?
    };
    if positions == 1 || rows == 1 {
        return Ok(result);
    }
    let matrix = lowering.builder.reshape(result, &[rows, positions]);
    let transpose = ViewKind::Transpose(vec![1, 0]);
    Ok(lowering.builder.view(&[matrix], transpose, vec![positions, rows]))
}

/// A row of a table costs about what a cell does.
fn tables_are_cheaper(rows: usize, columns: usize, positions: usize) -> bool {
    let entries = rows.saturating_mul(columns);
    let results = rows.saturating_mul(positions);
    let tables = entries.saturating_add(2 * results);
    let one_hot = 2usize.saturating_mul(columns).saturating_mul(positions + 1) + 4 * results;
    entries <= MAX_ENTRIES && tables <= one_hot
}

/// `x + offset` for each of the offsets, one row each.
fn shifted(
    lowering: &mut Lowering<'_>,
    index: NodeId,
    offsets: Vec<i64>,
    positions: usize,
) -> NodeId {
    let rows = offsets.len();
    let contract = Contract {
        weights: Weights::Public(vec![1; rows]),
        row_factors: vec![1; rows],
        bias: offsets,
        ..slide(index, &Window::unit(), 1, rows)
    };
    lowering.builder.contract(contract, [rows, 1, positions])
}

fn by_tables(
    lowering: &mut Lowering<'_>,
    index: NodeId,
    minimum: i64,
    values: &[i32],
    [rows, columns, positions]: [usize; 3],
) -> NodeId {
    let offsets = (0..rows).map(|row| (row * columns) as i64 - minimum).collect();
    let places = shifted(lowering, index, offsets, positions);
    let values = values.iter().map(|&value| value.into()).collect();
    lowering.builder.requantise(places, 0, &Function { minimum: 0, values })
}

fn by_one_hot(
    lowering: &mut Lowering<'_>,
    index: NodeId,
    minimum: i64,
    values: &[i32],
    [rows, columns, positions]: [usize; 3],
) -> Result<NodeId, Error> {
    let offsets = (0..columns).map(|column| -minimum - column as i64).collect();
    let distances = shifted(lowering, index, offsets, positions);
    let equal = Function { minimum: -1, values: vec![0, 1, 0] };
    let one_hot = lowering.builder.requantise(distances, 0, &equal);
    let ends = (values.iter().min(), values.iter().max());
    let (least, most) = ends.0.zip(ends.1).map_or((0, 0), |(&least, &most)| (least, most));
    let requantise = Requantise {
        shift: 0,
        ties: Ties::Up,
        zero_point: 0,
        function: Function::clamp(least.into(), most.into()),
    };
    let terms = Affine {
        weights: Rows::Own(values),
        bias: &vec![0; rows],
        multipliers: &vec![1; rows],
        requantise: Some(&requantise),
    };
    let geometry = slide(one_hot, &Window::unit(), 1, rows);
    terms.contract(lowering, geometry, [rows, 1, positions], true)
}
