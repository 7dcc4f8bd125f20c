//! What a plan amounts to: rows, columns, lookups, table slots. The same numbers whether counted before or after compiling.

use zkinfer_verifier::analysis::{Analysis, Interval};
use zkinfer_verifier::description::{Contract, Description, Form, Function, Operator, OutputSource};
use zkinfer_verifier::layout::Lane;
use zkinfer_verifier::tables::MAX_TABLE_ROWS;
use zkinfer_verifier::{BLINDING_ROWS, LOOKUPS_PER_HELPER, MAX_COLUMNS, VerifyingKey};

use crate::lower::{Lowered, Plan, padding};

/// Sizes of a circuit that its costs depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// `n = 2^k` rows.
    pub k: u32,
    /// Columns of cells.
    pub columns: usize,
    /// Lookup arguments.
    pub lookups: usize,
    /// Slots that all tables together fill: as many multiplicity columns.
    pub slots: usize,
    /// Cells that operators own.
    pub cells: usize,
    /// Rows of all tables.
    pub table_rows: usize,
    /// Field multiplications of the backward pass, layout aside.
    pub network: usize,
}

impl Counts {
    /// Of a compiled circuit.
    pub fn of(key: &VerifyingKey) -> Self {
        let layout = key.layout();
        Self {
            k: key.description().k,
            columns: layout.columns(),
            lookups: layout.lookups.len(),
            slots: layout.slots,
            cells: layout.segments().map(|segment| segment.count * segment.lane.width()).sum(),
            table_rows: key.tables().rows(),
            network: network(key.description(), key.analysis()),
        }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        1 << self.k
    }

    /// Helper columns.
    pub fn helpers(&self) -> usize {
        self.lookups.div_ceil(LOOKUPS_PER_HELPER)
    }
}

/// Multiplications by field elements in one backward pass: elements of every node, weights once, taps times positions once.
fn network(description: &Description, analysis: &Analysis) -> usize {
    let nodes = description.nodes.iter().zip(&analysis.nodes);
    let of = nodes.map(|(node, facts)| match &node.operator {
        Operator::Contract(Contract { rows, groups, weights, .. }) => {
            let taps = weights.len() / (*rows).max(1) * groups;
            weights.len() + taps * facts.matrix().1
        }
        _ => facts.elements,
    });
    of.sum()
}

/// A lowered graph as the search sees it: everything that any plan's counts depend on, analysed once.
pub(super) struct Sizes {
    requantisations: Vec<Requantisation>,
    /// Elements compared by each ArgMax, and the bits of a gap.
    gaps: Vec<(usize, u32)>,
    /// First argument and number of entries of each function.
    functions: Vec<(i64, usize)>,
    network: usize,
}

struct Requantisation {
    elements: usize,
    shift: u32,
    accumulator: Interval,
    function: usize,
}

impl Requantisation {
    fn quotients(&self) -> Interval {
        self.accumulator.shifted(self.shift)
    }
}

/// The part of the counts that the limb width decides.
#[derive(Clone, Copy)]
pub(super) struct Limbs {
    bits: u32,
    cells: usize,
    table_rows: usize,
}

/// The part of the counts that the narrow limit and the length of wide functions decide.
#[derive(Clone, Copy)]
pub(super) struct Forms {
    narrow_limit: i128,
    least_entries: usize,
    pairs: usize,
    clamps: usize,
    table_rows: usize,
}

/// Widest divisor and largest integer that the verifier accepts, in bits.
const MAX_SHIFT: u32 = 60;
const MAX_BITS: u32 = 62;

impl Sizes {
    pub(super) fn new(lowered: &Lowered, analysis: &Analysis) -> Self {
        let mut known: Vec<&Function> = Vec::new();
        let mut requantisations = Vec::new();
        for (_, requantise, shift) in lowered.requantisations() {
            let function = known.iter().position(|known| **known == requantise.function).unwrap_or_else(|| {
                known.push(&requantise.function);
                known.len() - 1
            });
            let input = &analysis.nodes[requantise.input];
            let (elements, accumulator) = (input.elements, input.interval);
            requantisations.push(Requantisation { elements, shift, accumulator, function });
        }
        let outputs = lowered.description().outputs.iter();
        let gaps = outputs.filter_map(|output| match output.source {
            OutputSource::ArgMax { input, .. } => {
                let facts = &analysis.nodes[input];
                Some((facts.elements, i128::BITS - facts.interval.count().leading_zeros()))
            }
            OutputSource::Node(_) => None,
        });
        Self {
            requantisations,
            gaps: gaps.collect(),
            functions: known.iter().map(|function| (function.minimum, function.values.len())).collect(),
            network: network(lowered.description(), analysis),
        }
    }

    /// Numbers of quotients, each worth trying as a narrow limit, in ascending order.
    pub(super) fn domains(&self) -> Vec<i128> {
        let mut domains: Vec<i128> = self.requantisations.iter().map(|r| r.quotients().count()).collect();
        domains.sort_unstable();
        domains.dedup();
        domains
    }

    /// Limbs of this width, unless padding would leave the verifier's bounds.
    pub(super) fn limbs(&self, bits: u32) -> Option<Limbs> {
        let mut cells = 0usize;
        for requantisation in &self.requantisations {
            let padding = padding(requantisation.shift, bits);
            let Interval { minimum, maximum } = requantisation.accumulator;
            let largest = minimum.unsigned_abs().max(maximum.unsigned_abs());
            let width = u64::BITS - largest.leading_zeros();
            if requantisation.shift + padding > MAX_SHIFT || width + padding > MAX_BITS {
                return None;
            }
            cells = cells
                .checked_add(requantisation.elements.checked_mul(requantisation.shift.div_ceil(bits) as usize)?)?;
        }
        for &(elements, gap) in &self.gaps {
            cells = cells.checked_add(elements.checked_mul(gap.div_ceil(bits) as usize)?)?;
        }
        let table_rows = if cells > 0 { 1usize.checked_shl(bits)? } else { 0 };
        Some(Limbs { bits, cells, table_rows })
    }

    /// The forms under this narrow limit, wide functions at least this long, unless tables would be too long.
    pub(super) fn forms(&self, narrow_limit: i128, least_entries: usize) -> Option<Forms> {
        let plan = Plan { k: 0, limb_bits: 1, narrow_limit, least_entries };
        let mut forms = Forms { narrow_limit, least_entries, pairs: 0, clamps: 0, table_rows: 0 };
        let mut direct: Vec<Option<Interval>> = vec![None; self.functions.len()];
        let mut low = vec![false; self.functions.len()];
        let mut high: Option<Interval> = None;
        let widen = |slot: &mut Option<Interval>, with: Interval| {
            *slot = Some(slot.map_or(with, |all| all.union(with)));
        };
        for requantisation in &self.requantisations {
            let quotients = requantisation.quotients();
            let (minimum, entries) = self.functions[requantisation.function];
            match plan.form(quotients) {
                Form::Narrow => {
                    forms.pairs = forms.pairs.checked_add(requantisation.elements)?;
                    widen(&mut direct[requantisation.function], quotients);
                }
                Form::Wide => {
                    forms.clamps = forms.clamps.checked_add(requantisation.elements)?;
                    low[requantisation.function] = true;
                    let radix = i64::try_from(entries.max(least_entries)).ok()?;
                    let part = |quotient: i64| quotient.saturating_sub(minimum).div_euclid(radix);
                    let parts = Interval { minimum: part(quotients.minimum), maximum: part(quotients.maximum) };
                    widen(&mut high, parts);
                }
            }
        }
        let domains = direct.iter().chain([&high]).flatten().map(|domain| usize::try_from(domain.count()).ok());
        let lows = low
            .iter()
            .zip(&self.functions)
            .filter(|(low, _)| **low)
            .map(|(_, (_, entries))| (*entries).max(least_entries).checked_mul(3));
        for rows in domains.chain(lows) {
            forms.table_rows = forms.table_rows.checked_add(rows?)?;
        }
        (forms.table_rows <= MAX_TABLE_ROWS).then_some(forms)
    }

    /// The counts of a plan, unless it breaks a limit.
    pub(super) fn counts(&self, k: u32, limbs: Limbs, forms: Forms) -> Option<(Plan, Counts)> {
        let usable = (1usize << k).checked_sub(BLINDING_ROWS + 1).filter(|&usable| usable > 0)?;
        let filled = [limbs.cells, forms.pairs, forms.clamps];
        let lanes = Lane::ALL.iter().zip(filled).map(|(lane, cells)| (lane, cells.div_ceil(usable)));
        let sum = |of: fn(Lane) -> usize| lanes.clone().map(|(lane, count)| of(*lane) * count).sum::<usize>();
        // One more row for the all-zero tuple.
        let table_rows = limbs.table_rows + forms.table_rows + 1;
        let counts = Counts {
            k,
            columns: sum(Lane::width),
            lookups: sum(|lane| lane.lookups().len()),
            slots: table_rows.div_ceil(usable),
            cells: Lane::ALL.iter().zip(filled).map(|(lane, cells)| lane.width() * cells).sum(),
            table_rows,
            network: self.network,
        };
        let fits = counts.columns <= MAX_COLUMNS && counts.slots <= MAX_COLUMNS && table_rows <= MAX_TABLE_ROWS;
        let Forms { narrow_limit, least_entries, .. } = forms;
        fits.then_some((Plan { k, limb_bits: limbs.bits, narrow_limit, least_entries }, counts))
    }
}
