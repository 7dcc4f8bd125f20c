//! Residual streams that are not rounded: sums of which nothing but sums and normalisations of rows
//! is made.
//!
//! A linear form costs no cells, so a stream keeps all that its branches add, each of them rounded
//! on a scale of its own: a multiple of one unit. What one branch has of large numbers then costs
//! no other branch its precision, and no rounding is repeated from layer to layer.
//! `docs/quantisation.md` derives the unit.

use std::collections::BTreeMap;

use super::room::room;
use super::scale;
use super::settings::NARROW;
use crate::float::accumulators::Sums;
use crate::float::graph::{Graph, Operator};
use crate::float::range::Range;
use crate::integer::graph::ValueId;

/// Scales of branches are so many units at least where there is room: making them multiples costs
/// an eighth at most.
const MULTIPLES: f64 = 8.0;
/// Scales that cannot be made multiples are so many units, so that rounding their multipliers costs
/// a 2^11th of a number.
const ROUNDED: f64 = 1024.0;

/// What is known of each value.
pub(super) struct Values<'v> {
    pub(super) ranges: &'v mut [Range],
    pub(super) bits: &'v [u32],
    pub(super) sums: &'v mut [Sums],
}

/// The sums of a residual stream.
#[derive(Debug)]
struct Stream {
    /// Its Adds, in order.
    adds: Vec<usize>,
    /// What they add but for each other.
    branches: Vec<ValueId>,
}

/// Finds the residual streams that have more than 8 bits and room for all that they add, and says
/// so in `sums`.
pub(super) fn find(graph: &Graph, consumers: &[Vec<usize>], values: Values<'_>) -> Streams {
    let Values { ranges, bits, sums } = values;
    let mut streams = Streams::default();
    let mut members: Vec<bool> = (0..graph.nodes.len())
        .map(|index| {
            let (node, value) = (&graph.nodes[index], graph.result(index));
            matches!(node.operator, Operator::Add { .. })
                && node.fused.is_none()
                && node.grid.is_none()
                && sums[value] == Sums::Rescaled
                && bits[value] > NARROW
        })
        .collect();
    // What something else reads is rounded, and so is what reads it in turn.
    loop {
        let stays = |index: usize| {
            let readers = readers(graph, consumers, graph.result(index));
            readers.is_some_and(|readers| {
                !readers.is_empty()
                    && readers.iter().all(|&reader| {
                        members[reader]
                            || matches!(graph.nodes[reader].operator, Operator::Normalise { .. })
                    })
            })
        };
        let kept: Vec<bool> =
            (0..members.len()).map(|index| members[index] && stays(index)).collect();
        if kept == members {
            break;
        }
        members = kept;
    }
    for stream in joined(graph, &members) {
        let one = stream.adds.len() < 2;
        let Some(unit) = unit(graph, consumers, &stream, ranges, bits).filter(|_| !one) else {
            continue;
        };
        for &add in &stream.adds {
            sums[graph.result(add)] = Sums::Stream;
            streams.units.insert(add, unit);
        }
        for &branch in &stream.branches {
            if matches!(sums[branch], Sums::Added(_)) {
                sums[branch] = Sums::Rescaled;
            }
        }
        streams.all.push(stream);
    }
    streams
}

/// All streams, and what their integers are worth.
#[derive(Default)]
pub(super) struct Streams {
    all: Vec<Stream>,
    /// Of each Add.
    units: BTreeMap<usize, f64>,
    /// The tables of rows that are branches.
    tables: BTreeMap<ValueId, Range>,
}

impl Streams {
    /// Real worth of an integer of an Add's result, if it belongs to a stream.
    pub(super) fn unit(&self, add: usize) -> Option<f64> {
        self.units.get(&add).copied()
    }

    /// What a table is quantised over whose rows a stream adds.
    pub(super) fn table(&self, value: ValueId) -> Option<Range> {
        self.tables.get(&value).copied()
    }

    /// Settles units by the ranges that are left, and makes the scales of branches multiples of
    /// them.
    pub(super) fn settle(
        &mut self,
        graph: &Graph,
        consumers: &[Vec<usize>],
        ranges: &mut [Range],
        bits: &[u32],
    ) {
        for stream in &self.all {
            let Some(unit) = unit(graph, consumers, stream, ranges, bits) else { continue };
            stream.adds.iter().for_each(|&add| {
                self.units.insert(add, unit);
            });
            for &branch in stream.branches.iter().filter(|&&branch| is_snapped(graph, branch)) {
                let range = range_of(graph, branch, ranges);
                let snapped = snapped(range, bits[branch], unit);
                ranges[branch] = snapped;
                if graph.producer(branch).is_some_and(|index| is_table(graph, index)) {
                    self.tables.insert(branch, snapped);
                }
            }
        }
    }
}

fn is_table(graph: &Graph, index: usize) -> bool {
    matches!(graph.nodes[index].operator, Operator::Lookup { .. })
}

/// The nodes that read a value, through views that move nothing; none if it is put out.
fn readers(graph: &Graph, consumers: &[Vec<usize>], value: ValueId) -> Option<Vec<usize>> {
    if graph.is_output(value) {
        return None;
    }
    let mut found = Vec::new();
    for &reader in &consumers[value] {
        match graph.keeps_order(reader) {
            true => found.extend(readers(graph, consumers, graph.result(reader))?),
            false => found.push(reader),
        }
    }
    Some(found)
}

/// What a value was before it was put in another shape.
fn source(graph: &Graph, value: ValueId) -> ValueId {
    let mut value = value;
    while let Some(index) = graph.producer(value).filter(|&index| graph.keeps_order(index)) {
        value = graph.nodes[index].inputs[0];
    }
    value
}

/// Adds that add each other.
fn joined(graph: &Graph, members: &[bool]) -> Vec<Stream> {
    let mut streams: Vec<Stream> = Vec::new();
    let mut of: BTreeMap<usize, usize> = BTreeMap::new();
    for index in (0..graph.nodes.len()).filter(|&index| members[index]) {
        let sources: Vec<ValueId> =
            graph.nodes[index].inputs.iter().map(|&input| source(graph, input)).collect();
        let stream_of = |value: &ValueId| of.get(&graph.producer(*value)?).copied();
        let mut before: Vec<usize> = sources.iter().filter_map(stream_of).collect();
        before.sort_unstable();
        before.dedup();
        let branches: Vec<ValueId> =
            sources.iter().copied().filter(|value| stream_of(value).is_none()).collect();
        let place = before.first().copied().unwrap_or_else(|| {
            streams.push(Stream { adds: Vec::new(), branches: Vec::new() });
            streams.len() - 1
        });
        for &other in before.iter().skip(1) {
            let Stream { adds, branches } =
                std::mem::replace(&mut streams[other], Stream { adds: vec![], branches: vec![] });
            adds.iter().for_each(|&add| {
                of.insert(add, place);
            });
            streams[place].adds.extend(adds);
            streams[place].branches.extend(branches);
        }
        of.insert(index, place);
        streams[place].adds.push(index);
        streams[place].branches.extend(branches);
    }
    streams.iter_mut().for_each(|stream| {
        stream.adds.sort_unstable();
        stream.branches.sort_unstable();
        stream.branches.dedup();
    });
    streams.retain(|stream| !stream.adds.is_empty());
    streams
}

/// Whether a value is rounded to a scale that may be any.
fn is_snapped(graph: &Graph, value: ValueId) -> bool {
    let node = graph.producer(value).map(|index| &graph.nodes[index]);
    node.is_some_and(|node| {
        let concat = matches!(node.operator, Operator::Concat { .. });
        node.operator.computes() && !node.keeps_grid() && node.grid.is_none() && !concat
    })
}

/// What a branch is quantised over: a table's rows all of it, whatever calibration saw.
fn range_of(graph: &Graph, value: ValueId, ranges: &[Range]) -> Range {
    match graph.producer(value).map(|index| &graph.nodes[index].operator) {
        Some(Operator::Lookup { table }) => {
            Range::ZERO.including(table.iter().map(|&entry| entry as f32))
        }
        _ => ranges[value],
    }
}

/// A range whose scale is a multiple of a unit, no smaller than it was.
fn snapped(range: Range, bits: u32, unit: f64) -> Range {
    let scale = scale::activation(range, bits).quantisation.scale;
    let factor = (scale / unit * (1.0 - f64::from(f32::EPSILON))).ceil().max(1.0) * unit / scale;
    let [minimum, maximum] =
        [range.minimum, range.maximum].map(|end| (f64::from(end) * factor) as f32);
    Range { minimum, maximum }
}

/// Real worth of an integer of a stream; none if it has no room for that, or rounding it would be
/// as good.
fn unit(
    graph: &Graph,
    consumers: &[Vec<usize>],
    stream: &Stream,
    ranges: &[Range],
    bits: &[u32],
) -> Option<f64> {
    let (mut finest, mut most) = (f64::INFINITY, f64::INFINITY);
    for &branch in &stream.branches {
        let range = range_of(graph, graph.source(branch), ranges);
        let scale = scale::activation(range, bits[branch]).quantisation.scale;
        match is_snapped(graph, branch) {
            true => finest = finest.min(scale),
            false => most = most.min(scale / ROUNDED),
        }
    }
    let finest = (finest / MULTIPLES).min(most);
    // Real numbers that each sum may come to, and units that the rows of those that read it have
    // room for.
    let mut reaches: BTreeMap<usize, f64> = BTreeMap::new();
    let mut unit = finest;
    for &add in &stream.adds {
        let node = &graph.nodes[add];
        let Operator::Add { constant, .. } = &node.operator else { return None };
        let reach = |&input: &ValueId| {
            let value = source(graph, input);
            let before = graph.producer(value).and_then(|index| reaches.get(&index).copied());
            before.unwrap_or_else(|| {
                let Range { minimum, maximum } = range_of(graph, graph.source(value), ranges);
                let span = f64::from(maximum.max(-minimum));
                // A step for the zero point, and one for what is made a multiple.
                let steps = scale::steps(bits[value]);
                span * (1.0 + 1.0 / MULTIPLES) * (1.0 + 2.0 / steps)
            })
        };
        let reach = node.inputs.iter().map(reach).sum::<f64>()
            + constant.iter().fold(0.0, |most: f64, c| most.max(c.abs()));
        reaches.insert(add, reach);
        for reader in readers(graph, consumers, graph.result(add))? {
            if let Operator::Normalise { centred, .. } = graph.nodes[reader].operator {
                let columns = graph.nodes[reader].shape.last().copied().unwrap_or(1);
                unit = unit.max(reach / room(columns, centred));
            }
        }
    }
    let rounded = |&add: &usize| {
        let value = graph.result(add);
        scale::activation(ranges[value], bits[value]).quantisation.scale
    };
    let coarsest = stream.adds.iter().map(rounded).fold(0.0, f64::max);
    (unit > 0.0 && unit <= most && unit <= coarsest).then_some(unit)
}
