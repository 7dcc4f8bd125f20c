//! The few figures of agreement that go with a compiled network.

use serde::{Deserialize, Serialize};

use super::further::Further;
use super::output::OutputError;

/// How well a network on integers did beside its float model, on samples of its calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Samples compared.
    pub samples: usize,
    /// The outputs, in the graph's order.
    pub outputs: Vec<OutputAgreement>,
}

/// The same for an output. Errors are in units of the spread, which is the standard deviation of
/// the float model's numbers; all figures have four digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputAgreement {
    /// The output.
    pub name: String,
    /// The root mean square error.
    pub error: f64,
    /// The mean error.
    pub mean: f64,
    /// The largest error.
    pub largest: f64,
    /// Cosine of the angle between both.
    pub cosine: f64,
    /// What further samples stay within.
    pub further: Option<Further>,
    /// Share of the classes that are the same, where there are classes.
    pub same_class: Option<f64>,
    /// The channel or column that loses most of its own spread.
    pub worst: Option<WorstPart>,
}

/// A channel or column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstPart {
    /// The dimension along which it is one of several.
    pub axis: usize,
    /// Which of them.
    pub index: usize,
    /// The root mean square error in units of its own spread.
    pub error: f64,
}

impl Agreement {
    /// What is kept of a comparison on so many samples.
    pub fn new(samples: usize, outputs: &[OutputError]) -> Self {
        Self { samples, outputs: outputs.iter().map(OutputAgreement::new).collect() }
    }
}

impl OutputAgreement {
    fn new(output: &OutputError) -> Self {
        let all = &output.all;
        Self {
            name: output.name.clone(),
            error: rounded(all.error),
            mean: rounded(all.in_spreads(all.mean)),
            largest: rounded(all.in_spreads(all.largest)),
            cosine: rounded(all.cosine),
            further: output.further.map(|further| Further {
                error: rounded(further.error),
                largest: rounded(further.largest),
                cosine: rounded(further.cosine),
            }),
            same_class: output.measure.same_class().map(rounded),
            worst: output.worst().first().map(|part| WorstPart {
                axis: part.axis,
                index: part.index,
                error: rounded(part.deviation.error),
            }),
        }
    }
}

/// Four digits: what differs beyond them differs between machines too.
fn rounded(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return 0.0;
    }
    let unit = 10f64.powi(3 - x.abs().log10().floor().clamp(-300.0, 300.0) as i32);
    (x * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits() {
        let numbers = [0.0, 1.0, 0.123_456, -98_765.4, 1.234e-200, 1e300].map(rounded);
        assert_eq!(numbers[..4], [0.0, 1.0, 0.1235, -98_770.0]);
        for (x, exact) in numbers[4..].iter().zip([1.234e-200, 1e300]) {
            assert!((x / exact - 1.0).abs() < 1e-9, "{numbers:?}");
        }
    }
}
