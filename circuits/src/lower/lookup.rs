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
//! **Public indices**, those of an input that every proof shows: the verifier knows which column
//! each is, so the table is read by a contraction that is linear in its weights. Cells: none if
//! these are public, else those of a requantisation for each element of the result.
//!
//! All rest on the index being one of the `N`: what a graph can compute is within its bounds,
//! which validation compares with the table, and an input's range is checked with every proof.

use zkinfer_models::integer::graph::{Function, Integers, Node, Requantise, Ties, Window};
use zkinfer_verifier::circuit::description::{
    Contract, NodeId, OneHot, ViewKind, Visibility, Weights,
};
use zkinfer_verifier::circuit::interval::Interval;

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
    values: &Integers,
) -> Result<NodeId, Error> {
    let operand = lowering.only_operand(node)?;
    let rows = node.shape.last().copied().unwrap_or(1).max(1);
    let (columns, positions) = (values.len() / rows, operand.shape.iter().product::<usize>());
    if columns == 0 || values.len() != rows * columns {
        return Err(lowering.malformed("its table has a column for each row"));
    }
    let public = lowering
        .builder
        .input_of(operand.node)
        .filter(|&input| lowering.started.inputs[input].visibility == Visibility::Public);
    let index = lowering.builder.reshape(operand.node, &[1, 1, positions]);
    let result = if let Some(input) = public {
        let indices = OneHot { input, first: minimum, count: columns };
        let one_hot = lowering.builder.one_hot(indices, vec![columns, 1, positions]);
        let exact = !lowering.sealed;
        read(lowering, one_hot, exact, values, [rows, positions])?
    } else if !lowering.sealed && tables_are_cheaper(rows, columns, positions) {
        by_tables(lowering, index, minimum, values, [rows, columns, positions])
    } else {
        let one_hot = one_hot(lowering, index, minimum, [columns, positions]);
        read(lowering, one_hot, false, values, [rows, positions])?
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
    values: &Integers,
    [rows, columns, positions]: [usize; 3],
) -> NodeId {
    let offsets = (0..rows).map(|row| (row * columns) as i64 - minimum).collect();
    let places = shifted(lowering, index, offsets, positions);
    let values = values.iter().map(i64::from).collect();
    lowering.builder.requantise(places, 0, &Function { minimum: 0, values })
}

/// A row of a one for the column that each index names, and zeros for all others.
pub(super) fn one_hot(
    lowering: &mut Lowering<'_>,
    index: NodeId,
    minimum: i64,
    [columns, positions]: [usize; 2],
) -> NodeId {
    let offsets = (0..columns).map(|column| -minimum - column as i64).collect();
    let distances = shifted(lowering, index, offsets, positions);
    let equal = Function { minimum: -1, values: vec![0, 1, 0] };
    lowering.builder.requantise(distances, 0, &equal)
}

/// The columns that `[columns, 1, positions]` zeros and ones name. Sealed ones are brought to their
/// range: as those of any contraction they have a bias, of which only the prover knows that it is
/// zero.
fn read(
    lowering: &mut Lowering<'_>,
    one_hot: NodeId,
    exact: bool,
    values: &Integers,
    [rows, positions]: [usize; 2],
) -> Result<NodeId, Error> {
    let ends = (values.iter().min(), values.iter().max());
    let (least, most) = ends.0.zip(ends.1).unwrap_or((0, 0));
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
        requantise: (!exact).then_some(&requantise),
    };
    let geometry = slide(one_hot, &Window::unit(), 1, rows);
    let result = terms.contract(lowering, geometry, [rows, 1, positions], true)?;
    let (minimum, maximum) = (least.into(), most.into());
    lowering.builder.narrow(result, Interval { minimum, maximum });
    Ok(result)
}
