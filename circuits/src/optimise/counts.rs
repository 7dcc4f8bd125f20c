//! What a plan amounts to: rows, columns, lookups, table slots. The same numbers whether counted
//! before or after compiling.

use zkinfer_verifier::circuit::analysis::Analysis;
use zkinfer_verifier::circuit::description::{Bounded, Description, Form, Operator, Visibility};
use zkinfer_verifier::circuit::geometry::{depth, factor_length};
use zkinfer_verifier::circuit::interval::Interval;
use zkinfer_verifier::circuit::place::Lane;
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor, Sheet, sealed_tensors};
use zkinfer_verifier::limits::MAX_TABLE_ROWS;
use zkinfer_verifier::{LOOKUPS_PER_HELPER, MAX_COLUMNS, VerifyingKey, usable_rows};

use crate::lower::{Lowered, Plan, padding};

/// Sizes of a circuit that its costs depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// `n = 2^k` rows.
    pub k: u32,
    /// Columns of cells in lanes, which are committed for every proof.
    pub columns: usize,
    /// Columns of sealed tensors.
    pub sealed: usize,
    /// Those of them that hold weights.
    pub weights: usize,
    /// Slots of these: rows that the row sum sees of them once it is done with the bits within
    /// one.
    pub sealed_slots: usize,
    /// Columns of factors.
    pub factors: usize,
    /// Columns of cells that are multiplied with each other.
    pub operands: usize,
    /// Lookup arguments.
    pub lookups: usize,
    /// Slots that all tables together fill: as many multiplicity columns.
    pub slots: usize,
    /// Cells that operators own.
    pub cells: usize,
    /// Rows of all tables.
    pub table_rows: usize,
    /// What the network itself multiplies and stores.
    pub network: Network,
}

/// Sizes of a network, whatever its layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Weights, each once.
    pub weights: usize,
    /// Weights, each as often as a contraction reads it.
    pub weights_read: usize,
    /// The same of those that the key holds.
    pub public_read: usize,
    /// Multiply-accumulates of one execution.
    pub multiply_accumulates: usize,
    /// Elements of all nodes.
    pub elements: usize,
}

impl Counts {
    /// Of a compiled circuit.
    pub fn of(key: &VerifyingKey) -> Self {
        let layout = key.layout();
        Self {
            k: key.description().k,
            columns: layout.fresh_columns(),
            sealed: layout.sealed_columns().count(),
            weights: layout.sheets.iter().map(weights).sum(),
            sealed_slots: layout.sheets.iter().map(|sheet| slots(sheet, key.description().k)).sum(),
            factors: layout.factor_columns().len(),
            operands: Lane::Operands.width() * layout.lane_count(Lane::Operands),
            lookups: layout.lookups.len(),
            slots: layout.slots,
            cells: layout.runs().map(|run| run.count * run.lane.width()).sum::<usize>(),
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

/// Columns of sealed weights.
fn weights(sheet: &Sheet) -> usize {
    if matches!(sheet.role, Role::Weights(_)) { sheet.columns.len() } else { 0 }
}

/// Rows of all columns of sealed weights, once the row sum is done with the bits within a slot.
fn slots(sheet: &Sheet, k: u32) -> usize {
    weights(sheet) << k.saturating_sub(sheet.bits())
}

/// The network's sizes.
fn network(description: &Description, analysis: &Analysis) -> Network {
    let mut network = Network::default();
    for (node, facts) in description.nodes.iter().zip(&analysis.nodes) {
        network.elements += facts.elements;
        match &node.operator {
            Operator::Contract(contract) => {
                let weights = depth(contract, &analysis.nodes).unwrap_or(0) * contract.rows;
                network.weights_read += weights;
                if !contract.weights.are_sealed() {
                    network.public_read += weights;
                }
                if contract.weights.owner().is_none() {
                    network.weights += weights;
                }
                network.multiply_accumulates += weights * facts.matrix().1;
            }
            Operator::Hadamard(_) => network.multiply_accumulates += facts.elements,
            Operator::Product(product) => {
                let inner = analysis.nodes[product.left].shape.last().copied().unwrap_or(0);
                network.multiply_accumulates += facts.elements * inner;
            }
            _ => {}
        }
    }
    network
}

/// A lowered graph as the search sees it: everything that any plan's counts depend on, analysed
/// once.
pub(super) struct Sizes {
    requantisations: Vec<Requantisation>,
    /// Elements compared by each ArgMax, and the bits of a gap.
    gaps: Vec<(usize, u32)>,
    /// Elements of each bounded node.
    bounded: Vec<(usize, Bounded)>,
    /// First argument and number of entries of each function.
    functions: Vec<(i64, usize)>,
    network: Network,
    /// Sealed tensors with their roles.
    sealed: Vec<(Role, SealedTensor)>,
    /// Elements of private and sealed inputs, of copies, of products element by element, entries of
    /// factors.
    private: usize,
    copies: usize,
    products: usize,
    factors: usize,
    /// Rows of range tables.
    ranges: usize,
}

struct Requantisation {
    elements: usize,
    shift: u32,
    accumulator: Interval,
    function: usize,
    form: Form,
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
    plain: usize,
    pairs: usize,
    clamps: usize,
    table_rows: usize,
}

/// Widest divisor and largest integer that the verifier accepts, in bits.
const MAX_SHIFT: u32 = 60;
const MAX_BITS: u32 = 62;

impl Sizes {
    pub(super) fn new(lowered: &Lowered, analysis: &Analysis) -> Self {
        let known = &lowered.description().functions;
        let mut requantisations = Vec::new();
        for (_, requantise, shift) in lowered.requantisations() {
            let function = requantise.function;
            let input = &analysis.nodes[requantise.input];
            let (elements, accumulator) = (input.elements, input.interval);
            let form = requantise.form;
            requantisations.push(Requantisation { elements, shift, accumulator, function, form });
        }
        let description = lowered.description();
        let (mut private, mut copies, mut products, mut factors) = (0, 0, 0, 0);
        let mut bounded = Vec::new();
        for (id, (node, facts)) in description.nodes.iter().zip(&analysis.nodes).enumerate() {
            match &node.operator {
                Operator::Input(index)
                    if description.inputs[*index].visibility != Visibility::Public =>
                {
                    private += facts.elements;
                }
                Operator::Copy(_) => copies += facts.elements,
                Operator::Hadamard(_) => products += facts.elements,
                Operator::Bounded(node) => bounded.push((facts.elements, node.clone())),
                operator if description.is_bilinear(id) => {
                    factors += factor_length(operator, &analysis.nodes)
                }
                _ => {}
            }
        }
        let hidden =
            description.inputs.iter().filter(|input| input.visibility != Visibility::Public);
        let plain = requantisations.iter().filter(|made| made.form == Form::Plain);
        let plain = plain.map(|made| {
            let function = &known[made.function];
            (function.minimum, function.minimum + function.radix() - 1)
        });
        let mut ranges: Vec<(i64, i64)> =
            hidden.map(|input| (input.minimum, input.maximum)).chain(plain).collect();
        ranges.sort_unstable();
        ranges.dedup();
        let ranges = ranges.iter().map(|(low, high)| (high - low + 1) as usize).sum();
        let outputs = lowered.description().outputs.iter();
        let gaps = outputs.filter_map(|output| {
            let facts = &analysis.nodes[output.source.arg_max()?.input];
            Some((facts.elements, i128::BITS - facts.interval.count().leading_zeros()))
        });
        Self {
            requantisations,
            gaps: gaps.collect(),
            bounded,
            functions: known
                .iter()
                .map(|function| (function.minimum, function.values.len()))
                .collect(),
            network: network(lowered.description(), analysis),
            sealed: sealed_tensors(lowered.description(), analysis),
            private,
            copies,
            products,
            factors,
            ranges,
        }
    }

    /// Numbers of quotients, each worth trying as a narrow limit, in ascending order.
    pub(super) fn domains(&self) -> Vec<i128> {
        let mut domains: Vec<i128> = self
            .requantisations
            .iter()
            .filter(|r| r.form != Form::Plain)
            .map(|r| r.quotients().count())
            .collect();
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
            cells = cells.checked_add(
                requantisation.elements.checked_mul(requantisation.shift.div_ceil(bits) as usize)?,
            )?;
        }
        for &(elements, gap) in &self.gaps {
            cells = cells.checked_add(elements.checked_mul(gap.div_ceil(bits) as usize)?)?;
        }
        for (elements, bounded) in &self.bounded {
            cells = cells.checked_add(elements.checked_mul(bounded.limbs(bits))?)?;
        }
        let table_rows = if cells > 0 { 1usize.checked_shl(bits)? } else { 0 };
        Some(Limbs { bits, cells, table_rows })
    }

    /// The forms under this narrow limit, wide functions at least this long, unless tables would be
    /// too long.
    pub(super) fn forms(&self, narrow_limit: i128, least_entries: usize) -> Option<Forms> {
        let plan = Plan { k: 0, limb_bits: 1, narrow_limit, least_entries };
        let (plain, pairs, clamps, table_rows) = (0, 0, 0, 0);
        let mut forms = Forms { narrow_limit, least_entries, plain, pairs, clamps, table_rows };
        let mut direct: Vec<Option<Interval>> = vec![None; self.functions.len()];
        let mut low = vec![false; self.functions.len()];
        let mut high: Option<Interval> = None;
        let widen = |slot: &mut Option<Interval>, with: Interval| {
            *slot = Some(slot.map_or(with, |all| all.union(with)));
        };
        for requantisation in &self.requantisations {
            let quotients = requantisation.quotients();
            let (minimum, entries) = self.functions[requantisation.function];
            match plan.form(requantisation.form, quotients, (minimum, entries)) {
                Form::Plain => forms.plain = forms.plain.checked_add(requantisation.elements)?,
                Form::Narrow => {
                    forms.pairs = forms.pairs.checked_add(requantisation.elements)?;
                    widen(&mut direct[requantisation.function], quotients);
                }
                Form::Wide => {
                    forms.clamps = forms.clamps.checked_add(requantisation.elements)?;
                    low[requantisation.function] = true;
                    let radix = i64::try_from(entries.max(least_entries)).ok()?;
                    let part = |quotient: i64| quotient.saturating_sub(minimum).div_euclid(radix);
                    let parts = Interval {
                        minimum: part(quotients.minimum),
                        maximum: part(quotients.maximum),
                    };
                    widen(&mut high, parts);
                }
            }
        }
        let domains = direct
            .iter()
            .chain([&high])
            .flatten()
            .map(|domain| usize::try_from(domain.count()).ok());
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
        let usable = Some(usable_rows(k)).filter(|&usable| usable > 0)?;
        let limb = limbs.cells + self.private + forms.plain;
        let filled = [limb, forms.pairs, forms.clamps, self.copies, self.products, 0];
        let lanes =
            Lane::ALL.iter().zip(filled).map(|(lane, cells)| (lane, cells.div_ceil(usable)));
        let sum = |of: fn(Lane) -> usize| {
            lanes.clone().map(|(lane, count)| of(*lane) * count).sum::<usize>()
        };
        // One more row for the all-zero tuple.
        let table_rows = limbs.table_rows + forms.table_rows + self.ranges + 1;
        let sheets: Vec<Sheet> = self
            .sealed
            .iter()
            .map(|(role, tensor)| Sheet::new(*role, tensor.clone(), 0, usable))
            .collect();
        let counts = Counts {
            k,
            columns: sum(Lane::width),
            sealed: sheets.iter().map(|sheet| sheet.columns.len()).sum(),
            weights: sheets.iter().map(weights).sum(),
            sealed_slots: sheets.iter().map(|sheet| slots(sheet, k)).sum(),
            factors: Lane::Factors.width() * self.factors.div_ceil(usable),
            operands: Lane::Operands.width() * self.products.div_ceil(usable),
            lookups: sum(|lane| lane.lookups().len()),
            slots: table_rows.div_ceil(usable),
            cells: Lane::ALL
                .iter()
                .zip(filled)
                .map(|(lane, cells)| lane.width() * cells)
                .sum::<usize>()
                + Lane::Factors.width() * self.factors,
            table_rows,
            network: self.network,
        };
        let columns = counts.columns + counts.sealed + counts.factors;
        let fits =
            columns <= MAX_COLUMNS && counts.slots <= MAX_COLUMNS && table_rows <= MAX_TABLE_ROWS;
        let Forms { narrow_limit, least_entries, .. } = forms;
        fits.then_some((Plan { k, limb_bits: limbs.bits, narrow_limit, least_entries }, counts))
    }
}
