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
        operator if operator.is_raw() => Kind::Accumulator,
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
            let rows = weights.rows(weights.len() / bias.len()).zip(bias).zip(multipliers);
            let sums = rows.map(|((row, bias), multiplier)| {
                let size: i64 = row.map(|weight| i64::from(weight).abs()).sum();
                multiplier * (size * ends[0].max(ends[1]) + bias.abs())
            });
            let size = sums.max().unwrap_or(0);
            return [-size, size];
        }
        Operator::MatMul { multiplier, requantise: None } => {
            let terms = graph.shape(inputs[0]).last().map_or(1, |&terms| terms as i64);
            let size = multiplier * terms * deviations(graph, inputs).product::<i64>();
            return [-size, size];
        }
        Operator::Product { multiplier, requantise: None } => {
            let size = multiplier * deviations(graph, inputs).product::<i64>();
            return [-size, size];
        }
        Operator::Sum { multipliers, constant, requantise: None } => {
            let terms = deviations(graph, inputs).zip(multipliers);
            let terms: i64 =
                terms.map(|(deviation, multiplier)| deviation * multiplier.abs()).sum();
            let size = terms + constant.iter().map(|c| c.abs()).max().unwrap_or(0);
            return [-size, size];
        }
        Operator::AveragePool { window, multipliers, requantise: None } => {
            let taps: i64 = window.kernel.iter().map(|&length| length as i64).product();
            let largest = multipliers.iter().max().map_or(0, |&multiplier| multiplier);
            let size = largest * taps * deviations(graph, inputs).sum::<i64>();
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

/// The largest distances of values from their zero points.
fn deviations(graph: &Graph, values: &[ValueId]) -> impl Iterator<Item = i64> {
    values.iter().map(|&value| {
        let zero_point = graph.quantisation(value).zero_point;
        let ends = range(graph, value).map(|end| (end - zero_point).abs());
        ends[0].max(ends[1])
    })
}

fn union(ranges: impl Iterator<Item = [i64; 2]>) -> [i64; 2] {
    ranges.reduce(|[a, b], [c, d]| [a.min(c), b.max(d)]).unwrap_or([INT8_MIN, INT8_MAX])
}
