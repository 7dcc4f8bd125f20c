//! What a plan amounts to: rows, columns, lookups, table slots. The same numbers whether counted
//! before or after compiling.

use std::collections::BTreeSet;

use zkinfer_verifier::circuit::analysis::Analysis;
use zkinfer_verifier::circuit::description::{Description, Form, Operator, Requantise, Visibility};
use zkinfer_verifier::circuit::geometry::{depth, factor_length};
use zkinfer_verifier::circuit::interval::Interval;
use zkinfer_verifier::circuit::limbs::{gap_bits, limb_count, limb_widths};
use zkinfer_verifier::circuit::place::Lane;
use zkinfer_verifier::circuit::sheet::{Role, SealedTensor, Sheet, sealed_tensors};
use zkinfer_verifier::limits::MAX_TABLE_ROWS;
use zkinfer_verifier::{LOOKUPS_PER_HELPER, MAX_COLUMNS, VerifyingKey, usable_rows};

use crate::lower::{Lowered, Plan, Tables, form};

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
    /// Elements in limbs, and their bits: remainders, bounded nodes, gaps of an ArgMax.
    limbs: Vec<(usize, u32)>,
    /// First argument and number of entries of each function.
    functions: Vec<(i64, usize)>,
    /// The tables that each function can have for the narrow form.
    tables: Vec<Tables>,
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
    quotients: Interval,
    function: usize,
    form: Form,
}

/// The part of the counts that the limb width decides.
#[derive(Clone, Copy)]
pub(super) struct Limbs {
    bits: u32,
    cells: usize,
    table_rows: usize,
}

/// The part of the counts that the price of table rows and the length of wide functions decide.
#[derive(Clone, Copy)]
pub(super) struct Forms {
    price: u64,
    least_entries: usize,
    plain: usize,
    pairs: usize,
    clamps: usize,
    table_rows: usize,
}

impl Sizes {
    pub(super) fn new(lowered: &Lowered, analysis: &Analysis) -> Self {
        let known = &lowered.description().functions;
        let (mut requantisations, mut limbs) = (Vec::new(), Vec::new());
        for (_, &Requantise { input, shift, function, form }) in lowered.requantisations() {
            let facts = &analysis.nodes[input];
            let (elements, quotients) = (facts.elements, facts.interval.shifted(shift));
            requantisations.push(Requantisation { elements, quotients, function, form });
            limbs.push((elements, shift));
        }
        let description = lowered.description();
        let (mut private, mut copies, mut products, mut factors) = (0, 0, 0, 0);
        for (id, (node, facts)) in description.nodes.iter().zip(&analysis.nodes).enumerate() {
            match &node.operator {
                Operator::Input(index)
                    if description.inputs[*index].visibility != Visibility::Public =>
                {
                    private += facts.elements;
                }
                Operator::Copy(_) => copies += facts.elements,
                Operator::Hadamard(_) => products += facts.elements,
                Operator::Bounded(bounded) => limbs.push((facts.elements, bounded.bits)),
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
        limbs.extend(outputs.filter_map(|output| {
            let facts = &analysis.nodes[output.source.arg_max()?.input];
            Some((facts.elements, gap_bits(facts.interval)))
        }));
        Self {
            requantisations,
            limbs,
            tables: lowered.tables(analysis),
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

    /// Prices that are worth trying, in ascending order.
    pub(super) fn prices(&self) -> Vec<u64> {
        let mut prices: Vec<u64> = self.tables.iter().flat_map(Tables::prices).collect();
        prices.sort_unstable();
        prices.dedup();
        prices
    }

    /// The most quotients of a requantisation that can take the wide form.
    pub(super) fn widest(&self) -> i128 {
        let divided = self.requantisations.iter().filter(|made| made.form != Form::Plain);
        divided.map(|made| made.quotients.count()).max().unwrap_or(0)
    }

    /// Limbs of this width.
    pub(super) fn limbs(&self, bits: u32) -> Option<Limbs> {
        let (mut cells, mut widths) = (0usize, BTreeSet::new());
        for &(elements, of) in &self.limbs {
            cells = cells.checked_add(elements.checked_mul(limb_count(of, bits))?)?;
            widths.extend(limb_widths(of, bits));
        }
        let table_rows = widths.into_iter().map(|width| 1 << width).sum();
        Some(Limbs { bits, cells, table_rows })
    }

    /// The forms at this price of table rows, wide functions at least this long, unless tables
    /// would be too long.
    pub(super) fn forms(&self, price: u64, least_entries: usize) -> Option<Forms> {
        let (plain, pairs, clamps, table_rows) = (0, 0, 0, 0);
        let mut forms = Forms { price, least_entries, plain, pairs, clamps, table_rows };
        let narrow: Vec<_> = self.tables.iter().map(|tables| tables.at(price)).collect();
        let mut low = vec![false; self.functions.len()];
        let mut high: Option<Interval> = None;
        for requantisation in &self.requantisations {
            let quotients = requantisation.quotients;
            let (minimum, entries) = self.functions[requantisation.function];
            match form(requantisation.form, quotients, narrow[requantisation.function]) {
                Form::Plain => forms.plain = forms.plain.checked_add(requantisation.elements)?,
                Form::Narrow => {
                    forms.pairs = forms.pairs.checked_add(requantisation.elements)?;
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
                    high = Some(high.map_or(parts, |all| all.union(parts)));
                }
            }
        }
        let domains = narrow
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
        let Forms { price, least_entries, .. } = forms;
        fits.then_some((Plan { k, limb_bits: limbs.bits, price, least_entries }, counts))
    }
}
