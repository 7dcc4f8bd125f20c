//! An output as a whole, and each channel or column of it by itself.

use ndarray::{ArrayD, Axis};
use serde::{Deserialize, Serialize};

use super::deviation::{Deviation, ENOUGH, Sums};
use super::further::{Further, Samples};
use super::measure::{Measure, Tally};
use super::saturation::saturated;
use crate::integer::graph::Graph;

/// Dimensions longer than this hold positions rather than channels or columns.
const PARTS: usize = 4096;

/// How far an output's dequantised integers are from the float model's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputError {
    /// The output.
    pub name: String,
    /// All of it.
    #[serde(flatten)]
    pub all: Deviation,
    /// What further samples stay within; none where one alone was compared.
    pub further: Option<Further>,
    /// Share of the integers that stand at an end of their range, while the float model's numbers
    /// lie beyond it.
    pub saturated: f64,
    /// In the terms that fit the output.
    pub measure: Measure,
    /// Its channels and columns.
    pub parts: Vec<Part>,
}

/// A channel or column of an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The dimension along which it is one of several.
    pub axis: usize,
    /// Which of them.
    pub index: usize,
    /// How far it is off.
    #[serde(flatten)]
    pub deviation: Deviation,
}

impl OutputError {
    /// The parts that were seen often enough to be judged, those that lose most of their own
    /// spread first.
    pub fn worst(&self) -> Vec<&Part> {
        let seen = |part: &&Part| part.deviation.count >= ENOUGH;
        let mut parts: Vec<&Part> = self.parts.iter().filter(seen).collect();
        parts.sort_by(|a, b| b.deviation.error.total_cmp(&a.deviation.error));
        parts
    }
}

/// Both sides of an output, sample by sample.
#[derive(Clone, Debug)]
pub(crate) struct Distance {
    name: String,
    /// Which of the graph's outputs it is.
    index: usize,
    all: Sums,
    samples: Samples,
    parts: Vec<(usize, Vec<Sums>)>,
    tally: Option<Tally>,
    saturated: usize,
}

impl Distance {
    /// Of an output that all networks have which are compared.
    pub(crate) fn new(graph: &Graph, index: usize) -> Self {
        let output = &graph.outputs[index];
        let shape = graph.shape(output.value);
        let sums = |axis: usize| (axis, vec![Sums::default(); shape[axis]]);
        let parts = axes(shape).into_iter().map(sums).collect();
        Self {
            name: output.name.clone(),
            index,
            all: Sums::default(),
            samples: Samples::default(),
            parts,
            tally: None,
            saturated: 0,
        }
    }

    /// Adds a sample: the float model's numbers, the integers of this graph, and what these stand
    /// for. `ranges` are those of the graph's values.
    pub(crate) fn add(
        &mut self,
        graph: &Graph,
        float: &ArrayD<f64>,
        integers: &ArrayD<i64>,
        int8: &ArrayD<f64>,
        ranges: &[(i64, i64)],
    ) {
        let pairs = || float.iter().zip(int8).map(|(&float, &int8)| (float, int8));
        pairs().for_each(|(float, int8)| self.all.add(float, int8));
        self.samples.add(pairs());
        for (axis, sums) in &mut self.parts {
            let slices = float.axis_iter(Axis(*axis)).zip(int8.axis_iter(Axis(*axis)));
            for (sums, (float, int8)) in sums.iter_mut().zip(slices) {
                float.iter().zip(int8).for_each(|(&float, &int8)| sums.add(float, int8));
            }
        }
        let value = graph.outputs[self.index].value;
        let tally = self.tally.get_or_insert_with(|| Tally::of(graph, value, float));
        tally.add(float, int8);
        self.saturated += saturated(graph, ranges, value, integers, int8, float);
    }

    /// What came of it.
    pub(crate) fn finish(self) -> OutputError {
        let all = self.all.whole();
        let parts = self.parts.iter().flat_map(|(axis, sums)| {
            let parts = sums.iter().enumerate();
            parts.map(|(index, sums)| Part {
                axis: *axis,
                index,
                deviation: sums.finish(self.all.magnitude(), all.spread),
            })
        });
        OutputError {
            name: self.name,
            further: self.samples.further(&all),
            saturated: self.saturated as f64 / all.count.max(1) as f64,
            measure: self
                .tally
                .map_or(Measure::Numbers { explained: 1.0 - all.error.powi(2) }, |tally| {
                    tally.finish(all.error)
                }),
            parts: parts.collect(),
            all,
        }
    }
}

/// The dimensions along which an output has channels or columns: of a table the last one, of a
/// sequence both, of pictures the second.
fn axes(shape: &[usize]) -> Vec<usize> {
    let axes: &[usize] = match shape.len() {
        0 => &[],
        1 => &[0],
        2 => &[1],
        3 => &[1, 2],
        _ => &[1],
    };
    axes.iter().copied().filter(|&axis| (2..=PARTS).contains(&shape[axis])).collect()
}
