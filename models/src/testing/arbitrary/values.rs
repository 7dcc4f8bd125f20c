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
        Operator::Reshape
        | Operator::Transpose { .. }
        | Operator::Slice { .. }
        | Operator::Concat { .. } => kind(graph, inputs[0]),
        _ => Kind::Activation,
    }
}

/// The integers that a value can be: those of an input, wherever they were moved, the sums of an
/// accumulator, or int8.
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
        Operator::Convolution { weights, bias, multipliers, requantise: None, .. }
        | Operator::Linear { weights, bias, multipliers, requantise: None } => {
            let zero_point = graph.quantisation(inputs[0]).zero_point;
            let ends = range(graph, inputs[0]).map(|end| (end - zero_point).abs());
            let weights = graph.weights(weights);
            let rows = weights.chunks(weights.len() / bias.len()).zip(bias).zip(multipliers);
            let sums = rows.map(|((row, bias), multiplier)| {
                let size: i64 = row.iter().map(|&weight| i64::from(weight).abs()).sum();
                multiplier * (size * ends[0].max(ends[1]) + bias.abs())
            });
            let size = sums.max().unwrap_or(0);
            return [-size, size];
        }
        Operator::MatMul { multiplier, requantise: None } => {
            let terms = graph.shape(inputs[0]).last().map_or(1, |&terms| terms as i64);
            let deviations = inputs.iter().map(|&input| {
                let zero_point = graph.quantisation(input).zero_point;
                let ends = range(graph, input).map(|end| (end - zero_point).abs());
                ends[0].max(ends[1])
            });
            let size = multiplier * terms * deviations.product::<i64>();
            return [-size, size];
        }
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
