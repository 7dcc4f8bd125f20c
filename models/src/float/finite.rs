//! The finite numbers of values that hold infinite ones too, such as scores behind a mask.

use std::collections::BTreeMap;

use super::graph::{Graph, Operator};
use super::range::Range;
use crate::integer::graph::ValueId;

/// Between which ends the finite numbers of a value lie, the ranges of values being these; none if
/// that cannot be told.
pub(super) fn ends(graph: &Graph, ranges: &[Range], value: ValueId) -> Option<[f64; 2]> {
    ends_of(graph, ranges, value, &mut BTreeMap::new()).filter(|[low, high]| low <= high)
}

fn ends_of(
    graph: &Graph,
    ranges: &[Range],
    value: ValueId,
    known: &mut BTreeMap<ValueId, Option<[f64; 2]>>,
) -> Option<[f64; 2]> {
    let Range { minimum, maximum } = ranges[value];
    if minimum.is_finite() && maximum.is_finite() {
        return Some([minimum.into(), maximum.into()]);
    }
    if let Some(&ends) = known.get(&value) {
        return ends;
    }
    let node = &graph.nodes[graph.producer(value)?];
    let none = [f64::INFINITY, f64::NEG_INFINITY];
    let including = |[low, high]: [f64; 2], x: f64| match x.is_finite() {
        true => [low.min(x), high.max(x)],
        false => [low, high],
    };
    let (start, from) = match &node.operator {
        _ if node.fused.is_some() => return None,
        Operator::Constant(values) => {
            (values.iter().fold(none, |ends, &x| including(ends, x)), &[][..])
        }
        Operator::Select => (none, node.inputs.get(1..)?),
        Operator::MatMul { one_hot: true, factor: 1.0 } => (none, node.inputs.get(1..)?),
        Operator::Pad { value, .. } => (including(none, (*value).into()), &node.inputs[..]),
        Operator::Concat { .. } => (none, &node.inputs[..]),
        operator if operator.is_view() => (none, &node.inputs[..]),
        _ => return None,
    };
    let joined = from.iter().try_fold(start, |ends, &input| {
        let [low, high] = ends_of(graph, ranges, input, known)?;
        Some([ends[0].min(low), ends[1].max(high)])
    });
    known.insert(value, joined);
    joined
}
