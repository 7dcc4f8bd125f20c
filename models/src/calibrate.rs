//! Calibration: how large each value of the network gets on typical inputs.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::float::Execution;
use crate::graph::Graph;
use crate::layout::from_elements;

/// Samples drawn when there is no calibration data.
pub const RANDOM_SAMPLES: usize = 64;

/// Calibration failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// The inputs do not fit.
    #[error("calibration sample {sample} has shapes {found:?}, expected {expected}")]
    Inputs {
        /// The sample, counted from 0.
        sample: usize,
        /// The network's inputs with their shapes.
        expected: String,
        /// The shapes given.
        found: Vec<Vec<usize>>,
    },
    /// A value of the network is not finite.
    #[error(
        "node {node:?} becomes {found} on calibration sample {sample}; check the model and the scale of its inputs, or calibrate with typical samples"
    )]
    NotFinite {
        /// The sample, counted from 0.
        sample: usize,
        /// The node.
        node: String,
        /// The number found.
        found: f64,
    },
    /// An input range that is no range.
    #[error("input range {minimum},{maximum}: expected two finite numbers, the first below the second")]
    InputRange {
        /// The lower end.
        minimum: f32,
        /// The upper end.
        maximum: f32,
    },
}

/// The smallest and largest element that a value takes, zero included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// At most zero.
    pub minimum: f32,
    /// At least zero.
    pub maximum: f32,
}

impl Range {
    /// The range of nothing but zero.
    pub const ZERO: Self = Self { minimum: 0.0, maximum: 0.0 };

    /// The range that also covers the elements.
    #[must_use]
    pub fn including(self, elements: impl Iterator<Item = f32>) -> Self {
        elements.fold(self, |range, x| Self { minimum: range.minimum.min(x), maximum: range.maximum.max(x) })
    }
}

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
}

impl Calibration {
    /// Measures ranges over a dataset.
    pub(crate) fn over(graph: &Graph, dataset: &Dataset) -> Result<Self, CalibrateError> {
        let execution = Execution::new(graph);
        let mut inputs = vec![Range::ZERO; graph.inputs.len()];
        let mut nodes = vec![(Range::ZERO, Range::ZERO); graph.nodes.len()];
        for (sample, tensors) in dataset.samples().iter().enumerate() {
            let fits = tensors.len() == graph.inputs.len()
                && tensors.iter().zip(&graph.inputs).all(|(given, input)| given.shape() == input.shape);
            if !fits {
                let expected = crate::graph::describe(&graph.inputs);
                let found = tensors.iter().map(|tensor| tensor.shape().to_vec()).collect();
                return Err(CalibrateError::Inputs { sample, expected, found });
            }
            for (range, tensor) in inputs.iter_mut().zip(tensors) {
                *range = range.including(tensor.iter().copied());
            }
            let mut fault = None;
            execution.run(tensors, |index, argument, result| {
                if let Some(&found) = argument.iter().chain(result).find(|x| !x.is_finite())
                    && fault.is_none()
                {
                    fault = Some(CalibrateError::NotFinite { sample, node: graph.nodes[index].name.clone(), found });
                }
                let (of_argument, of_result) = &mut nodes[index];
                *of_argument = of_argument.including(argument.iter().map(|&x| x as f32));
                *of_result = of_result.including(result.iter().map(|&x| x as f32));
            });
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        let names = || graph.nodes.iter().map(|node| node.name.clone());
        let (arguments, results): (Vec<Range>, Vec<Range>) = nodes.into_iter().unzip();
        Ok(Self {
            source: Source::Data { samples: dataset.samples().len() },
            inputs: graph.inputs.iter().map(|input| input.name.clone()).zip(inputs).collect(),
            results: names().zip(results).collect(),
            arguments: names().zip(arguments).collect(),
        })
    }

    /// Measures ranges over a fixed pseudo-random sample of inputs in a declared range, its extremes included.
    pub(crate) fn over_input_range(graph: &Graph, minimum: f32, maximum: f32) -> Result<Self, CalibrateError> {
        if !(minimum.is_finite() && maximum.is_finite() && minimum < maximum) {
            return Err(CalibrateError::InputRange { minimum, maximum });
        }
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut draw = |fraction: &mut dyn FnMut(&mut Random) -> f32| -> Vec<ArrayD<f32>> {
            let inputs = graph.inputs.iter();
            let tensors = inputs.map(|input| {
                let count = input.shape.iter().product();
                // A convex combination: the difference itself could overflow.
                let element = |fraction: f32| (1.0 - fraction) * minimum + fraction * maximum;
                let elements = (0..count).map(|_| element(fraction(&mut random)));
                from_elements(&input.shape, elements.collect())
            });
            tensors.collect()
        };
        let mut samples = vec![draw(&mut |_| 0.0), draw(&mut |_| 1.0)];
        for _ in 0..RANDOM_SAMPLES - samples.len() {
            samples.push(draw(&mut Random::fraction));
        }
        let mut calibration = match Dataset::new(samples, None) {
            Some(dataset) => Self::over(graph, &dataset)?,
            None => unreachable!("the sample is not empty"),
        };
        calibration.source = Source::InputRange { minimum, maximum };
        Ok(calibration)
    }
}

/// Steele, Lea and Flood's SplitMix64: fixed, so that compiling a model twice gives one key.
struct Random(u64);

impl Random {
    /// A number in `[0, 1)`, of 24 bits.
    fn fraction(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_zero() {
        let range = Range::ZERO.including([2.0, 3.0].into_iter());
        assert_eq!((range.minimum, range.maximum), (0.0, 3.0));
    }

    #[test]
    fn random_numbers_are_fixed() {
        let mut random = Random(1);
        let drawn: Vec<f32> = (0..1000).map(|_| random.fraction()).collect();
        assert!(drawn.iter().all(|x| (0.0..1.0).contains(x)));
        let mean: f32 = drawn.iter().sum::<f32>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
        assert_eq!(Random(1).fraction(), drawn[0]);
    }
}
