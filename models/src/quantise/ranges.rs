//! Which range each value is quantised over, and which accumulators are put out as they are.

use std::collections::BTreeMap;

use crate::float::accumulators::{Sums, sums};
use crate::float::calibrate::{Calibration, Histograms, Source};
use crate::float::graph::{Graph, Node, Operator};
use crate::float::layer::Layer;
use crate::float::range::Range;
use crate::float::relevance::{Interval, Relevance};
use crate::integer::graph::ValueId;

use super::error::QuantiseError;
use super::plan::{Plan, Values};
use super::reach::{fine_scale, steps};
use super::settings::{Options, Widths};
use super::streams::{self, Streams};
use super::tie::Measured;
use super::whole::Integers;
use super::{outliers, scale};
use crate::integer::signature::Grid;

/// Decisions that need the whole graph in view.
pub(super) struct Ranges {
    /// Per value; meaningless where the operator keeps its input's quantisation.
    ranges: Vec<Range>,
    /// Per node: range of its result before the fused activation.
    arguments: Vec<Range>,
    /// Per value: what becomes of the accumulator that it is.
    sums: Vec<Sums>,
    relevance: Relevance,
    /// The largest bias in size of layers that the file has quantised.
    bias: i64,
    /// Per value: whether a node reads it.
    read: Vec<bool>,
    integers: Integers,
    /// What has scales by index.
    pub(super) plan: Plan,
    /// Per value: bits of its integers.
    bits: Vec<u32>,
    /// What was chosen, in words.
    pub(super) said: Vec<String>,
    /// What each layer reads on average, by its name, and over what.
    pub(super) means: BTreeMap<String, Vec<f64>>,
    pub(super) source: Source,
    /// Bits of layers' weights.
    pub(super) weights: Widths,
    /// Residual streams that are not rounded.
    pub(super) streams: Streams,
}

impl Ranges {
    pub(super) fn new(
        graph: &Graph,
        calibration: &Calibration,
        options: &Options,
    ) -> Result<Self, QuantiseError> {
        let look_up =
            |ranges: &BTreeMap<String, Range>, value: &str| -> Result<Range, QuantiseError> {
                let range = ranges.get(value);
                let &range = range.ok_or_else(|| QuantiseError::MissingRange {
                    model: graph.name.clone(),
                    value: value.to_owned(),
                })?;
                if range.is_finite() && range.minimum <= 0.0 && range.maximum >= 0.0 {
                    return Ok(range);
                }
                Err(QuantiseError::BadRange {
                    model: graph.name.clone(),
                    value: value.to_owned(),
                    minimum: range.minimum,
                    maximum: range.maximum,
                })
            };
        let inputs = graph.inputs.iter().map(|input| look_up(&calibration.inputs, &input.name));
        let mut ranges = inputs.collect::<Result<Vec<_>, _>>()?;
        let mut arguments = Vec::new();
        for node in &graph.nodes {
            ranges.push(look_up(&calibration.results, &node.name)?);
            arguments.push(look_up(&calibration.arguments, &node.name)?);
        }
        let consumers = graph.consumers();
        let integers = Integers::new(graph, &ranges, &consumers);
        let histograms = &calibration.histograms;
        let mut bits: Vec<u32> =
            (0..ranges.len()).map(|value| options.widths.of(value).count()).collect();
        for (index, node) in graph.nodes.iter().enumerate() {
            if let (true, Some(&input)) = (node.keeps_grid(), node.inputs.first()) {
                bits[graph.result(index)] = bits[input];
            }
        }
        let least = |index: usize| match &graph.nodes[index] {
            Node { operator: Operator::Softmax { .. }, name, .. } => {
                histograms.arguments.get(name)?.least()
            }
            node => histograms.results.get(&node.name)?.least(),
        };
        let relevance =
            Relevance::new(graph, [&ranges, &arguments], least, |value| scale::steps(bits[value]));
        let read = consumers.iter().map(|readers| !readers.is_empty()).collect();
        let mut sums = sums(graph, &consumers);
        // Whole values are computed exactly, without a scale of their own.
        let is_whole = |index: usize| {
            integers.value(graph.result(index)).is_some() || integers.argument(index).is_some()
        };
        for (value, becomes) in sums.iter_mut().enumerate() {
            let own = graph.producer(value).filter(|&index| {
                !matches!(
                    graph.nodes[index].operator,
                    Operator::Conv { .. } | Operator::Gemm { .. } | Operator::MatMul { .. }
                )
            });
            let add = if let Sums::Added(add) = *becomes { Some(add) } else { None };
            if own.into_iter().chain(add).any(is_whole) {
                *becomes = Sums::Rescaled;
            }
        }
        let ends = streams::Values { ranges: &mut ranges, bits: &bits, sums: &mut sums };
        let streams = streams::find(graph, &consumers, ends);
        let mut choices = Self {
            ranges,
            arguments,
            sums,
            bias: 0,
            relevance,
            read,
            integers,
            plan: Plan::default(),
            bits,
            said: Vec::new(),
            means: calibration.means.clone(),
            source: calibration.source,
            weights: options.weights.clone(),
            streams,
        };
        choices.narrow(graph, calibration, options);
        let kept: Vec<Option<Grid>> =
            (0..choices.ranges.len()).map(|id| choices.whole(id)).collect();
        let Self { ranges, arguments, sums, .. } = &mut choices;
        Measured { ranges, arguments }.tie(graph, sums, &kept);
        let Self { ranges, sums, bits, .. } = &choices;
        let values = Values { ranges, sums, bits, kept: &kept };
        choices.plan = Plan::new(graph, calibration, values);
        choices.share_concat_ranges(graph, &consumers);
        let Self { ranges, bits, streams, .. } = &mut choices;
        streams.settle(graph, &consumers, ranges, bits);
        choices.bias = choices.largest_bias(graph);
        Ok(choices)
    }

    /// Leaves of each range what matters, and of that what the method says. People see what an
    /// input saturates to: its range stays what they calibrated.
    fn narrow(&mut self, graph: &Graph, calibration: &Calibration, options: &Options) {
        let Histograms { results, arguments } = &calibration.histograms;
        for (index, node) in graph.nodes.iter().enumerate() {
            let value = graph.result(index);
            let steps = scale::steps(self.bits[value]);
            let all = self.ranges[value];
            let matters = self.relevance.values[value].narrow(all);
            self.ranges[value] = matters;
            let own = node.operator.computes()
                && !node.keeps_grid()
                && self.sums[value] == Sums::Rescaled
                && self.whole(value).is_none();
            if let Some(histogram) = results.get(&node.name)
                && own
            {
                let chosen = options.method.range(histogram, matters, steps);
                self.ranges[value] = chosen;
                self.said.extend(outliers::line(&node.name, all, matters, chosen, histogram));
            }
            let matters = self.relevance.arguments[index].narrow(self.arguments[index]);
            let histogram =
                arguments.get(&node.name).filter(|_| self.argument_grid(index).is_none());
            let chosen = histogram.map(|histogram| options.method.range(histogram, matters, steps));
            self.arguments[index] = chosen.unwrap_or(matters);
        }
    }

    /// Bits of a value's integers.
    pub(super) fn bits(&self, value: ValueId) -> u32 {
        self.bits[value]
    }

    /// What matters of a value.
    pub(super) fn matters(&self, value: ValueId) -> Interval {
        self.relevance.values[value]
    }

    /// The constant that a node adds, as far as it matters.
    pub(super) fn constant(&self, node: usize, constant: &[f64]) -> Vec<f64> {
        let matters = self.relevance.constants[node];
        constant.iter().map(|&x| matters.clamp(x)).collect()
    }

    /// The range that a value is quantised over.
    pub(super) fn range(&self, value: ValueId) -> Range {
        self.ranges[value]
    }

    /// The range of the argument of a node's fused activation.
    pub(super) fn argument(&self, node: usize) -> Range {
        self.arguments[node]
    }

    /// The largest bias in size, in steps, of the layers that the file has quantised.
    pub(super) fn bias(&self) -> i64 {
        self.bias
    }

    fn largest_bias(&self, graph: &Graph) -> i64 {
        let grids = graph.grids();
        let layers = graph.nodes.iter().filter_map(|node| {
            let (Operator::Conv { layer, .. } | Operator::Gemm { layer }) = &node.operator else {
                return None;
            };
            let input = *node.inputs.first()?;
            let grid = grids[input]
                .unwrap_or_else(|| scale::activation(self.ranges[input], self.bits[input]));
            let scale = grid.quantisation.scale;
            match layer {
                Layer::Integer { scales, bias, .. } => {
                    steps(scales, bias, scale).map(i64::abs).max()
                }
                Layer::Real { weights, bias } if node.grid.is_some() && grids[input].is_some() => {
                    let rows = weights.chunks((weights.len() / bias.len()).max(1));
                    let scales: Vec<f64> = rows.map(fine_scale).collect();
                    let bias: Vec<f64> = bias.iter().map(|&bias| bias.into()).collect();
                    steps(&scales, &bias, scale).map(i64::abs).max()
                }
                Layer::Real { .. } | Layer::Known { .. } => None,
            }
        });
        layers.max().unwrap_or(0)
    }

    /// The integers of a whole value that is kept as it is.
    pub(super) fn whole(&self, value: ValueId) -> Option<Grid> {
        self.integers.value(value)
    }

    /// The integers that a node's fused activation reads.
    pub(super) fn argument_grid(&self, node: usize) -> Option<Grid> {
        self.integers.argument(node)
    }

    /// Whether a node reads a value.
    pub(super) fn is_read(&self, value: ValueId) -> bool {
        self.read[value]
    }

    /// Whether a value is a raw accumulator.
    pub(super) fn is_raw(&self, value: ValueId) -> bool {
        self.sums[value] != Sums::Rescaled
    }

    /// What becomes of an accumulator.
    pub(super) fn sums(&self, value: ValueId) -> Sums {
        self.sums[value]
    }

    /// Concat wants one quantisation for all that it joins. Where an input is used for nothing
    /// else, its producer rescales to that quantisation in the first place, which costs nothing;
    /// the others are rescaled when the Concat is emitted.
    fn share_concat_ranges(&mut self, graph: &Graph, consumers: &[Vec<usize>]) {
        let mut put_out = vec![false; consumers.len()];
        graph.outputs.iter().for_each(|output| put_out[output.value] = true);
        for (index, node) in graph.nodes.iter().enumerate().rev() {
            if !matches!(node.operator, Operator::Concat { .. })
                || node.keeps_grid()
                || node.grid.is_some()
                || self.plan.separate[index]
            {
                continue;
            }
            let concat = graph.result(index);
            let range = self.ranges[concat];
            for &input in &node.inputs {
                let mut value = input;
                while consumers[value].len() == 1 && !put_out[value] {
                    let Some(producer) = graph.producer(value) else {
                        break;
                    };
                    let producer = &graph.nodes[producer];
                    if !producer.keeps_grid() {
                        if producer.operator.computes() {
                            self.ranges[value] = range;
                            self.bits[value] = self.bits[concat];
                        }
                        break;
                    }
                    value = producer.inputs[0];
                }
            }
        }
    }
}
