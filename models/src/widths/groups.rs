//! The values that may have more bits, and which of them are decided on together.

use std::collections::BTreeMap;

use crate::float::calibrate::Calibration;
use crate::float::graph::{Graph, Node, Operator};
use crate::float::histogram::Histogram;
use crate::integer::graph::ValueId;
use crate::quantise::Quantised;

/// Values that have as many bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) values: Vec<ValueId>,
    /// Of all of them.
    pub(super) elements: usize,
}

/// The values of 8 bits, inputs and what nodes compute, in at most `most` groups.
pub(super) fn of(
    graph: &Graph,
    calibration: &Calibration,
    quantised: &Quantised,
    most: usize,
) -> Vec<Group> {
    let ranges = quantised.graph.ranges();
    let narrow = |value: &ValueId| {
        let (low, high) = ranges[quantised.counterparts.of(*value)];
        high - low < 256
    };
    let inputs = graph.inputs.iter().enumerate();
    let inputs = inputs.filter(|(_, input)| input.grid.is_none()).map(|(value, _)| value);
    let nodes = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| !node.keeps_grid() && node.grid.is_none());
    // Rows are quantised without saturating, so the ranges of their results say nothing of bits.
    let rows = |node: &Node| {
        matches!(node.operator, Operator::Softmax { .. } | Operator::Normalise { .. })
    };
    // Sums that an Add takes as they are have bits of their own once it does not round them.
    let consumers = graph.consumers();
    let added = |value: ValueId| {
        let mut value = value;
        loop {
            let [reader] = consumers[value][..] else { return false };
            match graph.keeps_order(reader) {
                true => value = graph.result(reader),
                false => {
                    return matches!(graph.nodes[reader].operator, Operator::Add { .. });
                }
            }
        }
    };
    let nodes = nodes.filter(|(index, node)| {
        let value = graph.result(*index);
        rows(node) || node.operator.computes() && (narrow(&value) || added(value))
    });
    let nodes = nodes.map(|(index, _)| graph.result(index));
    let values: Vec<ValueId> = inputs.filter(narrow).chain(nodes).collect();
    let elements = |value| graph.shape(value).iter().product();
    let tail = |value: ValueId| {
        let node = &graph.nodes[graph.producer(value)?];
        calibration.histograms.results.get(&node.name).and_then(tail)
    };
    grouped(graph, values, most, elements, tail)
}

/// Values by themselves, or if there are more than `most`, those of one kind together: computed by
/// the same operator and read by the same ones. Of a kind, those with outliers are apart: their
/// `tail`, the bits that the rest of their numbers loses to the largest, is longer.
pub(super) fn grouped(
    graph: &Graph,
    values: Vec<ValueId>,
    most: usize,
    elements: impl Fn(ValueId) -> usize,
    tail: impl Fn(ValueId) -> Option<f64>,
) -> Vec<Group> {
    /// Bits that a tail is longer by.
    const LONGER: f64 = 3.0;
    let group = |values: Vec<ValueId>| Group {
        elements: values.iter().map(|&value| elements(value)).sum(),
        values,
    };
    if values.len() <= most {
        return values.into_iter().map(|value| group(vec![value])).collect();
    }
    let consumers = graph.consumers();
    let mut kinds: BTreeMap<_, Vec<ValueId>> = BTreeMap::new();
    for value in values {
        kinds.entry(kind(graph, &consumers, value)).or_default().push(value);
    }
    let split = |values: Vec<ValueId>| {
        let mut tails: Vec<f64> = values.iter().filter_map(|&value| tail(value)).collect();
        tails.sort_by(f64::total_cmp);
        let usual = tails.get(tails.len() / 2).copied().unwrap_or(0.0);
        let long = |value: &ValueId| tail(*value).is_some_and(|tail| tail > usual + LONGER);
        let (long, rest): (Vec<ValueId>, Vec<ValueId>) = values.into_iter().partition(long);
        [rest, long].into_iter().filter(|values| !values.is_empty())
    };
    let kinds: Vec<Vec<ValueId>> = kinds.into_values().flat_map(split).collect();
    if kinds.len() <= most {
        return kinds.into_iter().map(group).collect();
    }
    let values: Vec<ValueId> = kinds.into_iter().flatten().collect();
    let size = values.len().div_ceil(most.max(1)).max(1);
    values.chunks(size).map(|values| group(values.to_vec())).collect()
}

/// What computes a value, its size, and what reads it beyond views.
fn kind(
    graph: &Graph,
    consumers: &[Vec<usize>],
    value: ValueId,
) -> (&'static str, bool, usize, Vec<&'static str>) {
    let mut readers = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        for &reader in &consumers[value] {
            match graph.nodes[reader].keeps_grid() {
                true => open.push(graph.result(reader)),
                false => readers.push(graph.nodes[reader].operator.name()),
            }
        }
    }
    readers.sort_unstable();
    readers.dedup();
    let node = graph.producer(value).map(|index| &graph.nodes[index]);
    let size = graph.shape(value).iter().product();
    let name = node.map_or("", |node| node.operator.name());
    (name, node.is_some_and(|node| node.fused.is_some()), size, readers)
}

/// How many bits the median of a value's numbers, in size, has less than the largest.
fn tail(histogram: &Histogram) -> Option<f64> {
    let mut bins: Vec<(f64, u64)> =
        histogram.bins().iter().map(|bin| (bin.middle().abs(), bin.count)).collect();
    bins.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = bins.iter().map(|(_, count)| count).sum::<u64>() / 2;
    let mut seen = 0;
    let median = bins.iter().find(|(_, count)| {
        seen += count;
        seen > half
    })?;
    let ratio = bins.last()?.0 / median.0;
    (ratio.is_finite() && ratio > 0.0).then(|| ratio.log2())
}
