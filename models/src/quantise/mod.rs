//! Post-training static quantisation to int8, of whatever the file has not quantised itself.
//! `docs/quantisation.md` has the derivations.
//!
//! | file | idea |
//! |---|---|
//! | [`settings`] | what people choose |
//! | `ranges` | which value gets which range, and which accumulators stay raw |
//! | `plan` | what has scales by index: inputs, layers, parts of a Concat |
//! | `follow`, `loss` | who reads scales by index in the end, and what rounding costs them |
//! | `parts` | scales by index in a layer's weights and biases |
//! | `join` | Concat, and values brought to one scale |
//! | `method` | which part of a value's numbers its range covers |
//! | `outliers` | what a range leaves out, and what stretches it |
//! | `scale` | from a range to scale and zero point |
//! | `channels` | weights, biases and snapped multipliers of layers that the file has in floating point |
//! | `exact` | multipliers that round as a quantised file's scales demand |
//! | `ratio`, `staircase` | factors as quotients, and what slopes round as they do |
//! | `origin` | whether the file quantises |
//! | `reach` | how large weights, biases and accumulators can get |
//! | `rescale` | multipliers of operators without weights |
//! | `function` | saturation, activations and functions of two values as tables |
//! | `layer` | Convolution and Linear |
//! | `steep` | factors of masks |
//! | `correct` | biases that take up what rounded weights are off by on average |
//! | `tie`, `leaders`, `shared` | weights that several layers read: the same scales, the same integers |
//! | `streams` | residual streams, which are not rounded |
//! | `matmul` | MatMul |
//! | `rows`, `room` | Softmax and Normalise |
//! | `combine` | Sum, AveragePool, Product, interpolation |
//! | `whole` | which whole values are kept as the integers that they are |
//! | `index` | ArgMax within a network, tables looked up by an index |
//! | `emit` | the quantised nodes per float node |
//! | [`counterparts`] | which integers stand for which float value |

mod channels;
mod combine;
mod correct;
pub mod counterparts;
mod emit;
mod error;
mod exact;
mod follow;
mod function;
mod index;
mod join;
mod layer;
mod leaders;
mod loss;
mod matmul;
mod method;
pub(crate) mod origin;
mod outliers;
mod parts;
mod plan;
mod ranges;
mod ratio;
mod reach;
pub mod report;
mod rescale;
mod room;
mod rows;
mod scale;
pub mod settings;
mod shared;
mod staircase;
mod steep;
mod streams;
mod tie;
mod whole;

use std::collections::BTreeSet;

use crate::float::calibrate::{Calibration, Source};
use crate::float::graph::Operator;
use crate::float::relevance::Interval;
use crate::integer::generation::{self, GenerationError};
use crate::integer::graph::{Output, ValueId};
use crate::integer::signature::Grid;
use crate::{float, integer};
use counterparts::{Counterpart, Counterparts};
use emit::Quantiser;
pub use error::QuantiseError;
use origin::{Origin, some_of};
use ranges::Ranges;
use report::{InputReport, Report};
use settings::Options;

/// A quantised network and how it came about.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// The network on integers.
    pub graph: integer::graph::Graph,
    /// Ranges, scales and warnings.
    pub report: Report,
    /// Which of its integers stand for which value of the float graph.
    pub counterparts: Counterparts,
}

impl Quantised {
    /// The network that generates what this one, from ids to logits, says. Its integers are the
    /// same, but no longer told apart by the float model's values.
    ///
    /// # Errors
    /// If it is no causal network from ids to logits, or has no room for such an answer.
    pub fn generating(self, options: &generation::Options) -> Result<Self, GenerationError> {
        let graph = self.graph.generating(options)?;
        let mut report = self.report;
        report.notes.push(format!(
            "generates up to {} ids behind a prompt, {} of both together; behind them stands {}",
            options.tokens,
            graph.generator().map_or(0, |generator| generator.length()),
            options.padding,
        ));
        Ok(Self { graph, report, counterparts: Counterparts::default() })
    }
}

/// Quantises a float graph that the passes have simplified; `notes` of its import go into the
/// report.
pub(crate) fn quantise(
    float: &float::graph::Graph,
    calibration: &Calibration,
    options: &Options,
    notes: &[String],
    origin: Origin,
) -> Result<Quantised, QuantiseError> {
    let choices = Ranges::new(float, calibration, options)?;
    let mut fine = BTreeSet::new();
    let mut quantiser = emit(float, &choices, notes, fine.clone())?;
    // What is divided by more bits for weights of other layers is known once all have been tried.
    for _ in 0..ROUNDS {
        if quantiser.shared.wanting.is_subset(&fine) {
            break;
        }
        fine.append(&mut quantiser.shared.wanting);
        quantiser = emit(float, &choices, notes, fine.clone())?;
    }
    quantiser.say_shared();
    quantiser.say_corrected();
    say_measured(&mut quantiser, calibration.source, origin)?;
    let outputs = float
        .outputs
        .iter()
        .map(|output| Output { name: output.name.clone(), value: quantiser.ids[output.value] });
    quantiser.graph.outputs = outputs.collect();
    quantiser.graph.validate()?;
    let counterpart = |(index, &value): (usize, &ValueId)| {
        let Interval { low, high } = choices.matters(index);
        let bounded = low.is_finite() || high.is_finite();
        Counterpart { value, matters: bounded.then_some([low, high]) }
    };
    let counterparts = quantiser.ids.iter().enumerate().map(counterpart);
    let counterparts = Counterparts::new(counterparts.collect());
    Ok(Quantised { graph: quantiser.graph, report: quantiser.report, counterparts })
}

/// How often a network is quantised again because weights are shared.
const ROUNDS: usize = 3;

/// All inputs and nodes.
fn emit<'a>(
    float: &'a float::graph::Graph,
    choices: &'a Ranges,
    notes: &[String],
    fine: BTreeSet<usize>,
) -> Result<Quantiser<'a>, QuantiseError> {
    let mut quantiser = Quantiser::new(float, choices, fine);
    quantiser.report.notes = notes.to_vec();
    quantiser.report.choices.clone_from(&choices.plan.choices);
    quantiser.report.choices.extend(choices.said.iter().cloned());
    for (value, input) in float.inputs.iter().enumerate() {
        let range = choices.range(value);
        let known = input.grid.filter(|grid| !grid.is_open()).or_else(|| choices.whole(value));
        let planned = choices.plan.parts.get(&value);
        let grid = planned.map(|(_, grid)| *grid).or(known);
        let grid = grid.unwrap_or_else(|| scale::activation(range, choices.bits(value)));
        if let Some((parts, _)) = planned {
            quantiser.graph.parts.insert(value, parts.clone());
        }
        if input.grid.is_some_and(|grid| grid.is_open()) {
            quantiser.report.notes.push(whole_input(&input.name, grid));
        }
        quantiser.input(input, grid);
        quantiser.report.inputs.push(InputReport {
            name: input.name.clone(),
            shape: input.shape.clone(),
            range,
            scale: grid.quantisation.scale,
            zero_point: grid.quantisation.zero_point,
        });
    }
    for index in 0..float.nodes.len() {
        if let Operator::Lookup { table } = &float.nodes[index].operator {
            quantiser.check_index(index, table)?;
        }
        quantiser.node(index);
    }
    Ok(quantiser)
}

/// What became of an input of integers whose range the file does not say.
fn whole_input(name: &str, grid: Grid) -> String {
    let [low, high] = [grid.minimum, grid.maximum].map(|end| grid.dequantise(end));
    let range = format!(
        "input {name:?} holds integers and is quantised for {low}..={high}, as they were given \
        here; `--input-range NAME=LOW,HIGH` says otherwise"
    );
    if grid.is_whole() {
        return range;
    }
    format!(
        "{range}. In its range or where it is read that is too many to be kept one by one: they \
        are rounded to steps of {}",
        grid.quantisation.scale
    )
}

/// Says which values have measured ranges. What a quantised file leaves open is measured on data or
/// not at all: beside integers that are exact, a guess would go unseen.
fn say_measured(
    quantiser: &mut Quantiser<'_>,
    source: Source,
    origin: Origin,
) -> Result<(), QuantiseError> {
    let measured = std::mem::take(&mut quantiser.measured);
    let names = || some_of(measured.iter().map(String::as_str));
    let report = &mut quantiser.report;
    match (source, origin) {
        _ if measured.is_empty() => {}
        (Source::InputRange { minimum, maximum }, Origin::Float) => report.warnings.push(format!(
            "no calibration data: ranges come from random inputs in {minimum}..{maximum}, accuracy \
            may suffer; pass typical samples"
        )),
        (Source::InputRange { .. }, Origin::Quantised) => {
            return Err(QuantiseError::LeftOpen {
                model: quantiser.float.name.clone(),
                values: names(),
            });
        }
        (Source::InputRange { .. }, Origin::Dynamic) => {
            return Err(QuantiseError::Dynamic {
                model: quantiser.float.name.clone(),
                values: names(),
            });
        }
        (Source::Data { .. }, Origin::Quantised) => report.notes.push(format!(
            "the file is quantised but for {}: these are quantised here, over measured ranges",
            names()
        )),
        (Source::Data { .. }, _) => {}
    }
    Ok(())
}
