//! Which values get more than 8 bits: none where no output is doubted, else those whose rounding
//! costs most, as few as do.

use crate::agreement::OutputError;
use crate::compare::Comparison;
use crate::evaluate::Evaluation;
use crate::float::graph::{Graph, Operator};
use crate::float::room;
use crate::integer::graph::ValueId;
use crate::model::Error;
use crate::quantise::Quantised;
use crate::quantise::settings::{Bits, Method, Options, Widths};

/// Multiplications of the float model in all rounds together, and the least and the most rounds
/// that they are spent on.
const WORK: usize = 1 << 36;
const LEAST_ROUNDS: usize = 4;
const MOST_ROUNDS: usize = 24;
/// More bits are kept where they lower the logarithm of the excess by this.
const GAIN: f64 = 0.2;
/// Fewer bits are kept where they raise it by no more than this.
const SLACK: f64 = 0.02;
/// Groups that are tried with fewer bits, one after another.
const GROUPS: usize = 6;
/// Values that are named.
const NAMED: usize = 5;

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

/// Starts from 8 bits. While an output is doubted, or off by more than `most` of its spread, gives
/// more to those values that lose most.
///
/// # Errors
/// As [`Comparison::evaluate`].
pub fn choose(comparison: &Comparison<'_>, method: Method, most: f64) -> Result<Chosen, Error> {
    let narrow = Options { method, widths: Widths::default() };
    let quantised = comparison.quantise(&narrow)?;
    let evaluation = comparison.evaluate(&narrow)?;
    let before = excess(&evaluation, most);
    let as_it_is = |quantised, evaluation| Chosen {
        options: narrow.clone(),
        quantised,
        evaluation,
        narrow: None,
    };
    if before == 0.0 {
        return Ok(as_it_is(quantised, evaluation));
    }
    let graph = comparison.model.graph();
    let samples = evaluation.samples.max(1);
    let runs = room::repetitions(graph, WORK, LEAST_ROUNDS * samples, MOST_ROUNDS * samples);
    let ranked = ranked(comparison, &quantised)?;
    let mut search = Search { comparison, method, most, graph, rounds: 0, limit: runs / samples };
    let Some(found) = search.run(&ranked, before)? else {
        return Ok(as_it_is(quantised, evaluation));
    };
    let options = Options { method, widths: found.widths };
    let mut wide = comparison.quantise(&options)?;
    wide.report.choices.push(said(graph, &ranked, &options.widths, search.rounds));
    Ok(Chosen { quantised: wide, evaluation: found.evaluation, options, narrow: Some(quantised) })
}

/// Widths that were tried.
struct Tried {
    widths: Widths,
    evaluation: Evaluation,
    excess: f64,
}

struct Search<'s> {
    comparison: &'s Comparison<'s>,
    method: Method,
    most: f64,
    graph: &'s Graph,
    rounds: usize,
    limit: usize,
}

impl Search<'_> {
    /// The fewest bits that were found to come as near as 16 for all; none if these do not help.
    fn run(&mut self, ranked: &[ValueId], before: f64) -> Result<Option<Tried>, Error> {
        let all = vec![Bits::Sixteen; ranked.len()];
        let mut best = self.tries(ranked, &all)?;
        if best.excess > before - GAIN && best.excess > 0.0 {
            return Ok(None);
        }
        let enough = best.excess + SLACK;
        let mut bits = all;
        // Fewer bits for all, then 8 for those that lose least.
        let mut most = Bits::Sixteen;
        let twelve = vec![Bits::Twelve; ranked.len()];
        if self.keeps(ranked, &twelve, enough, &mut best)? {
            (bits, most) = (twelve, Bits::Twelve);
        }
        let prefix = |count: usize| {
            let wide = |place: usize| if place < count { most } else { Bits::Eight };
            (0..ranked.len()).map(wide).collect::<Vec<Bits>>()
        };
        // `low` values with more bits are too few, `high` are enough.
        let (mut low, mut high) = (0, ranked.len());
        let mut next = 1;
        while low + 1 < high && self.rounds < self.limit {
            let count = next.clamp(low + 1, high - 1);
            if self.keeps(ranked, &prefix(count), enough, &mut best)? {
                high = count;
            } else {
                low = count;
            }
            // Few are tried first: they cost least, and mostly do.
            next = if high == ranked.len() { 2 * low } else { usize::midpoint(low, high) };
        }
        if high < ranked.len() {
            bits = prefix(high);
        }
        // What is in between may help nothing.
        let size = high.div_ceil(GROUPS).max(1);
        for fewer in [Bits::Eight, Bits::Twelve] {
            for group in (0..high).step_by(size).rev() {
                let mut other = bits.clone();
                let last = high.min(group + size);
                other[group..last].iter_mut().for_each(|bits| *bits = fewer.min(*bits));
                if other != bits && self.keeps(ranked, &other, enough, &mut best)? {
                    bits = other;
                }
            }
        }
        Ok(Some(best))
    }

    /// Whether these bits are enough; they are the best then. Nothing is once the rounds are over.
    fn keeps(
        &mut self,
        ranked: &[ValueId],
        bits: &[Bits],
        enough: f64,
        best: &mut Tried,
    ) -> Result<bool, Error> {
        if self.rounds >= self.limit {
            return Ok(false);
        }
        let tried = self.tries(ranked, bits)?;
        let keeps = tried.excess <= enough;
        if keeps {
            *best = tried;
        }
        Ok(keeps)
    }

    fn tries(&mut self, ranked: &[ValueId], bits: &[Bits]) -> Result<Tried, Error> {
        self.rounds += 1;
        let widths = joined(self.graph, ranked.iter().copied().zip(bits.iter().copied()));
        let options = Options { method: self.method, widths };
        let evaluation = self.comparison.evaluate(&options)?;
        let excess = excess(&evaluation, self.most);
        Ok(Tried { widths: options.widths, evaluation, excess })
    }
}

/// The bits of values, and of each Concat as many as the widest of what it joins: a part that
/// nothing else reads has the Concat's scale.
fn joined(graph: &Graph, bits: impl Iterator<Item = (ValueId, Bits)>) -> Widths {
    let mut widths = Widths::default();
    bits.filter(|&(_, bits)| bits > Bits::Eight).for_each(|(value, bits)| widths.set(value, bits));
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

/// By how much the outputs are further off than they may be, as a logarithm; 0 if none is.
fn excess(evaluation: &Evaluation, most: f64) -> f64 {
    let beyond = |output: &OutputError| output.excess(most).ln().max(0.0);
    evaluation.outputs.iter().map(beyond).sum()
}

/// The values of 8 bits: inputs, and what nodes compute, those first that lose most.
fn ranked(comparison: &Comparison<'_>, quantised: &Quantised) -> Result<Vec<ValueId>, Error> {
    let graph = comparison.model.graph();
    let ranges = quantised.graph.ranges();
    let narrow = |value: ValueId| {
        let place = quantised.counterparts.of(value);
        let (low, high) = ranges[place];
        high - low < 256
    };
    let inputs = graph.inputs.iter().enumerate();
    let inputs = inputs.filter(|(_, input)| input.grid.is_none()).map(|(value, _)| value);
    let errors = comparison.node_errors(quantised)?;
    let computed = |(index, _): &(usize, f64)| {
        let node = &graph.nodes[*index];
        node.operator.computes() && !node.keeps_grid() && node.grid.is_none()
    };
    let lost = errors.iter().map(|node| node.introduced.error).enumerate();
    let mut nodes: Vec<(usize, f64)> = lost.filter(computed).collect();
    nodes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let nodes = nodes.into_iter().map(|(index, _)| graph.result(index));
    // What an input loses, every node behind it does.
    Ok(inputs.chain(nodes).filter(|&value| narrow(value)).collect())
}

/// What was chosen, in a line.
fn said(graph: &Graph, ranked: &[ValueId], widths: &Widths, rounds: usize) -> String {
    let name = |value: ValueId| match graph.producer(value) {
        Some(index) => graph.nodes[index].name.as_str(),
        None => graph.inputs[value].name.as_str(),
    };
    let wide = |bits: Bits| ranked.iter().filter(move |&&value| widths.of(value) == bits);
    let kinds = [Bits::Sixteen, Bits::Twelve].into_iter().filter_map(|bits| {
        let count = wide(bits).count();
        let mut names: Vec<String> =
            wide(bits).take(NAMED).map(|&value| format!("{:?}", name(value))).collect();
        if count > NAMED {
            names.push("…".into());
        }
        let (bits, names) = (bits.count(), names.join(", "));
        (count > 0)
            .then(|| format!("{count} of {} values have {bits} bits ({names})", ranked.len()))
    });
    let kinds: Vec<String> = kinds.collect();
    format!(
        "{}, as the error with 8 bits asks for it; found in {rounds} rounds, `--bits 8` keeps 8",
        kinds.join(", ")
    )
}
