//! What was chosen, and how it is said.

use crate::compare::Comparison;
use crate::evaluate::Evaluation;
use crate::float::graph::{Graph, Operator};
use crate::float::room;
use crate::integer::graph::ValueId;
use crate::model::Error;
use crate::quantise::Quantised;
use crate::quantise::settings::{Bits, Options, Widths};

/// Multiplications of the float model in all runs together.
const WORK: usize = 1 << 36;
/// Runs on all samples, beside those that tell groups apart.
const TRIES: usize = 11;
/// As many groups as there is time for, but not fewer: of large networks one of each kind.
const LEAST_GROUPS: usize = 32;
/// Values that are named.
const NAMED: usize = 3;

/// Bits that the error asks for, and what they come to.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// With them.
    pub options: Options,
    /// The network.
    pub quantised: Quantised,
    /// Beside the float model.
    pub evaluation: Evaluation,
    /// The network with 8 bits, if others were chosen.
    pub narrow: Option<Quantised>,
}

impl Chosen {
    /// Bits that somebody has chosen.
    ///
    /// # Errors
    /// As [`Comparison::evaluate`].
    pub fn given(comparison: &Comparison<'_>, options: Options) -> Result<Self, Error> {
        let (quantised, evaluation) =
            (comparison.quantise(&options)?, comparison.evaluate(&options)?);
        Ok(Self { options, quantised, evaluation, narrow: None })
    }
}

/// Groups that there is time to tell apart, beside runs on all samples.
pub(super) fn groups_to_tell(graph: &Graph, samples: usize, few: usize) -> usize {
    let runs = room::repetitions(graph, WORK, 0, usize::MAX);
    (runs.saturating_sub(TRIES * samples) / few).max(LEAST_GROUPS)
}

/// In the line that says what was chosen.
pub(super) const ASKED: &str = "as the error with 8 bits asks for it";

/// The line of a network that says which values have how many bits, if there is one.
pub(super) fn said_bits(quantised: &Quantised) -> Option<String> {
    quantised.report.choices.iter().find(|line| line.contains(ASKED)).cloned()
}

/// Some of their names.
pub(super) fn names(graph: &Graph, values: &[ValueId]) -> String {
    let name = |&value: &ValueId| match graph.producer(value) {
        Some(index) => format!("{:?}", graph.nodes[index].name),
        None => format!("{:?}", graph.inputs[value].name),
    };
    let mut names: Vec<String> = values.iter().take(NAMED).map(name).collect();
    if values.len() > NAMED {
        names.push("…".into());
    }
    names.join(", ")
}

/// The bits of values, and of each Concat as many as the widest of what it joins: a part that
/// nothing else reads has the Concat's scale.
pub(super) fn joined(graph: &Graph, bits: impl Iterator<Item = (ValueId, Bits)>) -> Widths {
    let mut widths = Widths::default();
    bits.filter(|&(_, bits)| bits > Bits::EIGHT).for_each(|(value, bits)| widths.set(value, bits));
    let mut kept = widths.clone();
    for (index, node) in graph.nodes.iter().enumerate() {
        let (value, operands) = (graph.result(index), node.inputs.iter());
        let widest = operands.map(|&input| kept.of(input)).max().unwrap_or_default();
        if node.keeps_grid() {
            kept.set(value, widest);
        } else if matches!(node.operator, Operator::Concat { .. }) && widest > widths.of(value) {
            widths.set(value, widest);
            kept.set(value, widest);
        }
    }
    widths
}
