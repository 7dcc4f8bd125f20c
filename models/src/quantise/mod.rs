//! Post-training static quantisation to int8, of whatever the file has not quantised itself.
//! `docs/quantisation.md` has the derivations.
//!
//! | file | idea |
//! |---|---|
//! | `plan` | which value gets which range, and which accumulators stay raw |
//! | `scale` | from a range to scale and zero point |
//! | `channels` | weights, biases and snapped multipliers of layers that the file has in floating point |
//! | `exact` | multipliers that round as a quantised file's scales demand |
//! | `rescale` | multipliers of operators without weights |
//! | `function` | saturation, activations and functions of two values as tables |
//! | `layer` | Convolution and Linear |
//! | `combine` | Sum, AveragePool, Product, interpolation |
//! | `emit` | the quantised nodes per float node |

mod channels;
mod combine;
mod emit;
mod exact;
mod function;
mod layer;
mod plan;
mod rescale;
mod scale;

use crate::calibrate::{Calibration, Source};
use crate::graph;
use crate::quantised::{self, Output};
use crate::report::{InputReport, Report};
use crate::validate::GraphError;
use emit::Quantiser;
use plan::Plan;
pub(crate) use plan::raw_accumulators;

/// The smallest and largest int8 weight: symmetric, so that no product needs more room on one side.
const WEIGHT_LIMIT: f64 = 127.0;

/// A network that cannot be quantised.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantiseError {
    /// Calibration has no range for a node's result or an input.
    #[error(
        "calibration has no range for value {value:?} of {model:?}; calibrate with the model that \
        is quantised"
    )]
    MissingRange {
        /// The model.
        model: String,
        /// The node or input.
        value: String,
    },
    /// A calibrated range is not finite.
    #[error(
        "value {value:?} of {model:?} ranges over {minimum}..{maximum} in calibration, expected \
        finite numbers around zero; check the calibration data"
    )]
    BadRange {
        /// The model.
        model: String,
        /// The node or input.
        value: String,
        /// Its lower end.
        minimum: f32,
        /// Its upper end.
        maximum: f32,
    },
    /// The quantised network would overflow.
    #[error(
        "the calibrated ranges do not fit the weights of this network: {0}; calibrate with typical \
        inputs"
    )]
    Unsound(#[from] GraphError),
}

/// A quantised network and how it came about.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// The network on integers.
    pub graph: quantised::Graph,
    /// Ranges, scales and warnings.
    pub report: Report,
}

/// Quantises a float graph that the passes have simplified; `notes` of its import go into the
/// report.
pub(crate) fn quantise(
    float: &graph::Graph,
    calibration: &Calibration,
    notes: &[String],
) -> Result<Quantised, QuantiseError> {
    let plan = Plan::new(float, calibration)?;
    let mut quantiser = Quantiser::new(float, &plan);
    quantiser.report.notes = notes.to_vec();
    if let Source::InputRange { minimum, maximum } = calibration.source
        && plan.calibrates(float)
    {
        quantiser.report.warnings.push(format!(
            "no calibration data: ranges come from random inputs in {minimum}..{maximum}, accuracy \
            may suffer; pass typical samples"
        ));
    }
    for (value, input) in float.inputs.iter().enumerate() {
        let range = plan.range(value);
        let grid = input.grid.unwrap_or_else(|| scale::activation(range));
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
        quantiser.node(index);
    }
    let outputs = float
        .outputs
        .iter()
        .map(|output| Output { name: output.name.clone(), value: quantiser.ids[output.value] });
    quantiser.graph.outputs = outputs.collect();
    quantiser.graph.validate()?;
    Ok(Quantised { graph: quantiser.graph, report: quantiser.report })
}
