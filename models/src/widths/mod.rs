//! Which values get more than 8 bits: none where 8 are enough, else those whose rounding is felt
//! most at the outputs, and only so many.
//!
//! | file | idea |
//! |---|---|
//! | `aim` | how close the outputs are to come |
//! | `chosen` | what was chosen, and how it is said |
//! | `groups` | the values that may have more, and which share a decision |
//! | `budget` | which groups keep 8 bits, from what their rounding costs at the outputs |
//! | `levels` | bits of the groups of large networks, from the same |
//! | [`named`] | bits that people give to values by name |
//! | `weights` | layers that get weights of two digits |

mod aim;
mod budget;
mod chosen;
mod groups;
mod levels;
pub mod named;
mod weights;

use crate::compare::Comparison;
use crate::evaluate::Evaluation;
use crate::float::graph::Graph;
use crate::integer::graph::ValueId;
use crate::model::Error;
use crate::quantise::settings::{Bits, Options, Widths};
use aim::Aim;
use budget::Budget;
pub use chosen::Chosen;
use chosen::{ASKED, groups_to_tell, joined, names};
use groups::Group;
use levels::Levels;
pub use weights::choose_weights;

/// Bits that are tried for all values, until they are enough.
const WIDTHS: [u32; 7] = [9, 10, 11, 12, 13, 14, 16];
/// Tries on all samples of which groups keep 8 bits.
const TRIES: usize = 4;
/// Samples on which the groups are told apart.
const FEW: usize = 2;
/// More bits are kept where they lower the logarithm of the excess by this.
const GAIN: f64 = 0.2;
/// Fewer bits than 16 are enough where 16 are not, and they raise it by no more than this.
const SLACK: f64 = 0.05;

/// Starts from 8 bits. If an output is doubted, predicts tokens otherwise, or is off by more than
/// `most` of its spread, gives more to those values whose rounding costs most.
///
/// # Errors
/// As [`Comparison::evaluate`].
pub fn choose(comparison: &Comparison<'_>, options: &Options, most: f64) -> Result<Chosen, Error> {
    let narrow = Options { widths: Widths::default(), ..options.clone() };
    let narrow = Chosen::given(comparison, narrow)?;
    let margins = comparison.margins(&narrow.quantised.graph)?;
    let aim = Aim { most, margins: &margins };
    if !aim.asks_for_more(&narrow.evaluation) {
        return Ok(narrow);
    }
    let graph = comparison.model.graph();
    let samples = narrow.evaluation.samples.max(1);
    let few = FEW.min(samples);
    let most = groups_to_tell(graph, samples, few);
    let groups = groups::of(graph, comparison.calibration, &narrow.quantised, most);
    let base = Options { widths: Widths::default(), ..options.clone() };
    let mut search = Search { comparison, base, aim, graph, groups, rounds: 0 };
    let before = aim.excess(&narrow.evaluation);
    let Some(found) = search.run(before, few)? else { return Ok(narrow) };
    let options = Options { widths: found.widths, ..options.clone() };
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
    base: Options,
    aim: Aim<'s>,
    graph: &'s Graph,
    groups: Vec<Group>,
    rounds: usize,
}

impl Search<'_> {
    /// Few bits that come as near as 16 for all, or as near as is asked for; none if 16 do not
    /// help. All that are not 8 are the same: equal functions share a table, which takes longer to
    /// prove than some more limbs.
    fn run(&mut self, before: f64, few: usize) -> Result<Option<Tried>, Error> {
        if self.groups.iter().any(|group| group.values.len() > 1) {
            return self.run_levels(before, few);
        }
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

    /// The same where groups have several values: what large networks have to prove is cells rather
    /// than tables, so that groups have the bits that each of them needs.
    fn run_levels(&mut self, before: f64, few: usize) -> Result<Option<Tried>, Error> {
        let most = levels::most(self.graph, &self.groups);
        let best = self.tries(most.clone())?;
        if best.excess > before - GAIN && best.excess > 0.0 {
            return Ok(None);
        }
        let enough = if best.excess > 0.0 { best.excess + SLACK } else { 0.0 };
        let floor = self.aim.loss(&best.evaluation);
        let plain = self.loss(&most, few)?;
        let scale = if plain > 0.0 { floor / plain } else { 1.0 };
        let mut added = Vec::new();
        for group in 0..self.groups.len() {
            let mut bits = most.clone();
            bits[group] = levels::TRIED.min(most[group]);
            added.push(scale * (self.loss(&bits, few)? - plain).max(0.0));
        }
        let sizes = self.groups.iter().map(|group| group.elements).collect();
        let mut levels = Levels::new(floor, added, sizes, most);
        for _ in 0..TRIES {
            let tried = self.tries(levels.bits())?;
            if tried.excess <= enough {
                return Ok(Some(tried));
            }
            levels.tighten();
        }
        Ok(Some(best))
    }

    fn loss(&mut self, bits: &[Bits], few: usize) -> Result<f64, Error> {
        self.rounds += 1;
        Ok(self.aim.loss(&self.comparison.evaluate_few(&self.options(bits), few)?))
    }

    /// What the rounding of each group to 8 bits adds to a loss of `floor`, while all others have
    /// more.
    fn measured(&mut self, wide: Bits, floor: f64, few: usize) -> Result<Budget, Error> {
        let count = self.groups.len();
        let mut loss = |narrow: Option<usize>| {
            let bits = |group| if Some(group) == narrow { Bits::EIGHT } else { wide };
            self.loss(&(0..count).map(bits).collect::<Vec<Bits>>(), few)
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
        Options { widths: joined(self.graph, bits), ..self.base.clone() }
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
            let values: Vec<ValueId> = values(bits).collect();
            let (count, names) = (values.len(), names(self.graph, &values));
            format!("{count} of {all} values have {} bits ({names})", bits.count())
        });
        format!(
            "{}, {ASKED}; found in {} rounds, `--bits 8` keeps 8",
            kinds.collect::<Vec<String>>().join(", "),
            self.rounds
        )
    }
}
