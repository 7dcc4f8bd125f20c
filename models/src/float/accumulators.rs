//! Which accumulators a network puts out as they are.

use super::graph::{Graph, Operator};
use crate::integer::graph::ValueId;

/// Results of Conv, Gemm and MatMul that only graph outputs depend on, directly, through views or
/// through an ArgMax that nothing else reads. Rescaling them to int8 would lose precision and save
/// nothing.
pub(crate) fn raw_accumulators(graph: &Graph, consumers: &[Vec<usize>]) -> Vec<bool> {
    // From back to front: whether everything that reads the value leads to outputs through views or
    // ArgMax only.
    let mut last = vec![false; consumers.len()];
    for value in (0..consumers.len()).rev() {
        last[value] = consumers[value].iter().all(|&index| {
            let (node, result) = (&graph.nodes[index], graph.result(index));
            let through = node.operator.is_view() && last[result];
            let ends = matches!(node.operator, Operator::ArgMax { .. });
            through || (ends && consumers[result].is_empty())
        });
    }
    let accumulates = |value: ValueId| {
        graph.producer(value).is_some_and(|index| {
            let node = &graph.nodes[index];
            let linear = matches!(
                node.operator,
                Operator::Conv { .. } | Operator::Gemm { .. } | Operator::MatMul { .. }
            );
            linear && node.fused.is_none() && node.grid.is_none()
        })
    };
    (0..last.len()).map(|value| last[value] && accumulates(value)).collect()
}
