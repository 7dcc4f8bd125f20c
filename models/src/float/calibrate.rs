//! Calibration: how large each value of the network gets on typical inputs.

use std::collections::{BTreeMap, HashMap, HashSet};

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::means::Sums;
use super::random::Random;
use super::range::{Range, single};
pub use super::uncalibrated::CalibrateError;
use crate::data::Dataset;
use crate::float::declared::Declared;
use crate::float::execute::Execution;
use crate::float::graph::{Graph, Node, Operator};
use crate::float::histogram::Histogram;
use crate::float::indices;
use crate::float::relevance::Relevance;
use crate::float::room;
use crate::float::unread::{Odd, counts, unread};
use crate::integer::graph::ValueId;
use crate::integer::signature::Grid;
use crate::parallel::{self, Watch};
use crate::tensor::moves::from_elements;

/// Samples drawn when there is no calibration data, unless a run of the network takes very long.
pub const RANDOM_SAMPLES: usize = 64;
/// Samples drawn at least: both extremes and two between.
const LEAST_SAMPLES: usize = 4;

/// Where ranges come from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// Calibration data.
    Data {
        /// Number of samples.
        samples: usize,
    },
    /// Pseudo-random inputs in a declared range.
    InputRange {
        /// Its lower end.
        minimum: f32,
        /// Its upper end.
        maximum: f32,
    },
}

/// Counts the numbers of a node in the histograms of what its activation reads and of its result.
fn count<'x>(
    node: &Node,
    counted: &mut [Histogram; 2],
    argument: impl Iterator<Item = &'x f64>,
    result: impl Iterator<Item = &'x f64>,
) {
    let [results, arguments] = is_counted(node);
    let [of_argument, of_result] = counted;
    if arguments {
        of_argument.add(argument.map(|&x| single(x)));
    }
    if results {
        of_result.add(result.map(|&x| single(x)));
    }
}

/// The ranges that quantisation asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Where the ranges come from.
    pub source: Source,
    /// Of each input, by name.
    pub inputs: BTreeMap<String, Range>,
    /// Of each node's result, by the node's name.
    pub results: BTreeMap<String, Range>,
    /// Of what each fused activation reads, by the node's name.
    pub arguments: BTreeMap<String, Range>,
    /// The ends of each input's channels and columns, by its name.
    pub inputs_by_index: BTreeMap<String, Vec<Columns>>,
    /// The ends of the channels of each Conv and Gemm before its fused activation, by the node's
    /// name.
    pub arguments_by_index: BTreeMap<String, Columns>,
    /// How often values have numbers of each size.
    #[serde(default)]
    pub histograms: Histograms,
    /// The mean of each channel or feature that a Conv or Gemm reads, by the node's name.
    #[serde(default)]
    pub means: BTreeMap<String, Vec<f64>>,
}

/// Histograms of those values that may be quantised over less than their range.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histograms {
    /// Of nodes' results, by the node's name.
    pub results: BTreeMap<String, Histogram>,
    /// Of what fused activations read, by the node's name.
    pub arguments: BTreeMap<String, Histogram>,
}

/// Whether a node's result, and what its fused activation reads, is counted: where it has a range
/// of its own.
fn is_counted(node: &Node) -> [bool; 2] {
    let ranges = node.operator.computes() || matches!(node.operator, Operator::MaxPool { .. });
    let reads = node.fused.as_ref().is_some_and(|activation| activation.clip().is_none())
        || matches!(node.operator, Operator::Softmax { .. });
    [ranges && node.grid.is_none(), reads]
}

impl Calibration {
    /// Every range from 0 to 1, and nothing by index.
    pub(crate) fn nominal(graph: &Graph) -> Self {
        let unit = |name: &String| (name.clone(), Range { minimum: 0.0, maximum: 1.0 });
        let nodes = || graph.nodes.iter().map(|node| unit(&node.name)).collect();
        Self {
            source: Source::Data { samples: 0 },
            inputs: graph.inputs.iter().map(|input| unit(&input.name)).collect(),
            results: nodes(),
            arguments: nodes(),
            inputs_by_index: BTreeMap::new(),
            arguments_by_index: BTreeMap::new(),
            histograms: Histograms::default(),
            means: BTreeMap::new(),
        }
    }

    /// Measures ranges over a dataset.
    pub(crate) fn over(
        graph: &Graph,
        dataset: &Dataset,
        watch: &Watch,
    ) -> Result<Self, CalibrateError> {
        let (execution, mut measured) = (Execution::new(graph), Measured::new(graph));
        let samples = dataset.samples();
        let measure = |sample| Measured::on(graph, &execution, sample, &samples[sample]);
        parallel::samples(samples.len(), room::memory(graph), watch, measure, |one| {
            measured.add(&one);
            Ok(())
        })?;
        measured.finish(graph, Source::Data { samples: samples.len() })
    }

    /// Puts declared ranges of inputs in the place of measured ones.
    pub(crate) fn declare(&mut self, declared: &Declared) {
        for (name, ends) in declared.iter() {
            self.inputs.insert(name.to_owned(), Range::ZERO.including(ends.into_iter()));
        }
    }

    /// Measures ranges over a fixed pseudo-random sample of inputs in a declared range, its
    /// extremes included.
    pub(crate) fn over_input_range(
        graph: &Graph,
        declared: &Declared,
        minimum: f32,
        maximum: f32,
        watch: &Watch,
    ) -> Result<Self, CalibrateError> {
        if !(minimum.is_finite() && maximum.is_finite() && minimum < maximum) {
            return Err(CalibrateError::InputRange { minimum, maximum });
        }
        let seed = Random(0x9e37_79b9_7f4a_7c15);
        let numbers: usize = graph.inputs.iter().map(|i| i.shape.iter().product::<usize>()).sum();
        let draw = |sample: usize| -> Vec<ArrayD<f32>> {
            let mut random = seed.after(numbers * sample.saturating_sub(2));
            let mut fraction = || match sample {
                0 => 0.0,
                1 => 1.0,
                _ => random.fraction(),
            };
            let inputs = graph.inputs.iter();
            let tensors = inputs.map(|input| {
                let count = input.shape.iter().product();
                let known = input.grid.filter(|grid| grid.is_whole() && !grid.is_open());
                let [minimum, maximum] = match known {
                    Some(grid) => [grid.minimum as f32, grid.maximum as f32],
                    None => declared.range(&input.name).unwrap_or([minimum, maximum]),
                };
                // A convex combination: the difference itself could overflow.
                let element = |fraction: f32| {
                    let x = (1.0 - fraction) * minimum + fraction * maximum;
                    if known.is_some() { x.round() } else { x }
                };
                let elements = (0..count).map(|_| element(fraction()));
                from_elements(&input.shape, elements.collect())
            });
            tensors.collect()
        };
        let (execution, mut measured) = (Execution::new(graph), Measured::new(graph));
        let measure = |sample| Measured::on(graph, &execution, sample, &draw(sample));
        parallel::samples(random_samples(graph), room::memory(graph), watch, measure, |one| {
            measured.add(&one);
            Ok(())
        })?;
        measured.finish(graph, Source::InputRange { minimum, maximum })
    }
}

/// Samples drawn for a graph: fewer than [`RANDOM_SAMPLES`] where one takes long.
fn random_samples(graph: &Graph) -> usize {
    /// Multiplications of all samples together.
    const WORK: usize = 1 << 36;
    room::repetitions(graph, WORK, LEAST_SAMPLES, RANDOM_SAMPLES)
}

/// Ranges over some samples.
struct Measured {
    /// For each input that is an index, its range.
    indices: Vec<Option<Grid>>,
    inputs: Vec<Range>,
    /// Of what each node's fused activation reads, and of its result.
    nodes: Vec<(Range, Range)>,
    inputs_by_index: Vec<Vec<Columns>>,
    arguments_by_index: Vec<Option<Columns>>,
    /// For each node, its result and what its fused activation reads, counted.
    tally: Vec<[Histogram; 2]>,
    /// Where a node was infinite first: the sample, and what was found.
    infinite: BTreeMap<usize, (usize, f64)>,
    /// What layers read.
    sums: Sums,
}

impl Measured {
    /// Over none.
    fn new(graph: &Graph) -> Self {
        Self {
            indices: indices::rows(graph)
                .into_iter()
                .zip(&graph.inputs)
                .map(|(rows, input)| input.grid.filter(|grid| rows.is_some() && grid.is_whole()))
                .collect(),
            inputs: vec![Range::ZERO; graph.inputs.len()],
            nodes: vec![(Range::ZERO, Range::ZERO); graph.nodes.len()],
            inputs_by_index: (graph.inputs.iter())
                .map(|input| Columns::of_input(&input.shape))
                .collect(),
            arguments_by_index: (graph.nodes.iter())
                .map(|node| Columns::of_layer(graph, node))
                .collect(),
            tally: vec![Default::default(); graph.nodes.len()],
            infinite: BTreeMap::new(),
            sums: Sums::new(graph),
        }
    }

    /// Over one.
    fn on(
        graph: &Graph,
        execution: &Execution<'_>,
        sample: usize,
        tensors: &[ArrayD<f32>],
    ) -> Result<Self, CalibrateError> {
        let mut measured = Self::new(graph);
        let Self {
            indices,
            inputs,
            nodes,
            inputs_by_index,
            arguments_by_index,
            tally,
            infinite,
            sums,
        } = &mut measured;
        sums.count();
        // The values that a Where chooses by.
        let chosen = graph.nodes.iter().filter(|node| node.operator == Operator::Select);
        let conditions: HashSet<ValueId> = chosen.map(|node| node.inputs[0]).collect();
        let consumers = &graph.consumers();
        let fits = tensors.len() == graph.inputs.len()
            && tensors.iter().zip(&graph.inputs).all(|(given, input)| given.shape() == input.shape);
        if !fits {
            let expected = crate::integer::signature::describe(&graph.inputs);
            let found = tensors.iter().map(|tensor| tensor.shape().to_vec()).collect();
            return Err(CalibrateError::Inputs { sample, expected, found });
        }
        for (place, grid) in indices.iter().enumerate() {
            let Some(Grid { minimum, maximum, .. }) = *grid else {
                continue;
            };
            let outside = |x: &&f32| {
                x.fract() != 0.0 || !(minimum as f64..=maximum as f64).contains(&f64::from(**x))
            };
            if let Some(&found) = tensors[place].iter().find(outside) {
                let input = graph.inputs[place].name.clone();
                return Err(CalibrateError::Index { sample, input, found, minimum, maximum });
            }
        }
        for (range, tensor) in inputs.iter_mut().zip(tensors) {
            *range = range.including(tensor.iter().copied());
        }
        for (columns, tensor) in inputs_by_index.iter_mut().zip(tensors) {
            columns.iter_mut().for_each(|columns| columns.add(tensor, |x| x));
        }
        for (value, tensor) in tensors.iter().enumerate() {
            sums.add(value, tensor, f64::from);
        }
        let mut known: HashMap<ValueId, ArrayD<f64>> = HashMap::new();
        for (id, tensor) in tensors.iter().enumerate().filter(|(id, _)| conditions.contains(id)) {
            known.insert(id, tensor.mapv(f64::from));
        }
        // Which elements count is known when all that read them have been seen.
        let mut odd = Odd::new();
        execution.run(tensors, |index, argument, result| {
            sums.add(graph.result(index), result, |x| x);
            if conditions.contains(&graph.result(index)) {
                known.insert(graph.result(index), result.clone());
            }
            if argument.iter().chain(result).any(|x| !x.is_finite()) {
                odd.insert(index, (argument.clone(), result.clone()));
                arguments_by_index[index] = None;
                return;
            }
            if let Some(columns) = &mut arguments_by_index[index] {
                columns.add(argument, single);
            }
            let (of_argument, of_result) = &mut nodes[index];
            *of_argument = of_argument.including(argument.iter().map(|&x| single(x)));
            *of_result = of_result.including(result.iter().map(|&x| single(x)));
            count(&graph.nodes[index], &mut tally[index], argument.iter(), result.iter());
        });
        let unread = unread(graph, odd.keys().copied(), consumers, &known);
        for (&index, (argument, result)) in &odd {
            let unread = unread.get(&index);
            let readers = &consumers[graph.result(index)];
            if counts(graph, index, &odd, readers, unread) {
                let node = graph.nodes[index].name.clone();
                return Err(CalibrateError::NotFinite { sample, node, found: f64::NAN });
            }
            let read = |tensor: &ArrayD<f64>| -> Vec<f64> {
                // Of a softmax the largest of its rows stand at no elements.
                let unread = unread.filter(|unread| unread.len() == tensor.len());
                let skipped = |place: usize| unread.is_some_and(|unread| unread[place]);
                let places = tensor.iter().enumerate();
                let places = places.filter(|&(place, x)| !x.is_nan() && !skipped(place));
                places.map(|(_, &x)| x).collect()
            };
            let (argument, result) = (read(argument), read(result));
            let both = || argument.iter().chain(&result).copied();
            if let Some(found) = both().find(|x| !x.is_finite()) {
                infinite.entry(index).or_insert((sample, found));
            }
            let (of_argument, of_result) = &mut nodes[index];
            *of_argument = of_argument.including(argument.iter().map(|&x| single(x)));
            *of_result = of_result.including(result.iter().map(|&x| single(x)));
            count(&graph.nodes[index], &mut tally[index], argument.iter(), result.iter());
        }
        Ok(measured)
    }

    fn add(&mut self, other: &Self) {
        for (range, other) in self.inputs.iter_mut().zip(&other.inputs) {
            *range = range.and(*other);
        }
        for ((argument, result), other) in self.nodes.iter_mut().zip(&other.nodes) {
            (*argument, *result) = (argument.and(other.0), result.and(other.1));
        }
        for (columns, other) in self.inputs_by_index.iter_mut().zip(&other.inputs_by_index) {
            columns.iter_mut().zip(other).for_each(|(columns, other)| columns.join(other));
        }
        for (columns, other) in self.arguments_by_index.iter_mut().zip(&other.arguments_by_index) {
            match (&mut *columns, other) {
                (Some(columns), Some(other)) => columns.join(other),
                _ => *columns = None,
            }
        }
        for (counted, other) in self.tally.iter_mut().zip(&other.tally) {
            counted.iter_mut().zip(other).for_each(|(counted, other)| counted.join(other));
        }
        self.sums.join(&other.sums);
        for (&index, &first) in &other.infinite {
            self.infinite.entry(index).or_insert(first);
        }
    }

    fn finish(mut self, graph: &Graph, source: Source) -> Result<Calibration, CalibrateError> {
        self.bound(graph)?;
        let names = || graph.nodes.iter().map(|node| node.name.clone());
        let mut histograms = Histograms::default();
        for (node, [argument, result]) in graph.nodes.iter().zip(self.tally) {
            let [results, arguments] = is_counted(node);
            if results {
                histograms.results.insert(node.name.clone(), result);
            }
            if arguments {
                histograms.arguments.insert(node.name.clone(), argument);
            }
        }
        let (arguments, results): (Vec<Range>, Vec<Range>) = self.nodes.into_iter().unzip();
        Ok(Calibration {
            source,
            inputs: graph.inputs.iter().map(|input| input.name.clone()).zip(self.inputs).collect(),
            results: names().zip(results).collect(),
            arguments: names().zip(arguments).collect(),
            inputs_by_index: (graph.inputs.iter())
                .map(|input| input.name.clone())
                .zip(self.inputs_by_index)
                .collect(),
            arguments_by_index: names()
                .zip(self.arguments_by_index)
                .filter_map(|(name, columns)| columns.map(|columns| (name, columns)))
                .collect(),
            histograms,
            means: self.sums.means(graph),
        })
    }

    /// Ends the ranges that are infinite where it makes no difference any more, at the finest
    /// steps.
    fn bound(&mut self, graph: &Graph) -> Result<(), CalibrateError> {
        /// Steps of 16 bits.
        const FINEST: f64 = 65_535.0;
        if self.infinite.is_empty() {
            return Ok(());
        }
        let results = self.nodes.iter().map(|&(_, result)| result);
        let ranges: Vec<Range> = self.inputs.iter().copied().chain(results).collect();
        let least = |index: usize| match graph.nodes[index].operator {
            Operator::Softmax { .. } => self.tally[index][0].least(),
            _ => self.tally[index][1].least(),
        };
        let arguments: Vec<Range> = self.nodes.iter().map(|&(argument, _)| argument).collect();
        let relevance = Relevance::new(graph, [&ranges, &arguments], least, |_| FINEST);
        for (index, (of_argument, of_result)) in self.nodes.iter_mut().enumerate() {
            *of_argument = relevance.arguments[index].end(*of_argument);
            *of_result = relevance.values[graph.result(index)].end(*of_result);
            if let Some(&(sample, found)) = self.infinite.get(&index)
                && ![of_argument, of_result].into_iter().all(|range| range.is_finite())
            {
                let node = graph.nodes[index].name.clone();
                return Err(CalibrateError::NotFinite { sample, node, found });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample that takes long is drawn seldom, and the networks of everyday are measured on all
    /// of them.
    #[test]
    fn long_runs_are_sampled_less() {
        use crate::float::graph::Node;
        use crate::integer::signature::Input;
        let graph = |shape: &[usize]| Graph {
            name: "g".into(),
            inputs: vec![Input { name: "x".into(), shape: shape.to_vec(), grid: None }],
            nodes: vec![Node {
                name: "n".into(),
                operator: Operator::Reshape,
                fused: None,
                inputs: vec![0],
                shape: shape.to_vec(),
                value: "y".into(),
                grid: None,
            }],
            outputs: Vec::new(),
        };
        assert_eq!(
            [1 << 10, 1 << 22, 1 << 23, 1 << 25].map(|count| random_samples(&graph(&[count]))),
            [64, 64, 32, 8]
        );
        let conv = |rows: usize| {
            let mut graph = graph(&[1, 1, 1 << 10]);
            let layer = crate::float::layer::Layer::Real { weights: Vec::new(), bias: Vec::new() };
            let window = crate::integer::graph::Window {
                kernel: [1, 1 << 10],
                ..crate::integer::graph::Window::unit()
            };
            graph.nodes[0].operator = Operator::Conv { window, groups: 1, layer };
            graph.nodes[0].shape = vec![1, rows, 1 << 10];
            graph
        };
        assert_eq!(
            [1, 1 << 9, 1 << 12, 1 << 14].map(|rows| random_samples(&conv(rows))),
            [64, 64, 12, 4]
        );
    }
}
