//! Which whole values are kept as the integers that they are.
//!
//! Conditions, counts, indices and what is computed from them then have scale 1 and no rounding.
//! Not where that would be refused or cost more than it is worth: a value whose readers bring it to
//! another scale anyway, or that is too long for their tables.

use crate::float::graph::{Graph, Node, Operator};
use crate::float::range::Range;
use crate::float::whole::{self, Ends, Whole};
use crate::integer::graph::{MAX_TABLE, ValueId};
use crate::integer::signature::Grid;

/// Most keys of a TopK, and so of whole numbers that it puts in order.
pub(super) const MAX_KEYS: usize = 1 << 18;
/// Integers of what is quantised to 8 bits.
const USUAL: usize = 256;

/// Integers of whole values.
pub(super) struct Integers {
    values: Vec<Option<Grid>>,
    arguments: Vec<Option<Grid>>,
}

impl Integers {
    /// `ranges` are those that were measured, of each value.
    pub(super) fn new(graph: &Graph, ranges: &[Range], consumers: &[Vec<usize>]) -> Self {
        let measured = |value: ValueId| {
            let Range { minimum, maximum } = ranges[value];
            [minimum.floor() as i64, maximum.ceil() as i64]
        };
        let inputs = graph.inputs.iter().enumerate().map(|(value, input)| {
            let grid = input.grid.filter(Grid::is_whole)?;
            Some(if grid.is_open() { measured(value) } else { [grid.minimum, grid.maximum] })
        });
        let whole = Whole::of(graph, inputs.collect(), |index| Some(measured(graph.result(index))));
        let grid = |value: ValueId, ends: Ends| {
            let [low, high] = measured(value);
            let seen = || [ends[0].max(low), ends[1].min(high)];
            whole::grid(ends)
                .or_else(|| Some(seen()).filter(|[low, high]| low <= high).and_then(whole::grid))
        };
        let values = whole.values.iter().enumerate();
        let mut values: Vec<Option<Grid>> =
            values.map(|(value, ends)| ends.and_then(|ends| grid(value, ends))).collect();
        // From back to front: a value is kept if a reader gains from it.
        for value in (0..values.len()).rev() {
            if let Some(grid) = values[value]
                && !graph.is_output(value)
                && !consumers[value].is_empty()
            {
                let gains = |&index: &usize| accepts(graph, index, value, grid, &values);
                if !consumers[value].iter().any(gains) {
                    values[value] = None;
                }
            }
        }
        let arguments = whole.arguments.iter().map(|ends| ends.and_then(whole::grid));
        Self { values, arguments: arguments.collect() }
    }

    /// The integers of a value that is kept as it is.
    pub(super) fn value(&self, value: ValueId) -> Option<Grid> {
        self.values[value]
    }

    /// The integers of what a node's fused activation reads, if they are kept as they are.
    pub(super) fn argument(&self, node: usize) -> Option<Grid> {
        self.arguments[node]
    }
}

/// Whether a node reads a value better as the integers that it is.
fn accepts(
    graph: &Graph,
    index: usize,
    value: ValueId,
    grid: Grid,
    values: &[Option<Grid>],
) -> bool {
    let node: &Node = &graph.nodes[index];
    let kept = values[graph.result(index)].is_some();
    let pairs = || {
        let counts = node.inputs.iter().map(|&input| match values[input] {
            _ if input == value => grid.count(),
            Some(other) => other.count(),
            None => USUAL,
        });
        counts.product::<usize>() <= MAX_TABLE
    };
    match &node.operator {
        operator if operator.is_view() => kept,
        Operator::MaxPool { .. } | Operator::Pad { .. } | Operator::Concat { .. } => kept,
        Operator::Select => kept || node.inputs[0] == value,
        Operator::Binary(operator) => match operator.by_difference() {
            Some(_) => {
                pairs()
                    || node.inputs.iter().all(|&input| input == value || values[input].is_some())
            }
            None if operator.is_condition() => pairs(),
            None if is_extreme(node) => kept,
            None => (kept || grid.count() <= USUAL) && pairs(),
        },
        Operator::TopK { axis, .. } | Operator::ArgMax { axis, .. } => {
            graph.shape(value)[*axis].saturating_mul(grid.count()) <= MAX_KEYS
        }
        _ => kept || grid.count() <= USUAL,
    }
}

fn is_extreme(node: &Node) -> bool {
    use crate::float::binary::BinaryOperator;
    matches!(node.operator, Operator::Binary(BinaryOperator::Max | BinaryOperator::Min))
}
