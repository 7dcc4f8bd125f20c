//! A network beside its float model, on samples of the calibration.

use std::ops::RangeInclusive;

use crate::agreement::{NodeError, Reading};
use crate::data::Dataset;
use crate::evaluate::Evaluation;
use crate::float::calibrate::Calibration;
use crate::integer::graph::Graph;
use crate::model::{Error, Model};
use crate::quantise::Quantised;
use crate::quantise::settings::{Method, Options};

/// So many samples are compared by networks whose ranges come from the other half: with more, no
/// sample makes much of a difference, with fewer half of them would make too much.
const HALVED: RangeInclusive<usize> = 8..=64;
/// Samples on which margins of classes are measured, at most.
const MARGINS: usize = 512;

/// As many samples as a compiler has time for, from all over the calibration, and ranges to compare
/// with.
#[derive(Debug)]
pub struct Comparison<'m> {
    pub(crate) model: &'m Model,
    pub(crate) calibration: &'m Calibration,
    all: &'m Dataset,
    samples: Dataset,
    /// Of each half of the samples, without the other.
    halves: Option<[Calibration; 2]>,
}

impl<'m> Comparison<'m> {
    /// Chooses samples of those that the calibration comes from. A network follows these better
    /// than others, so that each half of few samples is run by what the ranges of the other make.
    /// Labels are left out.
    ///
    /// # Errors
    /// As [`Model::calibrate`].
    pub fn new(
        model: &'m Model,
        calibration: &'m Calibration,
        samples: &'m Dataset,
    ) -> Result<Self, Error> {
        let all = samples.samples().len();
        let count = model.samples_to_compare().min(all);
        let compared: Vec<usize> = (0..count).map(|index| index * all / count).collect();
        let few = samples.some(compared.iter().copied());
        // What is compared takes turns, what is not does too.
        let half =
            |index: usize| compared.iter().position(|&other| other == index).unwrap_or(index) % 2;
        let without = |other: usize| {
            model.calibrate(&samples.some((0..all).filter(|&index| half(index) != other)))
        };
        let held_out = count > 1 && HALVED.contains(&all);
        let halves = if held_out { Some([without(0)?, without(1)?]) } else { None };
        Ok(Self { model, calibration, all: samples, samples: few, halves })
    }

    /// Whether no sample is compared by a network whose ranges it has a part in.
    pub fn is_held_out(&self) -> bool {
        self.halves.is_some()
    }

    /// The network on integers, over the ranges of all samples.
    ///
    /// # Errors
    /// As [`Model::quantise`].
    pub fn quantise(&self, options: &Options) -> Result<Quantised, Error> {
        self.model.quantise_with(self.calibration, options)
    }

    /// How far it is from the float model.
    ///
    /// # Errors
    /// As [`Model::quantise`] and [`Model::evaluate`].
    pub fn evaluate(&self, options: &Options) -> Result<Evaluation, Error> {
        self.evaluate_on(options, &self.samples)
    }

    /// The same on so many of the samples.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_few(&self, options: &Options, count: usize) -> Result<Evaluation, Error> {
        self.evaluate_on(options, &self.samples.some(0..count.min(self.samples.samples().len())))
    }

    fn evaluate_on(&self, options: &Options, samples: &Dataset) -> Result<Evaluation, Error> {
        let Some([first, second]) = &self.halves else {
            return self.model.evaluate(&self.quantise(options)?.graph, samples);
        };
        let first = self.model.quantise_with(first, options)?;
        let second = self.model.quantise_with(second, options)?;
        let mut found = self.model.evaluate_in_turn(&first.graph, &[&second.graph], samples)?;
        // All samples include what half of them do, but a range that leaves numbers out may leave
        // out others.
        if options.method != Method::MinMax {
            let whole = self.model.evaluate(&self.quantise(options)?.graph, samples)?;
            for (found, whole) in found.outputs.iter_mut().zip(whole.outputs) {
                if whole.all.error > found.all.error {
                    *found = whole;
                }
            }
        }
        Ok(found)
    }

    /// Of each output that has scores of classes, by how much the float model's best is ahead of
    /// the next, on as many of all samples as there is time for.
    ///
    /// # Errors
    /// If the float model does not run.
    pub(crate) fn margins(&self, graph: &Graph) -> Result<Vec<Vec<f64>>, Error> {
        let readings: Vec<Reading> =
            graph.outputs.iter().map(|output| Reading::of(graph, output.value)).collect();
        let all = self.all.samples();
        let count = self.model.samples_to_run(MARGINS).min(all.len());
        let mut margins = vec![Vec::new(); readings.len()];
        for index in 0..count {
            let outputs = self.model.run(&all[index * all.len() / count])?;
            for ((margins, reading), output) in margins.iter_mut().zip(&readings).zip(&outputs) {
                margins.extend(reading.margin(&output.mapv(f64::from)));
            }
        }
        Ok(margins)
    }

    /// Where the error comes in.
    ///
    /// # Errors
    /// As [`Model::node_errors`].
    pub fn node_errors(&self, quantised: &Quantised) -> Result<Vec<NodeError>, Error> {
        self.model.node_errors(&quantised.graph, &quantised.counterparts, &self.samples)
    }
}
