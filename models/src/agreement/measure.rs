//! What fits an output: classes, positions with a class each, detections, or just numbers.
//!
//! It is decided by the operator and the shape, of three-dimensional outputs also by the float
//! model's numbers on the first sample.

use ndarray::{ArrayD, Axis};
use serde::{Deserialize, Serialize};

use crate::integer::graph::{Graph, Operator, ValueId};

/// Columns of a detection before its scores.
const BOX: usize = 4;
/// Detections of a sample whose ranks are compared.
const RANKED: usize = 10;

/// How an output agrees, in the terms that fit it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Measure {
    /// A score for each class, or the class itself; or such scores for each token.
    Classes {
        /// Classes compared.
        compared: usize,
        /// How many are the same.
        same: usize,
    },
    /// A score for each class along dimension 1, at each position of the others: a segmentation.
    Positions {
        /// Positions compared.
        compared: usize,
        /// How many have the same class.
        same: usize,
        /// Intersection over union of the positions of a class, averaged over the classes that one
        /// of both says somewhere.
        mean_iou: f64,
    },
    /// Boxes with scores.
    Detections {
        /// Columns that are scores.
        scores: usize,
        /// The largest difference of a score.
        largest: f64,
        /// Share of the best ten detections of each sample that are among the integers' best ten.
        ranking: f64,
    },
    /// Numbers by themselves: a regression, an embedding, an image.
    Numbers {
        /// Share of their variance that the integers explain: R². Zero is what a constant does.
        explained: f64,
    },
}

impl Measure {
    /// Share of the classes that are the same, where there are classes.
    pub fn same_class(&self) -> Option<f64> {
        match *self {
            Self::Classes { compared, same } | Self::Positions { compared, same, .. } => {
                (compared > 0).then(|| same as f64 / compared as f64)
            }
            Self::Detections { .. } | Self::Numbers { .. } => None,
        }
    }

    /// How many classes were compared.
    pub fn compared(&self) -> usize {
        match *self {
            Self::Classes { compared, .. } | Self::Positions { compared, .. } => compared,
            Self::Detections { .. } | Self::Numbers { .. } => 0,
        }
    }
}

/// How classes are read from an output.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// Number of classes.
    pub(crate) count: usize,
    place: Place,
}

/// Where an output has its classes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// The output is the class itself.
    Index,
    /// A score for each.
    All,
    /// Along dimension 1, for each position of the others.
    Channels,
    /// Along the last dimension, for each token of the others; whether they are tokens themselves:
    /// as many as an input has ids.
    Tokens { predicted: bool },
}

impl Reading {
    pub(crate) fn of(graph: &Graph, value: ValueId) -> Self {
        let producer = value.checked_sub(graph.inputs.len()).map(|node| &graph.nodes[node]);
        if let Some((node, &Operator::ArgMax { axis, .. })) =
            producer.map(|node| (node, &node.operator))
        {
            let count = graph.shape(node.inputs[0])[axis];
            return Self { count, place: Place::Index };
        }
        let shape = graph.shape(value);
        let &[1, channels, .., last] = shape else {
            return Self { count: shape.iter().product(), place: Place::All };
        };
        if shape.len() == 2 || shape[2..].iter().all(|&length| length == 1) {
            return Self { count: shape.iter().product(), place: Place::All };
        }
        if is_dense(graph, value) {
            let mut ids = graph.inputs.iter().map(|input| input.maximum.abs_diff(input.minimum));
            let predicted = ids.any(|range| range.checked_add(1) == Some(last as u64));
            return Self { count: last, place: Place::Tokens { predicted } };
        }
        Self { count: channels, place: Place::Channels }
    }

    /// The classes of an output; among equal ones the first.
    pub(crate) fn top(&self, output: &ArrayD<f64>) -> Vec<usize> {
        let axis = match self.place {
            Place::Index => return output.iter().map(|&class| class as usize).collect(),
            Place::All => return vec![best(output.iter())],
            Place::Channels => Axis(1),
            Place::Tokens { .. } => Axis(output.ndim() - 1),
        };
        output.lanes(axis).into_iter().map(|lane| best(lane.iter())).collect()
    }

    /// By how much the best class of an output is ahead of the next, where it is one of scores.
    pub(crate) fn margin(&self, output: &ArrayD<f64>) -> Option<f64> {
        if self.place != Place::All || !self.fits(output.shape()) {
            return None;
        }
        let best = best(output.iter());
        let others = output.iter().enumerate().filter(|(class, _)| *class != best);
        let next = others.map(|(_, &score)| score).fold(f64::NEG_INFINITY, f64::max);
        Some(output.iter().nth(best)? - next)
    }

    /// By how much each token of an output is surprised by its label, where these are tokens:
    /// `−ln` of what a softmax gives it.
    pub(crate) fn surprises(&self, output: &ArrayD<f64>, labels: &[usize]) -> Option<Vec<f64>> {
        let Place::Tokens { .. } = self.place else { return None };
        let lanes = output.lanes(Axis(output.ndim() - 1));
        let surprise = |(lane, &label): (ndarray::ArrayView1<'_, f64>, &usize)| {
            let most = lane.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = lane.iter().map(|score| (score - most).exp()).sum();
            Some(sum.ln() + most - lane.get(label)?)
        };
        lanes.into_iter().zip(labels).map(surprise).collect()
    }

    /// Whether an output of that shape can be taken for classes without being told.
    fn fits(&self, shape: &[usize]) -> bool {
        match self.place {
            Place::Index => true,
            Place::All => shape.iter().filter(|&&length| length > 1).count() == 1,
            Place::Channels => shape.len() == 4 && self.count > 1,
            Place::Tokens { predicted } => predicted,
        }
    }
}

/// Whether a value is a dense layer's, over the last dimension, seen through what keeps that.
fn is_dense(graph: &Graph, mut value: ValueId) -> bool {
    while let Some(node) = value.checked_sub(graph.inputs.len()).map(|node| &graph.nodes[node]) {
        match node.operator {
            Operator::Linear { .. } => return true,
            Operator::Reshape | Operator::Activation(_) => {}
            _ => return false,
        }
        value = node.inputs[0];
        if graph.shape(value).last() != node.shape.last() {
            return false;
        }
    }
    false
}

/// The place of the largest number; of the first, if there are several.
fn best<'a>(scores: impl Iterator<Item = &'a f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, &score) in scores.enumerate() {
        if score > best.1 {
            best = (class, score);
        }
    }
    best.0
}

/// A measure while samples come in.
#[derive(Clone, Debug)]
pub(super) enum Tally {
    Classes { reading: Reading, compared: usize, same: usize, overlaps: Vec<[usize; 2]> },
    Detections { scores: Scores, largest: f64, ranked: usize, kept: usize },
    Numbers,
}

impl Tally {
    pub(super) fn of(graph: &Graph, value: ValueId, float: &ArrayD<f64>) -> Self {
        let reading = Reading::of(graph, value);
        if reading.fits(graph.shape(value)) {
            let parts = if reading.place == Place::Channels { reading.count } else { 0 };
            let overlaps = vec![[0; 2]; parts];
            return Self::Classes { reading, compared: 0, same: 0, overlaps };
        }
        let scores = Scores::of(float);
        scores.map_or(Self::Numbers, |scores| Self::Detections {
            scores,
            largest: 0.0,
            ranked: 0,
            kept: 0,
        })
    }

    pub(super) fn add(&mut self, float: &ArrayD<f64>, int8: &ArrayD<f64>) {
        match self {
            Self::Classes { reading, compared, same, overlaps } => {
                let (left, right) = (reading.top(float), reading.top(int8));
                *compared += left.len();
                for (left, right) in left.into_iter().zip(right) {
                    *same += usize::from(left == right);
                    for (class, other) in [(left, right), (right, left)] {
                        if let Some([both, either]) = overlaps.get_mut(class) {
                            // What agrees is met twice.
                            *both += usize::from(class == other);
                            *either += if class == other { 1 } else { 2 };
                        }
                    }
                }
            }
            Self::Detections { scores, largest, ranked, kept } => {
                *largest = largest.max(scores.difference(float, int8));
                let (left, right) = (scores.best(float), scores.best(int8));
                *ranked += left.len();
                *kept += left.iter().filter(|place| right.contains(place)).count();
            }
            Self::Numbers => {}
        }
    }

    /// What came of it; `error` is the output's, in units of its spread.
    pub(super) fn finish(self, error: f64) -> Measure {
        match self {
            Self::Classes { compared, same, overlaps, .. } if overlaps.is_empty() => {
                Measure::Classes { compared, same }
            }
            Self::Classes { compared, same, overlaps, .. } => {
                let said: Vec<f64> = overlaps
                    .iter()
                    .filter(|[_, either]| *either > 0)
                    .map(|&[both, either]| both as f64 / either as f64)
                    .collect();
                let mean_iou = said.iter().sum::<f64>() / said.len().max(1) as f64;
                Measure::Positions { compared, same, mean_iou }
            }
            Self::Detections { scores, largest, ranked, kept } => Measure::Detections {
                scores: scores.columns.len(),
                largest,
                ranking: kept as f64 / ranked.max(1) as f64,
            },
            Self::Numbers => Measure::Numbers { explained: 1.0 - error * error },
        }
    }
}

/// Where an output of detections has its scores.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    /// The dimension of columns.
    axis: usize,
    columns: Vec<usize>,
}

impl Scores {
    /// `[1, N, A]` or `[1, A, N]`, the fewer being columns: four of them for a box that is not
    /// within the unit square, behind them at least one whose numbers are all from 0 to 1.
    fn of(float: &ArrayD<f64>) -> Option<Self> {
        let &[1, first, last] = float.shape() else { return None };
        let axis = if last <= first { 2 } else { 1 };
        let unit = |column: usize| {
            float.index_axis(Axis(axis), column).iter().all(|score| (0.0..=1.0).contains(score))
        };
        let count = first.min(last);
        if count <= BOX || (0..BOX).all(unit) {
            return None;
        }
        let columns: Vec<usize> = (BOX..count).filter(|&column| unit(column)).collect();
        (!columns.is_empty()).then_some(Self { axis, columns })
    }

    fn difference(&self, float: &ArrayD<f64>, int8: &ArrayD<f64>) -> f64 {
        let column = |&column: &usize| {
            let [float, int8] =
                [float, int8].map(|tensor| tensor.index_axis(Axis(self.axis), column));
            float.iter().zip(int8).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        self.columns.iter().map(column).fold(0.0, f64::max)
    }

    /// The places of the detections with the highest scores.
    fn best(&self, output: &ArrayD<f64>) -> Vec<usize> {
        let mut highest = vec![f64::NEG_INFINITY; output.shape()[3 - self.axis]];
        for &column in &self.columns {
            let scores = output.index_axis(Axis(self.axis), column);
            let pairs = highest.iter_mut().zip(scores.iter());
            pairs.for_each(|(highest, &score)| *highest = highest.max(score));
        }
        let mut places: Vec<usize> = (0..highest.len()).collect();
        places.sort_by(|&a, &b| highest[b].total_cmp(&highest[a]));
        places.truncate(RANKED);
        places
    }
}
