//! Calibration: how large each value of the network gets on typical inputs.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::graph::{Graph, extremes};
use crate::layout::from_elements;
use crate::reference::{Reference, ReferenceError};

/// Samples drawn when there is no calibration data.
pub const RANDOM_SAMPLES: usize = 64;

/// Calibration failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// The float model failed on a sample.
    #[error("calibration sample {sample}: {source}")]
    Reference {
        /// The sample, counted from 0.
        sample: usize,
        /// Why.
        source: ReferenceError,
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

    /// The range that also covers the tensor's elements.
    #[must_use]
    pub fn including(self, tensor: &ArrayD<f32>) -> Self {
        let (low, high) = extremes(tensor);
        Self { minimum: self.minimum.min(low), maximum: self.maximum.max(high) }
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

/// The range of each value that quantisation asks for, by ONNX name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Where the ranges come from.
    pub source: Source,
    /// The ranges.
    pub ranges: BTreeMap<String, Range>,
}

impl Calibration {
    /// Measures ranges over a dataset.
    pub(crate) fn over(reference: &Reference, dataset: &Dataset) -> Result<Self, CalibrateError> {
        let mut ranges = vec![Range::ZERO; reference.values().len()];
        for (sample, inputs) in dataset.samples().iter().enumerate() {
            let values = reference.run(inputs);
            let values = values.map_err(|source| CalibrateError::Reference { sample, source })?;
            for (range, value) in ranges.iter_mut().zip(&values) {
                *range = range.including(value);
            }
        }
        let named = reference.values().iter().cloned().zip(ranges);
        Ok(Self { source: Source::Data { samples: dataset.samples().len() }, ranges: named.collect() })
    }

    /// Measures ranges over a fixed pseudo-random sample of inputs in a declared range, its extremes included.
    pub(crate) fn over_input_range(
        reference: &Reference,
        graph: &Graph,
        minimum: f32,
        maximum: f32,
    ) -> Result<Self, CalibrateError> {
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
            Some(dataset) => Self::over(reference, &dataset)?,
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
        let positive = from_elements(&[2], vec![2.0, 3.0]);
        let range = Range::ZERO.including(&positive);
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
