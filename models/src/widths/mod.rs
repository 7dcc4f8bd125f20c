//! Which values get more than 8 bits: none where 8 are enough, else those whose rounding is felt
//! most at the outputs, and only so many.
//!
//! | file | idea |
//! |---|---|
//! | `aim` | how close the outputs are to come |
//! | `groups` | the values that may have more, and which share a decision |
//! | `budget` | which groups keep 8 bits, from what their rounding costs at the outputs |

mod aim;
mod budget;
mod groups;

use crate::compare::Comparison;
use crate::evaluate::Evaluation;
use crate::float::graph::{Graph, Operator};
use crate::float::room;
use crate::integer::graph::ValueId;
use crate::model::Error;
use crate::quantise::Quantised;
use crate::quantise::settings::{Bits, Method, Options, Widths};
use aim::Aim;
use budget::Budget;
use groups::Group;

/// Multiplications of the float model in all runs together.
const WORK: usize = 1 << 36;
/// Bits that are tried for all values, until they are enough.
const WIDTHS: [u32; 7] = [9, 10, 11, 12, 13, 14, 16];
/// Tries on all samples of which groups keep 8 bits.
const TRIES: usize = 4;
/// Samples on which the groups are told apart.
const FEW: usize = 2;
/// As many groups as there is time for, but not fewer.
const LEAST_GROUPS: usize = 8;
/// More bits are kept where they lower the logarithm of the excess by this.
const GAIN: f64 = 0.2;
/// Fewer bits than 16 are enough where 16 are not, and they raise it by no more than this.
const SLACK: f64 = 0.05;
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

/// Starts from 8 bits. If an output is doubted, predicts tokens otherwise, or is off by more than
/// `most` of its spread, gives more to those values whose rounding costs most.
///
/// # Errors
/// As [`Comparison::evaluate`].
pub fn choose(comparison: &Comparison<'_>, method: Method, most: f64) -> Result<Chosen, Error> {
    let aim = Aim { most };
    let narrow = Chosen::given(comparison, Options { method, widths: Widths::default() })?;
    if !aim.asks_for_more(&narrow.evaluation) {
        return Ok(narrow);
    }
    let graph = comparison.model.graph();
    let samples = narrow.evaluation.samples.max(1);
    let runs = room::repetitions(graph, WORK, 0, usize::MAX)
        .saturating_sub((WIDTHS.len() + TRIES) * samples);
    let few = FEW.min(samples);
    let groups = groups::of(graph, &narrow.quantised, (runs / few).max(LEAST_GROUPS));
    let mut search = Search { comparison, method, aim, graph, groups, rounds: 0 };
    let before = aim.excess(&narrow.evaluation);
    let Some(found) = search.run(before, few)? else { return Ok(narrow) };
    let options = Options { method, widths: found.widths };
    let mut wide = comparison.quantise(&options)?;
    wide.report.choices.push(search.said(&found.bits));
    let evaluation = found.evaluation;
    Ok(Chosen { quantised: wide, evaluation, options, narrow: Some(narrow.quantised) })
}

/// Widths that were tried.
struct Tried {
    bits: Vec<Bits>,
    widths: Widths,
    evaluation: Evaluation,
    excess: f64,
}

struct Search<'s> {
    comparison: &'s Comparison<'s>,
    method: Method,
    aim: Aim,
    graph: &'s Graph,
    groups: Vec<Group>,
    rounds: usize,
}

impl Search<'_> {
    /// Few bits that come as near as 16 for all, or as near as is asked for; none if 16 do not
    /// help. All that are not 8 are the same: equal functions share a table, which takes longer to
    /// prove than some more limbs.
    fn run(&mut self, before: f64, few: usize) -> Result<Option<Tried>, Error> {
        let mut best = self.tries(vec![Bits::SIXTEEN; self.groups.len()])?;
        if best.excess > before - GAIN && best.excess > 0.0 {
            return Ok(None);
        }
        let enough = if best.excess > 0.0 { best.excess + SLACK } else { 0.0 };
        let mut wide = Bits::SIXTEEN;
        for bits in WIDTHS.into_iter().filter_map(Bits::new).filter(|&bits| bits < Bits::SIXTEEN) {
            let tried = self.tries(vec![bits; self.groups.len()])?;
            if tried.excess <= enough {
                (best, wide) = (tried, bits);
                break;
            }
        }
        let mut budget = self.measured(wide, self.aim.loss(&best.evaluation), few)?;
        for _ in 0..TRIES {
            let bits = budget.bits(wide);
            if bits == best.bits {
                break;
            }
            let tried = self.tries(bits)?;
            if tried.excess <= enough {
                return Ok(Some(tried));
            }
            budget.tighten();
        }
        Ok(Some(best))
    }

    /// What the rounding of each group to 8 bits adds to a loss of `floor`, while all others have
    /// more.
    fn measured(&mut self, wide: Bits, floor: f64, few: usize) -> Result<Budget, Error> {
        let count = self.groups.len();
        let mut loss = |narrow: Option<usize>| {
            let bits = |group| if Some(group) == narrow { Bits::EIGHT } else { wide };
            let options = self.options(&(0..count).map(bits).collect::<Vec<Bits>>());
            self.rounds += 1;
            Ok::<_, Error>(self.aim.loss(&self.comparison.evaluate_few(&options, few)?))
        };
        let plain = loss(None)?;
        let losses = (0..count).map(|group| Ok((loss(Some(group))? - plain).max(0.0)));
        let losses = losses.collect::<Result<Vec<f64>, Error>>()?;
        let sizes = self.groups.iter().map(|group| group.elements).collect();
        // Few samples lose more than all or less.
        let scale = if plain > 0.0 { floor / plain } else { 1.0 };
        let losses = losses.into_iter().map(|loss| loss * scale).collect();
        Ok(Budget::new(floor, losses, sizes))
    }

    fn options(&self, bits: &[Bits]) -> Options {
        let bits = self
            .groups
            .iter()
            .zip(bits)
            .flat_map(|(group, &bits)| group.values.iter().map(move |&value| (value, bits)));
        Options { method: self.method, widths: joined(self.graph, bits) }
    }

    fn tries(&mut self, bits: Vec<Bits>) -> Result<Tried, Error> {
        self.rounds += 1;
        let options = self.options(&bits);
        let evaluation = self.comparison.evaluate(&options)?;
        let excess = self.aim.excess(&evaluation);
        Ok(Tried { bits, widths: options.widths, evaluation, excess })
    }

    /// What was chosen, in a line.
    fn said(&self, bits: &[Bits]) -> String {
        let name = |value: ValueId| match self.graph.producer(value) {
            Some(index) => self.graph.nodes[index].name.as_str(),
            None => self.graph.inputs[value].name.as_str(),
        };
        let values = |bits_of_them: Bits| {
            let groups =
                self.groups.iter().zip(bits).filter(move |(_, bits)| **bits == bits_of_them);
            groups.flat_map(|(group, _)| group.values.iter().copied())
        };
        let all = self.groups.iter().map(|group| group.values.len()).sum::<usize>();
        let mut kinds = bits.to_vec();
        kinds.sort_unstable_by(|a, b| b.cmp(a));
        kinds.dedup();
        let kinds = kinds.into_iter().map(|bits| {
            let count = values(bits).count();
            let names = values(bits).take(NAMED).map(|value| format!("{:?}", name(value)));
            let mut names: Vec<String> = names.collect();
            if count > NAMED {
                names.push("…".into());
            }
            format!("{count} of {all} values have {} bits ({})", bits.count(), names.join(", "))
        });
        format!(
            "{}, as the error with 8 bits asks for it; found in {} rounds, `--bits 8` keeps 8",
            kinds.collect::<Vec<String>>().join(", "),
            self.rounds
        )
    }
}

/// The bits of values, and of each Concat as many as the widest of what it joins: a part that
/// nothing else reads has the Concat's scale.
fn joined(graph: &Graph, bits: impl Iterator<Item = (ValueId, Bits)>) -> Widths {
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
