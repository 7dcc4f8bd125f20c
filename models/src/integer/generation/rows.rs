//! Which operators work on each row by itself, and so on chosen ones as well.

use super::causal::reshaped;
use crate::integer::graph::{Graph, Node, Operator};

/// How a node reads an operand when its result has chosen rows only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The chosen rows along a dimension.
    Rows(usize),
    /// All of it.
    Whole,
}

/// How a node reads its operands where the rows of its result along `axis` are chosen; none if it
/// cannot be computed for those alone.
pub(super) fn reads(graph: &Graph, node: &Node, axis: usize) -> Option<Vec<Read>> {
    let each = |to: Option<usize>| to.map(|to| vec![Read::Rows(to); node.inputs.len()]);
    let unless = |mixed: usize| each((mixed != axis).then_some(axis));
    let last = node.shape.len().checked_sub(1)?;
    match &node.operator {
        Operator::Sum { constant, .. } => {
            each(Some(axis).filter(|_| same_rows(constant, &node.shape, axis)))
        }
        Operator::Product { .. }
        | Operator::Binary(_)
        | Operator::Max
        | Operator::Min
        | Operator::Select
        | Operator::Activation(_) => each(Some(axis)),
        Operator::Linear { .. } | Operator::Normalise { .. } => unless(last),
        Operator::Softmax { visible, .. } if visible.is_empty() => unless(last),
        Operator::Concat { axis: mixed } | Operator::Slice { axis: mixed, .. } => unless(*mixed),
        Operator::Pad { before, after, .. } => {
            each((before[axis] == 0 && after[axis] == 0).then_some(axis))
        }
        Operator::Reshape => each(reshaped(&node.shape, axis, graph.shape(node.inputs[0]))),
        Operator::Transpose { permutation } => each(Some(permutation[axis])),
        Operator::MatMul { .. } if axis + 1 == last => Some(vec![Read::Rows(axis), Read::Whole]),
        _ => None,
    }
}

/// Whether the numbers of a constant are the same in all rows.
fn same_rows(constant: &[i64], shape: &[usize], axis: usize) -> bool {
    let inner: usize = shape[axis + 1..].iter().product();
    let mut blocks = constant.chunks(inner * shape[axis]);
    blocks.all(|block| block.chunks(inner).all(|row| row == &block[..inner]))
}

/// Some indices of a dimension of a result: of all others merged into it, the same.
#[derive(Clone, Debug)]
pub(super) struct Positions {
    /// The dimension.
    pub(super) axis: usize,
    /// Which positions.
    pub(super) range: std::ops::Range<usize>,
    /// Of how many, and how many indices of the dimension each takes in a row, where positions are
    /// [merged](super::causal::Depends::Merged) with others.
    pub(super) merged: Option<[usize; 2]>,
}

impl Positions {
    /// Rows of a dimension.
    pub(super) fn rows(axis: usize, range: std::ops::Range<usize>) -> Self {
        Self { axis, range, merged: None }
    }

    /// How long the dimension is with these alone.
    pub(super) fn length(&self, whole: usize) -> usize {
        self.merged.map_or(1, |[length, _]| whole / length) * self.range.len()
    }
}

/// The chosen ones of a constant along a dimension.
pub(super) fn at_rows<T: Copy>(constant: &[T], shape: &[usize], chosen: &Positions) -> Vec<T> {
    let behind: usize = shape[chosen.axis + 1..].iter().product();
    let [length, inner] = chosen.merged.unwrap_or([shape[chosen.axis], 1]);
    let (inner, range) = (inner * behind, &chosen.range);
    let blocks = constant.chunks(inner * length);
    let taken = blocks.flat_map(|block| &block[range.start * inner..range.end * inner]);
    taken.copied().collect()
}
