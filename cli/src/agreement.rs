//! How well integers follow floats, as people read it, and what is refused.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Serialize;
use zkinfer::foreign;
use zkinfer::models::agreement::{
    Agreement, Deviation, Measure, NodeError, OutputAgreement, OutputError,
};
use zkinfer::models::compare::Comparison;
use zkinfer::models::{Evaluation, Quantised};

use crate::screen::{say, table};

/// Nodes and parts that are named where not all are.
const NAMED: usize = 5;
/// A comparison with the float model, for `--json` too.
#[derive(Serialize)]
pub struct Compared {
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Whether the samples were compared by networks whose ranges they have no part in, where they
    /// are those of the calibration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<bool>,
    /// Where the error comes in, in the float graph's order; none where nobody asks.
    pub nodes: Vec<NodeError>,
}

/// What is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The error of an output or a part, in percent of its spread.
    pub percent: f64,
    /// Whether more is warned of only.
    pub accepted: bool,
    /// Whether all values have 8 bits, and might have more.
    pub narrow: bool,
}

impl Bound {
    /// What more bits would be asked for with.
    fn more_bits(self) -> &'static str {
        if self.narrow { "try more bits (`--bits auto`), " } else { "" }
    }
}

impl Compared {
    /// What a comparison came to, and the nodes that lose where an output is doubted.
    pub fn new(
        comparison: &Comparison<'_>,
        quantised: &Quantised,
        evaluation: Evaluation,
        bound: Bound,
        all_nodes: bool,
    ) -> Result<Self> {
        let doubted = |output: &OutputError| {
            output.doubt().is_some() || output.loss(bound.percent / 100.0).is_some()
        };
        let nodes = if all_nodes || evaluation.outputs.iter().any(doubted) {
            comparison.node_errors(quantised)?
        } else {
            Vec::new()
        };
        Ok(Self { evaluation, held_out: Some(comparison.is_held_out()), nodes })
    }

    /// The few figures that go with the compiled network.
    pub fn summary(&self) -> Agreement {
        Agreement::new(self.evaluation.samples, &self.evaluation.outputs)
    }

    /// What people should look at before they rely on the network. What nobody would want is
    /// refused, unless it is accepted.
    pub fn judge(&self, bound: Bound, path: &Path) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for output in &self.evaluation.outputs {
            match (output.loss(bound.percent / 100.0), output.doubt()) {
                (Some(loss), _) if !bound.accepted => {
                    let nodes = named(&self.nodes);
                    bail!(
                        "{}: {loss}: refused{nodes}; {}calibrate with more typical samples, \
                        rescale inputs or outputs whose parts differ in size, quantise the file \
                        with tools of your own, or compile it all the same with --accept-loss",
                        foreign::path(path),
                        bound.more_bits()
                    )
                }
                (Some(loss), _) => {
                    warnings
                        .push(format!("{loss}, accepted; what is proven is what the integers say"));
                }
                (None, Some(doubt)) => {
                    let more = if bound.narrow { "; `--bits auto` may do better" } else { "" };
                    warnings.push(format!("{doubt}{more}"));
                }
                (None, None) => {}
            }
        }
        Ok(warnings)
    }

    /// Prints each output, and where it loses if it is doubted.
    pub fn print(&self) {
        let Evaluation { samples, outputs, .. } = &self.evaluation;
        for output in outputs {
            print_output(output);
        }
        let how = if self.held_out == Some(true) {
            ", each half with ranges that the other has"
        } else {
            ""
        };
        say!("compared with the float model on {samples} samples of the calibration{how}");
        if outputs.iter().any(|output| output.doubt().is_some()) {
            print_nodes(&self.nodes, NAMED);
        }
    }
}

/// Says that nothing is known, where there were no samples.
pub fn print_unknown() {
    say!(
        "agreement with the float model: nothing is known, as there are no samples; --calibration \
        DATA tells, or `zkinfer evaluate`"
    );
}

/// An output with its measure, and the worst of its parts if they are worse than it.
pub fn print_output(output: &OutputError) {
    let OutputError { name, all, measure, .. } = output;
    let further = output.further.map(|further| percent(further.error));
    say!(
        "{}  off by {} of its spread{}, {} at most; cosine {:.4}; {}",
        foreign::name(name),
        percent(all.error),
        further.map(|most| format!(" (most others by up to {most})")).unwrap_or_default(),
        percent(all.in_spreads(all.largest)),
        all.cosine,
        measured(measure),
    );
    if output.saturated > 0.0 {
        say!("  {} of its integers are saturated", percent(output.saturated));
    }
    let worse = output.worst().into_iter().filter(|part| part.deviation.error > 2.0 * all.error);
    for part in worse.take(NAMED).filter(|part| part.deviation.error > 0.05) {
        let Deviation { error, largest, .. } = part.deviation;
        say!(
            "  number {} along dimension {} by {} of its own, {} at most",
            part.index,
            part.axis,
            percent(error),
            percent(part.deviation.in_spreads(largest))
        );
    }
}

/// The measure in words.
fn measured(measure: &Measure) -> String {
    match *measure {
        Measure::Classes { compared, same } => {
            format!("top class the same in {same} of {compared}")
        }
        Measure::Positions { compared, same, mean_iou } => format!(
            "class the same at {} of positions, mean IoU {mean_iou:.3}",
            percent(same as f64 / compared.max(1) as f64)
        ),
        Measure::Detections { largest, ranking, .. } => format!(
            "scores off by {largest:.3} at most, {} of the best detections the same",
            percent(ranking)
        ),
        Measure::Numbers { explained } => format!("R² {explained:.4}"),
    }
}

/// Nodes by what they lose, the worst first.
pub fn worst(nodes: &[NodeError]) -> Vec<&NodeError> {
    let mut worst: Vec<&NodeError> =
        nodes.iter().filter(|node| node.introduced.largest > 0.0 || node.saturated > 0.0).collect();
    worst.sort_by(|a, b| b.introduced.error.total_cmp(&a.introduced.error));
    worst
}

/// A table of those nodes that lose most.
pub fn print_nodes(nodes: &[NodeError], most: usize) {
    let worst = worst(nodes);
    let mut rows = table(&["  node", "operator", "error introduced", "by then", "saturated"]);
    for node in worst.iter().take(most) {
        rows.add_row([
            format!("  {}", foreign::name(&node.name)),
            foreign::name(&node.operator),
            percent(node.introduced.error),
            percent(node.accumulated.error),
            percent(node.saturated),
        ]);
    }
    rows.print();
    if worst.len() > most {
        say!("  … {} more (--json prints all)", worst.len() - most);
    }
    let saturated = nodes.iter().filter(|node| node.saturated > 0.0);
    let most = saturated.clone().max_by(|a, b| a.saturated.total_cmp(&b.saturated));
    if let Some(most) = most {
        let (count, name, share) = (saturated.count(), &most.name, percent(most.saturated));
        say!("  {count} nodes saturate, most of all {} ({share})", foreign::name(name));
    }
}

/// The first of those nodes, in a line.
fn named(nodes: &[NodeError]) -> String {
    let worst = worst(nodes).into_iter().take(3);
    let names = worst.map(|node| {
        format!(
            "{} {} ({})",
            node.operator,
            foreign::name(&node.name),
            percent(node.introduced.error)
        )
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() { String::new() } else { format!(", most is lost at {}", names.join(", ")) }
}

/// The summary as a publisher states it.
pub fn print_summary(agreement: &Agreement, who: &str) {
    for output in &agreement.outputs {
        let OutputAgreement { name, error, largest, cosine, same_class, worst, .. } = output;
        let further = output.further.map(|further| percent(further.error));
        let classes = same_class.map(|same| format!(", top class the same in {}", percent(same)));
        let part = worst.as_ref().map(|part| {
            let (index, axis, error) = (part.index, part.axis, percent(part.error));
            format!(", worst part (number {index} along dimension {axis}) by {error} of its own")
        });
        say!(
            "  {who} {} off the float model by {} of its spread{}, {} at most, cosine \
            {cosine:.4}{}{} ({} samples)",
            foreign::name(name),
            percent(*error),
            further.map(|most| format!(" (most others by up to {most})")).unwrap_or_default(),
            percent(*largest),
            classes.unwrap_or_default(),
            part.unwrap_or_default(),
            agreement.samples
        );
    }
}

/// A share in percent, with as many digits as tell something.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        0.0 => "0 %".into(),
        _ if percent.abs() >= 1e6 => format!("{percent:.1e} %"),
        _ if percent.abs() >= 10.0 => format!("{percent:.0} %"),
        _ if percent.abs() >= 0.1 => format!("{percent:.2} %"),
        _ => format!("{percent:.4} %"),
    }
}
