//! How close outputs are to come when more than 8 bits are spent on them.

use crate::agreement::{Measure, OutputError};
use crate::evaluate::Evaluation;

/// An error, in units of the spread, that is enough where 8 bits were not: a cosine of 0.9987.
const ENOUGH: f64 = 0.05;
/// The same of an output that predicts tokens: what is written next depends on every one of them.
/// With as much of it, one most likely token in a hundred is another.
const ENOUGH_TOKENS: f64 = 0.032;
/// The same with which 8 bits will do.
const MOST_TOKENS: f64 = 0.04;

/// What is asked of all outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim {
    /// The largest error that somebody has asked for, in units of the spread.
    pub(super) most: f64,
}

impl Aim {
    /// Whether an output is doubted, off by more than was asked for, or predicts tokens and is off
    /// by more than those bear.
    pub(super) fn asks_for_more(self, evaluation: &Evaluation) -> bool {
        let asks = |output: &OutputError| {
            let tokens = predicts_tokens(output, evaluation.samples);
            output.excess(self.most) > 1.0 || tokens && output.all.error > MOST_TOKENS
        };
        evaluation.outputs.iter().any(asks)
    }

    /// By how much the outputs are further off than they should be, as a logarithm; 0 if none is.
    pub(super) fn excess(self, evaluation: &Evaluation) -> f64 {
        let beyond = |output: &OutputError| {
            let share = output.all.error / self.enough(output, evaluation.samples);
            output.excess(self.most).max(share).ln().max(0.0)
        };
        evaluation.outputs.iter().map(beyond).sum()
    }

    /// Square errors of the outputs, each in units of what is enough: they add up over the values
    /// that are rounded.
    pub(super) fn loss(self, evaluation: &Evaluation) -> f64 {
        let of = |output: &OutputError| {
            (output.all.error / self.enough(output, evaluation.samples)).powi(2)
        };
        evaluation.outputs.iter().map(of).sum()
    }

    fn enough(self, output: &OutputError, samples: usize) -> f64 {
        let tokens = predicts_tokens(output, samples);
        self.most.min(if tokens { ENOUGH_TOKENS } else { ENOUGH })
    }
}

/// Whether an output has classes for each of several tokens of a sample.
fn predicts_tokens(output: &OutputError, samples: usize) -> bool {
    matches!(output.measure, Measure::Classes { compared, .. } if compared > samples)
}
