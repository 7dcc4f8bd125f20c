//! What the values of a growing graph can be.

use crate::integer::graph::{Graph, Node, Operator, ValueId};
use crate::integer::rounding::{INT8_MAX, INT8_MIN};

/// What may be computed from a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Activation,
    Accumulator,
    Index,
}

pub(super) fn kind(graph: &Graph, value: ValueId) -> Kind {
    let Some(node) = value.checked_sub(graph.inputs.len()) else {
        return Kind::Activation;
    };
    let Node { operator, inputs, .. } = &graph.nodes[node];
    match operator {
        Operator::Convolution { requantise: None, .. }
        | Operator::Linear { requantise: None, .. }
        | Operator::MatMul { requantise: None, .. } => Kind::Accumulator,
        Operator::ArgMax { .. } => Kind::Index,
        Operator::Reshape | Operator::Transpose { .. } | Operator::Slice { .. } => {
            kind(graph, inputs[0])
        }
        _ => Kind::Activation,
    }
}

/// The integers that an activation can be: those of an input, wherever they were moved, or int8.
pub(super) fn range(graph: &Graph, value: ValueId) -> [i64; 2] {
    let Some(node) = value.checked_sub(graph.inputs.len()) else {
        return [graph.inputs[value].minimum, graph.inputs[value].maximum];
    };
    let Node { operator, inputs, .. } = &graph.nodes[node];
    let moved = match operator {
        Operator::Select => &inputs[1..],
        Operator::Reshape
        | Operator::Transpose { .. }
        | Operator::Slice { .. }
        | Operator::Pad { .. }
        | Operator::Concat { .. }
        | Operator::MaxPool { .. }
        | Operator::TopK { indices: false, .. }
        | Operator::Max
        | Operator::Min => inputs,
        _ => &[],
    };
    let padding = matches!(operator, Operator::Pad { .. }) || moved.is_empty();
    let ranges = moved
        .iter()
        .map(|&input| range(graph, input))
        .chain(padding.then_some([INT8_MIN, INT8_MAX]));
    union(ranges)
}

fn union(ranges: impl Iterator<Item = [i64; 2]>) -> [i64; 2] {
    ranges.reduce(|[a, b], [c, d]| [a.min(c), b.max(d)]).unwrap_or([INT8_MIN, INT8_MAX])
}
