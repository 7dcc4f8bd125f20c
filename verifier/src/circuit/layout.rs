//! Where each cell stands: lanes, columns, rows, and the tag of every lookup.
//!
//! A *lane* is a bundle of columns with its lookups; there are six kinds. Cells of an operator
//! fill consecutive positions of a kind, and position `p` is row `p mod u` of lane `p / u`. Sealed
//! tensors stand in columns of their own, their [`Sheet`]s. Rows `0..u` hold cells, row `u` a
//! random value that masks the column's evaluation, row `u + 1` is the boundary `b` of the running
//! sum, the [`crate::BLINDING_ROWS`] after it mask what is opened.
//!
//! | columns, in order | committed | cotangents |
//! |---|---|---|
//! | lanes of limbs, pairs, clamps, copies, operands | fresh, before any challenge | one per cell |
//! | sheets of sealed inputs, outputs, biases | by their seals | one per cell |
//! | lanes of factors | fresh, after `ρ` and `σ` | one per cell |
//! | sheets of sealed weights | by the model's seal | by pattern |
//!
//! A sealed input is also a private one: its fresh cells are looked up, and equations tie them to
//! its sheet. So no sealed column is in a lookup.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::circuit::analysis::Analysis;
use crate::circuit::description::{Description, Form, Operator, Visibility};
use crate::circuit::facts::Facts;
use crate::circuit::geometry::factor_length;
use crate::circuit::limbs::{gap_bits, limb_count, limb_widths};
use crate::circuit::place::{Cells, Lane, Lookup, Piece, Run, add};
use crate::circuit::rows::usable_rows;
use crate::circuit::sheet::{Role, Sheet, sealed_tensors};
use crate::circuit::size::within;
use crate::circuit::tables::Tables;
use crate::error::DescriptionError as Error;
use crate::limits::{MAX_COLUMNS, MAX_RUNS};

/// Lookups that share a helper column.
pub const LOOKUPS_PER_HELPER: usize = 8;

/// Places of all cells.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Usable rows `u`.
    pub usable: usize,
    /// Rows `n = 2^k`.
    pub rows: usize,
    /// Per node: its cells.
    pub nodes: Vec<Option<Cells>>,
    /// Per output: the cells of an ArgMax.
    pub outputs: Vec<Option<Cells>>,
    /// The lookup arguments, in order.
    pub lookups: Vec<Lookup>,
    /// Number of table slots, and so of multiplicity columns.
    pub slots: usize,
    /// The sealed tensors: inputs, outputs, biases, then weights, each once.
    pub sheets: Vec<Sheet>,
    lanes: [usize; Lane::ALL.len()],
    /// Place of each sheet in the list.
    roles: BTreeMap<Role, usize>,
    /// Columns of sheets that stand before the factors.
    dense_sheet_columns: usize,
}

/// How far the lanes of each kind are filled.
#[derive(Default)]
struct Filling([usize; Lane::ALL.len()]);

impl Filling {
    /// The next places in lanes of a kind.
    fn place(&mut self, lane: Lane, count: usize, tags: [usize; 2]) -> Run {
        let end = self.0.get_mut(lane.index());
        let start = end.as_deref().copied().unwrap_or(0);
        end.into_iter().for_each(|end| *end = end.saturating_add(count));
        Run { lane, start, count, tags }
    }

    /// The limbs of integers of so many bits, one for each element.
    fn limbs(
        &mut self,
        bits: u32,
        facts: &Facts,
        description: &Description,
        tables: &Tables,
    ) -> Vec<Run> {
        let widths = limb_widths(bits, description.limb_bits);
        let limb = |width| self.place(Lane::Limb, facts.elements, [tables.limb_tag(width), 0]);
        widths.map(limb).collect()
    }

    /// The cells of every node.
    fn nodes(
        &mut self,
        description: &Description,
        analysis: &Analysis,
        tables: &Tables,
    ) -> Vec<Option<Cells>> {
        let nodes = description.nodes.iter().zip(&analysis.nodes).enumerate();
        let cells = nodes.map(|(id, (node, facts))| match &node.operator {
            Operator::Requantise(requantise) => {
                let limbs = self.limbs(requantise.shift, facts, description, tables);
                let function = tables.function_tag(id);
                let (lane, tags) = match requantise.form {
                    Form::Narrow => (Lane::Pair, [function, 0]),
                    Form::Wide => (Lane::Clamp, [tables.high_tag(), function]),
                    Form::Plain => (Lane::Limb, [function, 0]),
                };
                Some(Cells { limbs, result: Some(self.place(lane, facts.elements, tags)) })
            }
            Operator::Copy(_) => Some(Cells::only(self.place(Lane::Copy, facts.elements, [0; 2]))),
            Operator::Hadamard(_) => {
                Some(Cells::only(self.place(Lane::Operands, facts.elements, [0; 2])))
            }
            Operator::Bounded(bounded) => {
                let limbs = self.limbs(bounded.bits, facts, description, tables);
                Some(Cells { limbs, result: None })
            }
            Operator::Input(index) => {
                let input = description.inputs.get(*index);
                let hidden = input.filter(|input| input.visibility != Visibility::Public)?;
                let tags = [tables.range_tag(hidden), 0];
                Some(Cells::only(self.place(Lane::Limb, facts.elements, tags)))
            }
            operator if description.is_bilinear(id) => {
                let length = factor_length(operator, &analysis.nodes);
                Some(Cells::only(self.place(Lane::Factors, length, [0; 2])))
            }
            _ => None,
        });
        cells.collect()
    }

    /// The cells of every ArgMax.
    fn outputs(
        &mut self,
        description: &Description,
        analysis: &Analysis,
        tables: &Tables,
    ) -> Vec<Option<Cells>> {
        let cells = description.outputs.iter().map(|output| {
            let facts = analysis.nodes.get(output.source.arg_max()?.input)?;
            let limbs = self.limbs(gap_bits(facts.interval), facts, description, tables);
            Some(Cells { limbs, result: None })
        });
        cells.collect()
    }
}

impl Layout {
    pub(crate) fn new(
        description: &Description,
        analysis: &Analysis,
        tables: &Tables,
    ) -> Result<Self, Error> {
        let (rows, usable) = (1usize << description.k, usable_rows(description.k));
        within(&description.name, "runs of cells", runs(description, analysis), MAX_RUNS)?;
        let mut lanes = Filling::default();
        let nodes = lanes.nodes(description, analysis, tables);
        let outputs = lanes.outputs(description, analysis, tables);
        let lanes = lanes.0.map(|count| count.div_ceil(usable.max(1)));
        let slots = tables.rows().div_ceil(usable.max(1));
        let mut layout = Self {
            usable,
            rows,
            nodes,
            outputs,
            lookups: Vec::new(),
            slots,
            sheets: Vec::new(),
            lanes,
            roles: BTreeMap::new(),
            dense_sheet_columns: 0,
        };
        layout.place_sheets(description, analysis);
        within(&description.name, "columns", layout.columns().max(slots), MAX_COLUMNS)?;
        layout.lookups = layout.place_lookups();
        Ok(layout)
    }

    /// Sealed inputs, outputs and biases behind the lanes; sealed weights behind the factors.
    fn place_sheets(&mut self, description: &Description, analysis: &Analysis) {
        for (role, tensor) in sealed_tensors(description, analysis) {
            let first = match role {
                Role::Weights(_) => self.columns(),
                _ => self.factor_columns().start,
            };
            let sheet = Sheet::new(role, tensor, first, self.usable);
            if !matches!(role, Role::Weights(_)) {
                self.dense_sheet_columns =
                    self.dense_sheet_columns.saturating_add(sheet.columns.len());
            }
            self.roles.insert(role, self.sheets.len());
            self.sheets.push(sheet);
        }
    }

    fn place_lookups(&self) -> Vec<Lookup> {
        let mut lookups: Vec<Lookup> = Vec::new();
        for lane in Lane::ALL {
            for index in 0..self.lane_count(lane) {
                let base = self.column(lane, index, 0);
                for columns in lane.lookups() {
                    let columns =
                        base.saturating_add(columns.start)..base.saturating_add(columns.end);
                    lookups.push(Lookup { columns, tags: Vec::new() });
                }
            }
        }
        for run in self.runs() {
            let ranges = run.lane.lookups();
            for (index, (columns, &tag)) in ranges.iter().zip(run.tags()).enumerate() {
                let base = self.column(run.lane, 0, columns.start);
                for Piece { column, rows, .. } in self.pieces(run, columns.start) {
                    let lane =
                        column.saturating_sub(base).checked_div(run.lane.width()).unwrap_or(0);
                    let at = lane.saturating_mul(ranges.len()).saturating_add(index);
                    let lookup = lookups.get_mut(self.lookups_before(run.lane).saturating_add(at));
                    lookup.into_iter().for_each(|lookup| lookup.tag(rows.clone(), tag));
                }
            }
        }
        lookups
    }

    /// Number of lookups of the kinds of lanes before this one.
    fn lookups_before(&self, lane: Lane) -> usize {
        let before = Lane::ALL.iter().zip(self.lanes).take(lane.index());
        before.map(|(lane, count)| lane.lookups().len().saturating_mul(count)).sum()
    }

    /// Number of columns of cells.
    pub fn columns(&self) -> usize {
        let weights = self.sheets.last().map_or(0, |sheet| sheet.columns.end);
        weights.max(self.factor_columns().end)
    }

    /// Number of lane columns that are committed before any challenge: the first ones.
    pub fn fresh_columns(&self) -> usize {
        self.column(Lane::Factors, 0, 0).saturating_sub(self.dense_sheet_columns)
    }

    /// The columns of factors, `u` and `v` in turn.
    pub fn factor_columns(&self) -> Range<usize> {
        self.lane_columns(Lane::Factors)
    }

    /// The columns that are multiplied with each other, `u` and `v` in turn: of operands, then of
    /// factors.
    pub fn multiplied_columns(&self) -> impl Iterator<Item = usize> + use<> {
        self.lane_columns(Lane::Operands).chain(self.factor_columns())
    }

    /// Number of pairs of columns that are multiplied with each other.
    pub fn multiplied_pairs(&self) -> usize {
        self.lane_count(Lane::Operands).saturating_add(self.lane_count(Lane::Factors))
    }

    /// Where the products of a run of operands or factors stand: its pieces, with their pair in the
    /// place of their column.
    pub fn products(&self, run: &Run) -> impl Iterator<Item = Piece> + use<> {
        let before = if run.lane == Lane::Factors { self.lane_count(Lane::Operands) } else { 0 };
        let (first, width) = (self.column(run.lane, 0, 0), run.lane.width());
        self.pieces(run, 0).map(move |piece| {
            let pair = piece.column.saturating_sub(first).checked_div(width).unwrap_or(0);
            Piece { column: before.saturating_add(pair), ..piece }
        })
    }

    /// The columns of all lanes of a kind.
    pub(crate) fn lane_columns(&self, lane: Lane) -> Range<usize> {
        self.column(lane, 0, 0)..self.column(lane, self.lane_count(lane), 0)
    }

    /// The boundary row of the running sum.
    pub fn boundary(&self) -> usize {
        self.usable.saturating_add(1)
    }

    /// The columns of sheets, in order.
    pub fn sealed_columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.sheets.iter().flat_map(|sheet| sheet.columns.clone())
    }

    /// The sheet with a role.
    pub fn sheet(&self, role: Role) -> Option<&Sheet> {
        self.sheets.get(*self.roles.get(&role)?)
    }

    /// What the model's seal commits to: biases and weights.
    pub fn model_sheets(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter().filter(|sheet| matches!(sheet.role, Role::Biases | Role::Weights(_)))
    }

    /// The sheets of sealed weights, in the order of the nodes whose they are.
    pub fn weight_sheets(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter().filter(|sheet| matches!(sheet.role, Role::Weights(_)))
    }

    /// Number of lanes of a kind.
    pub fn lane_count(&self, lane: Lane) -> usize {
        self.lanes.get(lane.index()).copied().unwrap_or(0)
    }

    /// Number of helper columns: one per [`LOOKUPS_PER_HELPER`] lookups.
    pub fn helpers(&self) -> usize {
        self.lookups.len().div_ceil(LOOKUPS_PER_HELPER)
    }

    /// All runs, nodes first.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        let cells = self.nodes.iter().chain(&self.outputs).flatten();
        cells.flat_map(|cells| cells.limbs.iter().chain(&cells.result))
    }

    /// Column `offset` of lane `index` of a kind.
    fn column(&self, lane: Lane, index: usize, offset: usize) -> usize {
        let before: usize = Lane::ALL
            .iter()
            .zip(self.lanes)
            .take(lane.index())
            .map(|(lane, n)| lane.width().saturating_mul(n))
            .sum();
        let sheets = if lane == Lane::Factors { self.dense_sheet_columns } else { 0 };
        let before = before.saturating_add(sheets);
        before.saturating_add(index.saturating_mul(lane.width())).saturating_add(offset)
    }

    /// The cells of a run in the lane's column `offset`, column by column.
    pub fn pieces(&self, run: &Run, offset: usize) -> impl Iterator<Item = Piece> + use<> {
        let (u, end) = (self.usable.max(1), run.start.saturating_add(run.count));
        let (base, width, start) = (self.column(run.lane, 0, offset), run.lane.width(), run.start);
        (start.checked_div(u).unwrap_or(0)..end.div_ceil(u)).filter_map(move |index| {
            let first = index.saturating_mul(u);
            let (from, to) = (start.max(first), end.min(first.saturating_add(u)));
            (from < to).then(|| Piece {
                column: base.saturating_add(index.saturating_mul(width)),
                rows: from.saturating_sub(first)..to.saturating_sub(first),
                elements: from.saturating_sub(start)..to.saturating_sub(start),
            })
        })
    }

    /// Adds `values`, one per element of the run, to the cells of its column `offset`.
    pub fn add<T: Copy + core::ops::AddAssign>(
        &self,
        columns: &mut [Vec<T>],
        run: &Run,
        offset: usize,
        values: &[T],
    ) {
        add(columns, self.pieces(run, offset), values);
    }
}

/// Number of runs that a description's nodes and ArgMaxes take.
fn runs(description: &Description, analysis: &Analysis) -> usize {
    let limbs = |bits| limb_count(bits, description.limb_bits);
    let nodes = description.nodes.iter().map(|node| match &node.operator {
        Operator::Requantise(requantise) => limbs(requantise.shift).saturating_add(1),
        Operator::Bounded(bounded) => limbs(bounded.bits),
        _ => 1,
    });
    let outputs = description.outputs.iter().filter_map(|output| {
        let facts = analysis.nodes.get(output.source.arg_max()?.input)?;
        Some(limbs(gap_bits(facts.interval)))
    });
    nodes.chain(outputs).fold(0, usize::saturating_add)
}

impl Lookup {
    /// Tags rows that have no tag. Neighbours with one tag are one range.
    fn tag(&mut self, rows: Range<usize>, tag: usize) {
        match self.tags.last_mut() {
            Some((last, same)) if *same == tag && last.end == rows.start => last.end = rows.end,
            _ => self.tags.push((rows, tag)),
        }
    }
}

impl Cells {
    fn only(result: Run) -> Self {
        Self { limbs: Vec::new(), result: Some(result) }
    }
}
