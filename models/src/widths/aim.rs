//! How close outputs are to come when more than 8 bits are spent on them.

use crate::agreement::{Measure, OutputError};
use crate::evaluate::Evaluation;
use crate::float::activation::erf;

/// An error, in units of the spread, that is enough where 8 bits were not: a cosine of 0.9987.
const ENOUGH: f64 = 0.05;
/// The same of an output that predicts tokens: what is written next depends on every one of them.
/// With as much of it, one most likely token in a hundred is another.
const ENOUGH_TOKENS: f64 = 0.032;
/// The same with which 8 bits will do.
const MOST_TOKENS: f64 = 0.04;
/// The share of samples whose class may become another: accuracy cannot differ by more.
const ENOUGH_CLASSES: f64 = 0.005;

/// What is asked of all outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim<'m> {
    /// The largest error that somebody has asked for, in units of the spread.
    pub(super) most: f64,
    /// Of each output that has classes, by how much the best is ahead of the next, sample by
    /// sample.
    pub(super) margins: &'m [Vec<f64>],
}

impl Aim<'_> {
    /// Whether an output is doubted, off by more than was asked for, predicts tokens and is off
    /// by more than those bear, or has classes of which more become others than may.
    pub(super) fn asks_for_more(self, evaluation: &Evaluation) -> bool {
        let asks = |(index, output): (usize, &OutputError)| {
            let tokens = predicts_tokens(output, evaluation.samples);
            output.excess(self.most) > 1.0
                || tokens && output.all.error > MOST_TOKENS
                || self.changed(index, output) > ENOUGH_CLASSES
        };
        evaluation.outputs.iter().enumerate().any(asks)
    }

    /// By how much the outputs are further off than they should be, as a logarithm; 0 if none is.
    pub(super) fn excess(self, evaluation: &Evaluation) -> f64 {
        let beyond = |(index, output): (usize, &OutputError)| {
            let share = self.share(index, output, evaluation.samples);
            output.excess(self.most).max(share).ln().max(0.0)
        };
        evaluation.outputs.iter().enumerate().map(beyond).sum()
    }

    /// Square errors of the outputs, each in units of what is enough: they add up over the values
    /// that are rounded.
    pub(super) fn loss(self, evaluation: &Evaluation) -> f64 {
        let of = |(index, output): (usize, &OutputError)| {
            self.share(index, output, evaluation.samples).powi(2)
        };
        evaluation.outputs.iter().enumerate().map(of).sum()
    }

    /// An output's error in units of what is enough.
    fn share(self, index: usize, output: &OutputError, samples: usize) -> f64 {
        let tokens = predicts_tokens(output, samples);
        let enough = self.most.min(if tokens { ENOUGH_TOKENS } else { ENOUGH });
        // Near margins of zero as many lie as there is error.
        (output.all.error / enough).max(self.changed(index, output) / ENOUGH_CLASSES)
    }

    /// The share of samples that is expected to have another class: a count of those that have
    /// would take thousands of samples, margins tell of each how near it is.
    fn changed(self, index: usize, output: &OutputError) -> f64 {
        let margins = self.margins.get(index).map_or(&[][..], Vec::as_slice);
        expected_changes(margins, output.all.error * output.all.spread)
    }
}

/// The mean of how likely two scores that are so far apart change places, each off by a normal
/// error.
fn expected_changes(margins: &[f64], error: f64) -> f64 {
    if margins.is_empty() || error <= 0.0 {
        return 0.0;
    }
    let changes = margins.iter().map(|margin| 0.5 * (1.0 - erf(margin / (2.0 * error))));
    changes.sum::<f64>() / margins.len() as f64
}

/// Whether an output has classes for each of several tokens of a sample.
fn predicts_tokens(output: &OutputError, samples: usize) -> bool {
    matches!(output.measure, Measure::Classes { compared, .. } if compared > samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_change_where_margins_are_as_small_as_errors() {
        // The difference of two errors deviates by √2 of them: one in six is beyond it.
        let one = expected_changes(&[2f64.sqrt()], 1.0);
        assert!((one - 0.158_655).abs() < 1e-4, "{one}");
        assert_eq!(expected_changes(&[0.0], 1.0), 0.5);
        assert!(expected_changes(&[10.0, 0.0], 1.0) - 0.25 < 1e-6);
        assert_eq!([expected_changes(&[], 1.0), expected_changes(&[0.0], 0.0)], [0.0; 2]);
    }
}
