//! On which ids each value depends: whether a network looks back only.
//!
//! Ids stand along a dimension of an input; a value may have that dimension too, once or, between
//! queries and keys, twice. What an operator makes of such values follows from its shapes, and from
//! the mask of a softmax.

use std::fmt;

use crate::integer::graph::{Graph, Node, Operator, Requantise, ValueId, Window};

/// On which ids the elements of a value depend. Dimensions count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depends {
    /// On none.
    Free,
    /// Those at index `i` of a dimension on the ids up to `i`.
    Rows(usize),
    /// Those at index `i` of a dimension on the ids up to `(i / inner) mod length`: positions that
    /// are merged with others into one dimension, as where rotary ones are turned.
    Merged { axis: usize, length: usize, inner: usize },
    /// Those at `i` and `j` of two dimensions on the ids up to the larger.
    Pair { row: usize, column: usize },
    /// Those at `i` and `j ≤ i` on the ids up to `i`; all others stand for zero.
    Lower { row: usize, column: usize },
    /// On ids behind them: since this node.
    Behind(usize),
}

/// A network that looks ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LooksAhead {
    /// The node since which it does.
    pub node: String,
    /// Its operator.
    pub operator: &'static str,
}

impl fmt::Display for LooksAhead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, operator } = self;
        write!(
            formatter,
            "node {node:?} ({operator}) makes a position depend on ids behind it, or it is not \
            seen that it does not: a network that generates looks back only, by a causal mask in \
            each of its softmaxes"
        )
    }
}

/// [`Depends`] of every value of a valid graph whose input `ids` has the ids along `axis`.
pub(crate) fn depends(graph: &Graph, ids: usize, axis: usize) -> Vec<Depends> {
    let mut all = vec![Depends::Free; graph.inputs.len()];
    all[ids] = Depends::Rows(axis);
    for (index, node) in graph.nodes.iter().enumerate() {
        let operands: Vec<Depends> = node.inputs.iter().map(|&value| all[value]).collect();
        let behind = operands.iter().find(|operand| matches!(operand, Depends::Behind(_)));
        let free = operands.iter().all(|&operand| operand == Depends::Free);
        all.push(match behind {
            Some(&behind) => behind,
            None if free => Depends::Free,
            None => made(graph, node, &operands).unwrap_or(Depends::Behind(index)),
        });
    }
    all
}

/// Along which dimension a value has a row for each id, each of which depends on no id behind it.
pub(crate) fn rows(graph: &Graph, all: &[Depends], value: ValueId) -> Result<usize, LooksAhead> {
    let producer = value.saturating_sub(graph.inputs.len());
    let node = match all[value] {
        Depends::Rows(axis) => return Ok(axis),
        Depends::Behind(node) => &graph.nodes[node],
        _ => &graph.nodes[producer],
    };
    Err(LooksAhead { node: node.name.clone(), operator: node.operator.name() })
}

/// What an operator makes of operands of which one at least depends on ids, and none on ids behind.
fn made(graph: &Graph, node: &Node, operands: &[Depends]) -> Option<Depends> {
    let shape = |operand: usize| graph.shape(node.inputs[operand]);
    let last = node.shape.len().checked_sub(1);
    match &node.operator {
        Operator::Sum { .. }
        | Operator::Product { .. }
        | Operator::Binary(_)
        | Operator::Max
        | Operator::Min
        | Operator::Select
        | Operator::Activation(_) => together(operands),
        Operator::Lookup { .. } => Some(operands[0]),
        Operator::Linear { .. } | Operator::Normalise { .. } => unless(operands[0], last),
        Operator::Concat { axis } => {
            let same = operands.iter().all(|operand| *operand == operands[0]);
            unless(if same { operands[0] } else { together(operands)? }, Some(*axis))
        }
        Operator::Pad { before, after, .. } => moved(together(operands)?, |axis| {
            (before[axis] == 0 && after[axis] == 0).then_some(axis)
        }),
        Operator::Slice { axis: sliced, start, step } => moved(operands[0], |axis| {
            let whole = *start == 0 && *step == 1 && node.shape[axis] == shape(0)[axis];
            (axis != *sliced || whole).then_some(axis)
        }),
        Operator::Reshape => moved(operands[0], |axis| reshaped(shape(0), axis, &node.shape))
            .filter(|made| !matches!(made, Depends::Merged { .. }))
            .or_else(|| merged(operands[0], shape(0), &node.shape)),
        Operator::Transpose { permutation } => {
            moved(operands[0], |axis| permutation.iter().position(|&from| from == axis))
        }
        Operator::TopK { axis, .. } => unless(operands[0], Some(*axis)),
        Operator::MatMul { .. } => product(operands, shape(0).len()),
        Operator::Softmax { visible, requantise, .. } => {
            let zero = node.quantisation.zero_point;
            softmax(operands[0], &node.shape, visible, stands_for_zero(requantise, zero))
        }
        // Each channel by itself.
        Operator::Convolution { groups, .. }
            if *groups == shape(0)[1]
                && *groups == node.shape[1]
                && matches!(operands[0], Depends::Merged { axis: 1, .. }) =>
        {
            Some(operands[0])
        }
        Operator::Convolution { window, .. }
        | Operator::AveragePool { window, .. }
        | Operator::MaxPool { window } => slid(operands[0], window, shape(0), &node.shape),
        // Rows that were chosen are rows still.
        Operator::SliceAt { .. } => Some(operands[0]),
        Operator::Constant(_) | Operator::ArgMax { .. } | Operator::Greedy { .. } => None,
    }
}

/// Element by element.
fn together(operands: &[Depends]) -> Option<Depends> {
    let weaker = |depends: Depends| match depends {
        Depends::Lower { row, column } => Depends::Pair { row, column },
        other => other,
    };
    operands.iter().copied().map(weaker).try_fold(Depends::Free, |all, next| match (all, next) {
        (Depends::Free, other) | (other, Depends::Free) => Some(other),
        (Depends::Pair { row, column }, Depends::Rows(axis))
        | (Depends::Rows(axis), Depends::Pair { row, column }) => {
            [row, column].contains(&axis).then_some(Depends::Pair { row, column })
        }
        (all, next) => (all == next).then_some(all),
    })
}

/// The same, if it is not along this dimension.
fn unless(depends: Depends, mixed: Option<usize>) -> Option<Depends> {
    let kept = moved(depends, |axis| (Some(axis) != mixed).then_some(axis))?;
    // Sums and the like make something else of what stands for zero.
    together(&[kept])
}

/// The same along dimensions that are moved.
fn moved(depends: Depends, to: impl Fn(usize) -> Option<usize>) -> Option<Depends> {
    Some(match depends {
        Depends::Rows(axis) => Depends::Rows(to(axis)?),
        Depends::Merged { axis, length, inner } => {
            Depends::Merged { axis: to(axis)?, length, inner }
        }
        Depends::Pair { row, column } => Depends::Pair { row: to(row)?, column: to(column)? },
        Depends::Lower { row, column } => Depends::Lower { row: to(row)?, column: to(column)? },
        other => other,
    })
}

/// Where a dimension stands in another shape, if it is there as it was.
pub(super) fn reshaped(from: &[usize], axis: usize, to: &[usize]) -> Option<usize> {
    let before: usize = from[..axis].iter().product();
    let mut product = 1;
    to.iter().position(|&length| {
        let found = product == before && length == from[axis];
        product *= length;
        found
    })
}

/// Where positions stand in another shape, by themselves or merged with other dimensions: a reshape
/// moves no element, so they still are `length` blocks of as many elements.
fn merged(depends: Depends, from: &[usize], to: &[usize]) -> Option<Depends> {
    let (axis, length, inner) = match depends {
        Depends::Rows(axis) => (axis, from[axis], 1),
        Depends::Merged { axis, length, inner } => (axis, length, inner),
        _ => return None,
    };
    let block = inner * from[axis + 1..].iter().product::<usize>();
    (0..to.len()).find_map(|axis| {
        let behind: usize = to[axis + 1..].iter().product();
        let whole = behind * to[axis];
        let fits = block.is_multiple_of(behind) && whole.is_multiple_of(block * length);
        let merged = Depends::Merged { axis, length, inner: block / behind.max(1) };
        let alone = block == behind && to[axis] == length;
        (fits && behind > 0).then_some(if alone { Depends::Rows(axis) } else { merged })
    })
}

fn product(operands: &[Depends], rank: usize) -> Option<Depends> {
    let (row, column) = (rank.checked_sub(2)?, rank - 1);
    match (operands[0], operands[1]) {
        (Depends::Rows(axis), Depends::Free) if axis != column => Some(Depends::Rows(axis)),
        (Depends::Free, Depends::Rows(axis)) if axis != row => Some(Depends::Rows(axis)),
        (Depends::Rows(a), Depends::Rows(b)) if a == row && b == column => {
            Some(Depends::Pair { row, column })
        }
        (Depends::Rows(a), Depends::Rows(b)) if a == b && a < row => Some(Depends::Rows(a)),
        (Depends::Lower { row: a, column: b }, Depends::Rows(c))
            if (a, b, c) == (row, column, row) =>
        {
            Some(Depends::Rows(row))
        }
        _ => None,
    }
}

fn softmax(
    operand: Depends,
    shape: &[usize],
    visible: &[bool],
    stands_for_zero: bool,
) -> Option<Depends> {
    let (row, column) = (shape.len().checked_sub(2)?, shape.len() - 1);
    match operand {
        Depends::Rows(axis) if axis != column => Some(operand),
        Depends::Pair { row: a, column: b } | Depends::Lower { row: a, column: b }
            if (a, b) == (row, column) && !visible.is_empty() && stands_for_zero =>
        {
            let length = shape[column];
            let ahead =
                visible.iter().enumerate().any(|(at, &sees)| sees && at % length > at / length);
            (!ahead).then_some(Depends::Lower { row, column })
        }
        _ => None,
    }
}

/// Whether a product of zero is the zero point.
fn stands_for_zero(requantise: &Requantise, zero_point: i64) -> bool {
    requantise.function.apply(requantise.zero_point) == zero_point
}

/// A window that ends at its position.
fn slid(depends: Depends, window: &Window, from: &[usize], to: &[usize]) -> Option<Depends> {
    let Depends::Rows(axis) = depends else { return None };
    // Height and width are the last two dimensions, of a line the width alone.
    let side = (axis + 2).checked_sub(from.len()).filter(|_| axis >= 2)?;
    let back = window.dilations[side] * (window.kernel[side] - 1);
    let causal = window.strides[side] == 1 && window.pads[side] >= back && from[axis] == to[axis];
    causal.then_some(depends)
}
