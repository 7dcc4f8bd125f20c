//! How far the integers of an output are from the float model's numbers, in units of what these
//! range over: as a whole, and for each channel or column by itself.
//!
//! One scale for a tensor whose parts differ can leave a part with nothing, while the whole agrees
//! well: the confidences of a detector beside its boxes. So each part is measured by its own
//! spread.

use std::fmt;

use ndarray::{ArrayD, ArrayViewD, Axis};
use serde::{Deserialize, Serialize};

/// Mean difference of an output, in units of its spread, beyond which it is doubted.
const DOUBTED: f64 = 0.05;
/// Cosine below which it is.
const DOUBTED_COSINE: f64 = 0.98;
/// Mean difference of a channel or column, in units of its own spread, beyond which it is doubted.
const DOUBTED_PART: f64 = 0.25;
/// A part that ranges over less than this share of the output's largest number is taken for one
/// that is constant.
const CONSTANT: f64 = 1e-6;

/// How far an output's dequantised integers are from the float model's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputError {
    /// The output.
    pub name: String,
    /// The largest absolute difference.
    pub largest: f64,
    /// The mean absolute difference.
    pub mean: f64,
    /// The largest absolute number of the float model, to compare with.
    pub magnitude: f64,
    /// What the float model's numbers range over.
    pub spread: f64,
    /// Cosine of the angle between both.
    pub cosine: f64,
    /// The channel or column that differs most in units of its own spread.
    pub worst: Option<Part>,
}

/// A channel or column of an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The dimension along which it is one of several.
    pub axis: usize,
    /// Which of them.
    pub index: usize,
    /// The mean absolute difference.
    pub mean: f64,
    /// What the float model's numbers range over in it.
    pub spread: f64,
}

/// Why an output is doubted.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt<'a>(&'a OutputError);

impl OutputError {
    /// The mean difference in units of the spread.
    pub fn relative(&self) -> f64 {
        ratio(self.mean, self.spread)
    }

    /// Whether it is so far off, as a whole or in a part, that people should look before they rely
    /// on it.
    pub fn doubt(&self) -> Option<Doubt<'_>> {
        let whole = self.relative() > DOUBTED || self.cosine < DOUBTED_COSINE;
        (whole || self.doubted_part().is_some()).then_some(Doubt(self))
    }

    fn doubted_part(&self) -> Option<&Part> {
        self.worst.as_ref().filter(|part| ratio(part.mean, part.spread) > DOUBTED_PART)
    }
}

impl fmt::Display for Doubt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutputError { name, spread, cosine, .. } = self.0;
        let percent = 100.0 * self.0.relative();
        write!(
            f,
            "output {name:?} differs from the float model by {percent:.1} % of its spread \
            ({spread:.4}) on average, cosine {cosine:.3}"
        )?;
        if let Some(Part { axis, index, mean, spread }) = self.0.doubted_part() {
            let percent = 100.0 * ratio(*mean, *spread);
            write!(f, ", number {index} along dimension {axis} by {percent:.0} % of its own")?;
            write!(f, " ({spread:.4})")?;
        }
        write!(f, "; what is proven is what the integers say")
    }
}

/// A share, none of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Sums over pairs of numbers.
#[derive(Clone, Debug)]
struct Sums {
    largest: f64,
    difference: f64,
    count: usize,
    ends: [f64; 2],
    /// `Σ float·int8`, `Σ float²`, `Σ int8²`.
    products: [f64; 3],
}

impl Default for Sums {
    fn default() -> Self {
        let ends = [f64::INFINITY, f64::NEG_INFINITY];
        Self { largest: 0.0, difference: 0.0, count: 0, ends, products: [0.0; 3] }
    }
}

impl Sums {
    fn add(&mut self, float: &ArrayViewD<'_, f32>, int8: &ArrayViewD<'_, f64>) {
        for (&float, &int8) in float.iter().zip(int8) {
            let float = f64::from(float);
            let difference = (float - int8).abs();
            self.largest = self.largest.max(difference);
            self.difference += difference;
            self.count += 1;
            self.ends = [self.ends[0].min(float), self.ends[1].max(float)];
            let products = [float * int8, float * float, int8 * int8];
            self.products.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
    }

    fn mean(&self) -> f64 {
        self.difference / self.count.max(1) as f64
    }

    fn spread(&self) -> f64 {
        (self.ends[1] - self.ends[0]).max(0.0)
    }

    fn magnitude(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.ends[0].abs().max(self.ends[1].abs()) }
    }

    /// One where both are zero.
    fn cosine(&self) -> f64 {
        let [product, float, int8] = self.products;
        if float == 0.0 && int8 == 0.0 { 1.0 } else { ratio(product, (float * int8).sqrt()) }
    }
}

/// Both sides of an output, sample by sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distance {
    all: Sums,
    /// For the second dimension, and the last one if that is another: a sum for each place.
    parts: Vec<(usize, Vec<Sums>)>,
}

impl Distance {
    /// Adds a sample.
    pub(crate) fn add(&mut self, float: &ArrayD<f32>, int8: &ArrayD<f64>) {
        self.all.add(&float.view(), &int8.view());
        if self.parts.is_empty() {
            let mut axes = vec![1, float.ndim().saturating_sub(1)];
            axes.retain(|&axis| axis > 0 && axis < float.ndim());
            axes.dedup();
            let sums = |axis: usize| vec![Sums::default(); float.len_of(Axis(axis))];
            self.parts = axes.into_iter().map(|axis| (axis, sums(axis))).collect();
        }
        for (axis, sums) in &mut self.parts {
            let slices = float.axis_iter(Axis(*axis)).zip(int8.axis_iter(Axis(*axis)));
            sums.iter_mut().zip(slices).for_each(|(sums, (float, int8))| sums.add(&float, &int8));
        }
    }

    /// What came of it.
    pub(crate) fn finish(self, name: &str) -> OutputError {
        let least = self.all.magnitude() * CONSTANT;
        let parts = self.parts.iter().flat_map(|(axis, sums)| {
            sums.iter().enumerate().map(|(index, sums)| Part {
                axis: *axis,
                index,
                mean: sums.mean(),
                spread: sums.spread(),
            })
        });
        let share = |part: &Part| ratio(part.mean, part.spread);
        let varying = parts.filter(|part| part.spread > least);
        OutputError {
            name: name.to_owned(),
            largest: self.all.largest,
            mean: self.all.mean(),
            magnitude: self.all.magnitude(),
            spread: self.all.spread(),
            cosine: self.all.cosine(),
            worst: varying.max_by(|a, b| share(a).total_cmp(&share(b))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    /// What the float model says and what the integers stand for.
    type Sample = ([[f32; 3]; 1], [[f64; 3]; 1]);

    fn measured(samples: &[Sample]) -> OutputError {
        let mut distance = Distance::default();
        for (float, int8) in samples {
            distance.add(&arr2(float).into_dyn(), &arr2(int8).into_dyn());
        }
        distance.finish("y")
    }

    #[test]
    fn a_part_with_nothing_left_is_seen_beside_a_whole_that_agrees() {
        // Boxes up to 640 and a confidence: with one scale the confidence rounds to zero.
        let error = measured(&[
            ([[600.0, 640.0, 0.9]], [[600.0, 640.0, 0.0]]),
            ([[10.0, 20.0, 0.1]], [[10.0, 20.0, 0.0]]),
        ]);
        assert!(error.relative() < 0.001 && error.cosine > 0.9999, "{error:?}");
        let worst = error.worst.clone().unwrap();
        assert_eq!((worst.axis, worst.index), (1, 2));
        let said = error.doubt().unwrap().to_string();
        assert!(said.contains("number 2 along dimension 1 by 63 % of its own"), "{said}");
    }

    #[test]
    fn what_agrees_is_not_doubted_and_a_constant_part_is_none() {
        let error = measured(&[
            ([[1.0, -2.0, 5.0]], [[1.01, -2.0, 5.0]]),
            ([[-1.0, 2.0, 5.0]], [[-1.0, 2.02, 5.0]]),
        ]);
        assert_eq!(error.doubt(), None, "{error:?}");
        assert_eq!((error.spread, error.magnitude, error.worst.unwrap().index), (7.0, 5.0, 1));
        let off = measured(&[([[0.0, 1.0, 2.0]], [[0.5, 1.5, 2.5]])]);
        assert!(off.doubt().unwrap().to_string().contains("by 25.0 % of its spread"));
    }
}
