//! Which elements are reduced together, and whether what they are reduced to is read beside them.

use ndarray::ArrayD;

use super::found::plain;
use crate::float::graph::{Graph, Node, Operator};
use crate::integer::graph::{ValueId, Window};
use crate::tensor::moves::{self, from_elements};

/// A sum, a mean or a maximum of rows.
pub(super) struct Reduced {
    /// The reduction's own value, one number for each row.
    pub(super) value: ValueId,
    /// The rows: `[1, rows, length]`.
    pub(super) flat: ValueId,
    pub(super) length: usize,
    /// What the sum is divided by; none of a maximum.
    pub(super) divisor: Option<usize>,
}

/// The reduction that computes a value.
pub(super) fn reduced(graph: &Graph, value: ValueId) -> Option<Reduced> {
    let node = plain(graph, value)?;
    let &[flat] = node.inputs.as_slice() else { return None };
    let (window, divisor) = match &node.operator {
        Operator::AveragePool { window, divisors } => match divisors[..] {
            [divisor] => (window, Some(divisor)),
            _ => return None,
        },
        Operator::MaxPool { window } => (window, None),
        _ => return None,
    };
    let &[1, rows, length] = graph.shape(flat) else { return None };
    let whole = *window == Window::whole([1, length]) && node.shape == [1, rows, 1];
    whole.then_some(Reduced { value, flat, length, divisor })
}

/// Whether a node only moves or repeats elements.
fn moves(node: &Node) -> bool {
    let repeats = || node.inputs.windows(2).all(|pair| pair[0] == pair[1]);
    match &node.operator {
        Operator::Reshape | Operator::Transpose { .. } | Operator::Slice { .. } => true,
        Operator::Concat { .. } => repeats(),
        _ => false,
    }
}

/// What a value is made of by moving and repeating elements alone.
pub(super) fn origin(graph: &Graph, mut value: ValueId) -> ValueId {
    while let Some(node) = plain(graph, value).filter(|node| moves(node)) {
        value = node.inputs[0];
    }
    value
}

/// For each element of `value`, the element of `from` that it is, or is computed from where
/// `through` says that a node computes element by element; `None` if it is made of anything else.
pub(super) fn trace(
    graph: &Graph,
    value: ValueId,
    from: ValueId,
    through: &dyn Fn(&Node) -> bool,
) -> Option<ArrayD<usize>> {
    if value == from {
        let shape = graph.shape(value);
        return Some(from_elements(shape, (0..shape.iter().product()).collect()));
    }
    let node = plain(graph, value)?;
    let traced = || trace(graph, *node.inputs.first()?, from, through);
    match &node.operator {
        Operator::Reshape => Some(moves::reshape(&traced()?, &node.shape)),
        Operator::Transpose { permutation } => Some(moves::transpose(&traced()?, permutation)),
        &Operator::Slice { axis, start, step } => {
            Some(moves::slice(&traced()?, axis, start, step, node.shape[axis]))
        }
        Operator::Concat { axis } if moves(node) => {
            let part = traced()?;
            Some(moves::concat(&vec![&part; node.inputs.len()], *axis))
        }
        _ if through(node) && graph.shape(*node.inputs.first()?) == node.shape => traced(),
        _ => None,
    }
}

/// Only moves.
pub(super) fn nothing(_: &Node) -> bool {
    false
}

/// For each element of `source`, the row that it is reduced in, if each is in one.
pub(super) fn rows(graph: &Graph, reduced: &Reduced, source: ValueId) -> Option<Vec<usize>> {
    let places = trace(graph, reduced.flat, source, &nothing)?;
    let count = graph.shape(source).iter().product();
    if places.len() != count {
        return None;
    }
    let mut rows = vec![usize::MAX; count];
    for (at, &element) in places.iter().enumerate() {
        rows[element] = at / reduced.length;
    }
    rows.iter().all(|&row| row != usize::MAX).then_some(rows)
}

/// Whether every element of `value` is the number of its row.
pub(super) fn is_spread(
    graph: &Graph,
    value: ValueId,
    reduced: &Reduced,
    rows: &[usize],
    through: &dyn Fn(&Node) -> bool,
) -> bool {
    trace(graph, value, reduced.value, through).is_some_and(|places| places.iter().eq(rows.iter()))
}

/// The views between a value and the rows that it is reduced in: none if its last dimension is the
/// rows.
pub(super) fn views(
    graph: &Graph,
    reduced: &Reduced,
    source: ValueId,
    rows: &[usize],
) -> Option<Vec<usize>> {
    let last = graph.shape(source).last() == Some(&reduced.length);
    if last && rows.iter().enumerate().all(|(at, &row)| row == at / reduced.length) {
        return Some(Vec::new());
    }
    let mut views = Vec::new();
    let mut value = reduced.flat;
    while value != source {
        let index = graph.producer(value)?;
        let node = plain(graph, value)?;
        if !matches!(node.operator, Operator::Reshape | Operator::Transpose { .. }) {
            return None;
        }
        views.push(index);
        value = node.inputs[0];
    }
    views.reverse();
    Some(views)
}

/// The value that this one is, less what its row is reduced to, of the kind that is wanted.
pub(super) fn less(
    graph: &Graph,
    value: ValueId,
    in_row: &[usize],
    wanted: impl Fn(&Reduced) -> bool,
) -> Option<ValueId> {
    let node = plain(graph, value)?;
    let Operator::Add { subtract, constant } = &node.operator else { return None };
    let (&[a, b], [false, true], true) =
        (node.inputs.as_slice(), subtract.as_slice(), constant.is_empty())
    else {
        return None;
    };
    let reduced = reduced(graph, origin(graph, b)).filter(wanted)?;
    let fits = rows(graph, &reduced, a).as_deref() == Some(in_row)
        && is_spread(graph, b, &reduced, in_row, &nothing);
    fits.then_some(a)
}
