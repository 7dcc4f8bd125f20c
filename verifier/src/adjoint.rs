//! The adjoint check's public side: one random backward pass through the network.
//!
//! All linear equations `A·cells = b` of a circuit are checked at once as `gᵀA·cells = gᵀb`. Every equation tensor, seen as a matrix of first
//! dimension by all others, gets the rank-one cotangent `τ^e · ρ^row · σ^column` with an exponent `e` of its own. [`backward`] pushes
//! these back to the cells (`κ = Aᵀg`, one entry per cell) and to the public values (`target = gᵀb`). A rank-one cotangent makes
//! the step through a contraction cost its weights plus one scatter, not its multiply-accumulates (Freivalds).
//!
//! A bilinear node has no public matrix to push a cotangent through. Its factors `u` and `v` (see [`crate::factors`]) take the cotangent's scalar as `π`,
//! so that `Σ π·u·v` stands for the node, and equations with powers of `τ` of their own bind `u` and `v` to what they are made of.

use std::ops::Range;
use std::sync::Arc;

use ff::Field;
use pasta_curves::Fp;

use crate::analysis::{DIGIT_BASE, Facts};
use crate::contraction::Geometry;
use crate::description::{
    Combine, Contract, Form, Operator, OutputSource, Product, Requantise, View, ViewKind, Visibility, Weights,
};
use crate::factors::{column_weights, sizes};
use crate::field::{geometric, integer, powers};
use crate::key::VerifyingKey;
use crate::layout::{Cells, Piece, Segment, add};
use crate::sheet::{Pattern, Role, Sheet};
use crate::small::Elements;
use crate::statement::{Statement, Value};
use crate::threads::for_each_chunk;
use crate::view::scatter;

/// Challenges of the adjoint check.
#[derive(Clone, Copy, Debug)]
pub struct Cotangents {
    /// Powers along the first dimension of each equation.
    pub rho: Fp,
    /// Powers along the others.
    pub sigma: Fp,
    /// Separates the equations from each other.
    pub tau: Fp,
}

/// `κ` and `gᵀb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjoint {
    /// One column per column of cells up to the factors, one entry per usable row.
    pub kappa: Vec<Vec<Fp>>,
    /// `π`, one column per pair of factor columns.
    pub separators: Vec<Vec<Fp>>,
    /// `κ` of the sealed weights, one per sheet.
    pub weights: Vec<WeightCotangent>,
    /// What `Σ κ·cell` must sum to.
    pub target: Fp,
}

/// `κ` of sealed weights: `units[o]·taps[i]` for element `i` of unit `o`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightCotangent {
    /// Powers of `τ`, one per element of a unit.
    pub taps: Vec<Fp>,
    /// One per unit.
    pub units: Vec<Fp>,
}

impl WeightCotangent {
    /// `κ_c(x)` of each column of the sheet, from the Lagrange basis at `x`: a polynomial per pattern, combined by the units in the column.
    pub fn evaluate(&self, sheet: &Sheet, basis: &[Fp]) -> Vec<Fp> {
        let pattern = |pattern: Pattern| {
            let basis = basis.get(pattern.rows).unwrap_or_default();
            basis.iter().zip(self.taps.iter().skip(pattern.start)).map(|(l, tap)| *l * tap).sum::<Fp>()
        };
        let patterns: Vec<Fp> = sheet.patterns().into_iter().map(pattern).collect();
        let term = |(pattern, unit)| Some(*patterns.get(pattern)? * self.units.get(unit)?);
        (0..sheet.columns.len()).map(|column| sheet.members(column).filter_map(term).sum()).collect()
    }
}

/// The cotangent of a tensor.
#[derive(Clone)]
enum Cotangent {
    /// `rows[o]·σ^p` over the tensor as a matrix of so many columns.
    Outer { rows: Vec<Fp>, columns: usize },
    /// One per element.
    Dense(Vec<Fp>),
}

impl Cotangent {
    fn scaled(&self, factor: Fp) -> Self {
        let times = |values: &[Fp]| values.iter().map(|value| *value * factor).collect();
        match self {
            Self::Dense(values) => Self::Dense(times(values)),
            Self::Outer { rows, columns } => Self::Outer { rows: times(rows), columns: *columns },
        }
    }
}

/// What is still to be added to a column of `κ`: elements `first..` of a cotangent of rank one.
struct Pending {
    place: Range<usize>,
    first: usize,
    rows: Arc<Vec<Fp>>,
    columns: usize,
}

/// The pass in progress.
struct Backward<'a> {
    key: &'a VerifyingKey,
    statement: &'a Statement,
    challenges: Cotangents,
    rho: Vec<Fp>,
    sigma: Vec<Fp>,
    /// `τ^e` for the next equation.
    separator: Fp,
    cotangents: Vec<Option<Cotangent>>,
    /// `κ` of the digits of sealed biases, and the first of each sealed contraction's in node order, of those not yet met.
    biases: Vec<Fp>,
    first_bias: usize,
    /// Per column of `κ`. Most of the work, and none of it is read by the pass: the columns are filled side by side at the end.
    pending: Vec<Vec<Pending>>,
    adjoint: Adjoint,
}

/// Computes `κ` and the target for a statement that [`Statement::check`] accepts.
pub fn backward(key: &VerifyingKey, statement: &Statement, challenges: Cotangents) -> Adjoint {
    let analysis = key.analysis();
    let sizes = analysis.nodes.iter().chain(&analysis.outputs).map(Facts::matrix);
    let (rows, columns) = sizes.fold((1, 1), |(r, c), (rows, columns)| (r.max(rows), c.max(columns)));
    let layout = key.layout();
    let biases = layout.sheet(Role::Biases).map_or(0, |sheet| sheet.tensor.elements());
    let pairs = layout.factor_columns().len().checked_div(2).unwrap_or(0);
    let zeros = |count: usize| {
        let mut columns = vec![Vec::new(); count];
        for_each_chunk(&mut columns, 1, |_, column| column.fill(vec![Fp::ZERO; layout.usable]));
        columns
    };
    let mut pass = Backward {
        key,
        statement,
        challenges,
        rho: powers(challenges.rho, rows),
        sigma: powers(challenges.sigma, columns),
        separator: challenges.tau,
        cotangents: vec![None; analysis.nodes.len()],
        biases: vec![Fp::ZERO; biases],
        first_bias: biases,
        pending: std::iter::repeat_with(Vec::new).take(layout.factor_columns().end).collect(),
        adjoint: Adjoint {
            kappa: zeros(layout.factor_columns().end),
            separators: zeros(pairs),
            weights: Vec::new(),
            target: Fp::ZERO,
        },
    };
    pass.outputs();
    for (id, (node, facts)) in key.description().nodes.iter().zip(&analysis.nodes).enumerate().rev() {
        let cotangent = pass.cotangents.get_mut(id).and_then(Option::take);
        match &node.operator {
            // Their own equations hold whether or not anything reads the result.
            Operator::Requantise(requantise) => {
                pass.requantise(id, requantise, facts, cotangent);
                continue;
            }
            Operator::Copy(input) => {
                pass.copy(id, *input, facts, cotangent);
                continue;
            }
            Operator::Input(index) => {
                pass.input(id, *index, facts, cotangent);
                continue;
            }
            _ => {}
        }
        let Some(cotangent) = cotangent else { continue };
        match &node.operator {
            Operator::Contract(contract) => pass.contract(id, contract, facts, cotangent),
            Operator::Product(product) => pass.product(id, product, cotangent),
            Operator::Combine(combine) => pass.combine(combine, &cotangent),
            Operator::View(view) => pass.view(view, facts, cotangent),
            Operator::Requantise(_) | Operator::Copy(_) | Operator::Input(_) => {}
        }
    }
    // Nodes were met from the last to the first; sheets stand in node order.
    pass.adjoint.weights.reverse();
    let biases = std::mem::take(&mut pass.biases);
    pass.sheet(Role::Biases, &Cotangent::Dense(biases));
    pass.fill();
    pass.adjoint
}

impl Backward<'_> {
    /// The rank-one cotangent of the next equation.
    fn equation(&mut self, facts: &Facts) -> Cotangent {
        let (rows, columns) = facts.matrix();
        let rows = self.rho.iter().take(rows).map(|power| *power * self.separator).collect();
        self.separator *= self.challenges.tau;
        Cotangent::Outer { rows, columns }
    }

    /// The next `count` powers of `τ`, for as many equations.
    fn separators(&mut self, count: usize) -> Vec<Fp> {
        let powers = geometric(self.separator, self.challenges.tau, count);
        let exponent = u64::try_from(count).unwrap_or(u64::MAX);
        self.separator *= self.challenges.tau.pow_vartime([exponent]);
        powers
    }

    /// `1, σ, …` along the columns of a tensor.
    fn columns(&self, count: usize) -> &[Fp] {
        self.sigma.get(..count).unwrap_or(&self.sigma)
    }

    /// One entry per element.
    fn dense(&self, cotangent: Cotangent) -> Vec<Fp> {
        match cotangent {
            Cotangent::Dense(values) => values,
            Cotangent::Outer { rows, columns: 1 } => rows,
            Cotangent::Outer { rows, columns } => {
                let mut values = vec![Fp::ZERO; rows.len().saturating_mul(columns)];
                add_outer(&mut values, &rows, self.columns(columns));
                values
            }
        }
    }

    /// The sum over all elements.
    fn sum(&self, cotangent: &Cotangent) -> Fp {
        let total = |values: &[Fp]| values.iter().sum::<Fp>();
        match cotangent {
            Cotangent::Dense(values) => total(values),
            Cotangent::Outer { rows, columns } => total(rows) * total(self.columns(*columns)),
        }
    }

    /// `Σ cotangent·values` for public integers.
    fn known(&self, cotangent: Cotangent, values: &[i64]) -> Fp {
        Elements::new(self.dense(cotangent)).dot(values)
    }

    /// Adds `factor·cotangent` to `κ` of a tensor's cells.
    fn place(&mut self, pieces: impl Iterator<Item = Piece>, cotangent: &Cotangent, factor: Fp) {
        let scaled = if factor == Fp::ONE { None } else { Some(cotangent.scaled(factor)) };
        match scaled.as_ref().unwrap_or(cotangent) {
            Cotangent::Dense(values) => add(&mut self.adjoint.kappa, pieces, values),
            Cotangent::Outer { rows, columns } => {
                let rows = Arc::new(rows.clone());
                for Piece { column, rows: place, elements } in pieces {
                    let (first, rows, columns) = (elements.start, Arc::clone(&rows), *columns);
                    let pending = self.pending.get_mut(column);
                    pending.into_iter().for_each(|list| {
                        list.push(Pending { place: place.clone(), first, rows: rows.clone(), columns })
                    });
                }
            }
        }
    }

    /// Adds `factor·cotangent` to `κ` of a segment's column.
    fn cells(&mut self, segment: &Segment, column: usize, cotangent: &Cotangent, factor: Fp) {
        self.place(self.key.layout().pieces(segment, column), cotangent, factor);
    }

    /// Adds to `κ` of a sealed tensor.
    fn sheet(&mut self, role: Role, cotangent: &Cotangent) {
        if let Some(sheet) = self.key.layout().sheet(role) {
            self.place(sheet.pieces(), cotangent, Fp::ONE);
        }
    }

    /// Adds what is pending to `κ`.
    fn fill(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let mut columns: Vec<_> = self.adjoint.kappa.iter_mut().zip(pending).collect();
        let sigma = &self.sigma;
        for_each_chunk(&mut columns, 1, |_, columns| {
            for (kappa, pending) in columns {
                for Pending { place, first, rows, columns } in pending {
                    let values = kappa.get_mut(place.clone()).unwrap_or_default();
                    add_elements(values, *first, rows, sigma.get(..*columns).unwrap_or(sigma));
                }
            }
        });
    }

    /// Adds to the cotangent of a node.
    fn add(&mut self, node: usize, cotangent: Cotangent) {
        let old = self.cotangents.get_mut(node).and_then(Option::take);
        let sum = match (old, cotangent) {
            (None, cotangent) => cotangent,
            (Some(Cotangent::Outer { rows: mut sum, columns: a }), Cotangent::Outer { rows, columns: b }) if a == b => {
                sum.iter_mut().zip(rows).for_each(|(to, from)| *to += from);
                Cotangent::Outer { rows: sum, columns: a }
            }
            (Some(Cotangent::Dense(mut sum)), Cotangent::Outer { rows, columns })
            | (Some(Cotangent::Outer { rows, columns }), Cotangent::Dense(mut sum)) => {
                add_outer(&mut sum, &rows, self.columns(columns));
                Cotangent::Dense(sum)
            }
            (Some(old), cotangent) => {
                let mut sum = self.dense(old);
                sum.iter_mut().zip(self.dense(cotangent)).for_each(|(to, from)| *to += from);
                Cotangent::Dense(sum)
            }
        };
        if let Some(slot) = self.cotangents.get_mut(node) {
            *slot = Some(sum);
        }
    }

    /// A constant of an equation whose other side is zero.
    fn constant(&mut self, value: Fp) {
        self.adjoint.target -= value;
    }

    /// `value − public = 0` for every output, and the gap equations of every ArgMax.
    fn outputs(&mut self) {
        let key = self.key;
        let tensors = key.description().outputs.iter().zip(&key.analysis().outputs).zip(&key.layout().outputs);
        for (index, (((output, facts), cells), value)) in tensors.zip(&self.statement.outputs).enumerate() {
            match &output.source {
                OutputSource::Node(node) => {
                    let cotangent = self.equation(facts);
                    match value {
                        Value::Public(values) => {
                            let public = self.known(cotangent.clone(), values);
                            self.constant(-public);
                        }
                        _ => self.sheet(Role::Output(index), &cotangent.scaled(-Fp::ONE)),
                    }
                    self.add(*node, cotangent);
                }
                OutputSource::ArgMax { input, axis, select_last } => {
                    let (Some(shape), Some(cells)) = (key.analysis().nodes.get(*input), cells) else { continue };
                    self.arg_max(*input, shape, *axis, *select_last, cells, value.integers());
                }
            }
        }
    }

    /// `x[index] − x[j] − [j wins ties against index] − Σ limb_i·2^(w·i) = 0` for every `j`.
    fn arg_max(&mut self, input: usize, facts: &Facts, axis: usize, last: bool, cells: &Cells, indices: &[i64]) {
        let equation = self.equation(facts);
        self.limbs(cells, &equation);
        let gaps = self.dense(equation);
        let size = facts.shape.get(axis).copied().unwrap_or(1);
        let inner: usize = facts.shape.iter().skip(axis.saturating_add(1)).product();
        let mut back: Vec<Fp> = gaps.iter().map(|gap| -*gap).collect();
        for (group, &index) in indices.iter().enumerate() {
            let (outer, lane) = (group.checked_div(inner).unwrap_or(0), group.checked_rem(inner).unwrap_or(0));
            let at = |j: usize| outer.saturating_mul(size).saturating_add(j).saturating_mul(inner).saturating_add(lane);
            let index = usize::try_from(index).unwrap_or(0);
            let mut sum = Fp::ZERO;
            for j in 0..size {
                let gap = gaps.get(at(j)).copied().unwrap_or(Fp::ZERO);
                sum += gap;
                if (!last && j < index) || (last && j > index) {
                    self.constant(-gap);
                }
            }
            back.get_mut(at(index)).into_iter().for_each(|value| *value += sum);
        }
        self.add(input, Cotangent::Dense(back));
    }

    /// `−Σ limb_i·2^(w·i)` of an equation with cotangent `gaps`.
    fn limbs(&mut self, cells: &Cells, gaps: &Cotangent) {
        let radix = Fp::from(1u64.checked_shl(self.key.description().limb_bits).unwrap_or(0));
        let mut weight = -Fp::one();
        for limb in &cells.limbs {
            self.cells(limb, 0, gaps, weight);
            weight *= radix;
        }
    }

    /// `x − Σ limb_i·2^(w·i) − 2^shift·quotient = 0`, with `quotient = minimum + low + radix·high` in the wide form.
    fn requantise(&mut self, id: usize, requantise: &Requantise, facts: &Facts, result: Option<Cotangent>) {
        let key = self.key;
        let Some(Some(cells)) = key.layout().nodes.get(id) else { return };
        let Some(segment) = &cells.result else { return };
        if let Some(result) = result {
            self.cells(segment, segment.lane.result(), &result, Fp::ONE);
        }
        let equation = self.equation(facts);
        let shift = requantise.limbs.saturating_mul(key.description().limb_bits);
        let unit = -Fp::from(1u64.checked_shl(shift).unwrap_or(0));
        self.limbs(cells, &equation);
        match requantise.form {
            Form::Narrow => self.cells(segment, 0, &equation, unit),
            Form::Wide => {
                self.cells(segment, 0, &equation, unit * integer(requantise.function.radix()));
                self.cells(segment, 2, &equation, unit);
                self.constant(self.sum(&equation) * unit * integer(requantise.function.minimum));
            }
        }
        self.add(requantise.input, equation);
    }

    /// `x − copy = 0`.
    fn copy(&mut self, id: usize, input: usize, facts: &Facts, result: Option<Cotangent>) {
        let Some(segment) = self.segment(id) else { return };
        if let Some(result) = result {
            self.cells(&segment, 0, &result, Fp::ONE);
        }
        let equation = self.equation(facts);
        self.cells(&segment, 0, &equation, -Fp::ONE);
        self.add(input, equation);
    }

    /// The cells of a node that has one segment of them.
    fn segment(&self, id: usize) -> Option<Segment> {
        self.key.layout().nodes.get(id)?.as_ref()?.result.clone()
    }

    /// What reads a public input reads its integers; what reads another one reads its cells, and `cell − sealed = 0` for a sealed one.
    fn input(&mut self, id: usize, index: usize, facts: &Facts, result: Option<Cotangent>) {
        let (Some(input), Some(value)) = (self.key.description().inputs.get(index), self.statement.inputs.get(index))
        else {
            return;
        };
        if input.visibility == Visibility::Public {
            let known = result.map_or(Fp::ZERO, |result| self.known(result, value.integers()));
            return self.constant(known);
        }
        let Some(segment) = self.segment(id) else { return };
        result.iter().for_each(|result| self.cells(&segment, 0, result, Fp::ONE));
        if input.visibility == Visibility::Sealed {
            let equation = self.equation(facts);
            self.cells(&segment, 0, &equation, Fp::ONE);
            self.sheet(Role::Input(index), &equation.scaled(-Fp::ONE));
        }
    }

    fn combine(&mut self, combine: &Combine, cotangent: &Cotangent) {
        match combine.constant.as_slice() {
            [] => {}
            [constant] => self.constant(self.sum(cotangent) * integer(*constant)),
            constants => self.constant(self.known(cotangent.clone(), constants)),
        }
        for &(term, factor) in &combine.terms {
            self.add(term, cotangent.scaled(integer(factor)));
        }
    }

    fn view(&mut self, view: &View, facts: &Facts, cotangent: Cotangent) {
        let nodes = &self.key.analysis().nodes;
        if let (ViewKind::Reshape(_), [input]) = (&view.kind, view.inputs.as_slice()) {
            let same = nodes.get(*input).is_some_and(|input| input.matrix() == facts.matrix());
            let cotangent = if same { cotangent } else { Cotangent::Dense(self.dense(cotangent)) };
            return self.add(*input, cotangent);
        }
        let shapes: Vec<&[usize]> =
            view.inputs.iter().filter_map(|&input| nodes.get(input)).map(|facts| facts.shape.as_slice()).collect();
        let mut padding = Fp::ZERO;
        let dense = self.dense(cotangent);
        let parts = scatter(&view.kind, &shapes, &facts.shape, &dense, Fp::ZERO, &mut padding);
        if let ViewKind::Pad { value, .. } = &view.kind {
            self.constant(padding * integer(*value));
        }
        for (&input, part) in view.inputs.iter().zip(parts) {
            self.add(input, Cotangent::Dense(part));
        }
    }

    fn contract(&mut self, id: usize, contract: &Contract, facts: &Facts, cotangent: Cotangent) {
        let Some(input) = self.key.analysis().nodes.get(contract.input) else { return };
        let geometry = Geometry { contract, input, output: facts };
        let biases: Vec<Fp> = contract.bias.iter().map(|&bias| integer(bias)).collect();
        let row_factors = contract.row_factors.iter().map(|&factor| integer(factor));
        let taps = match (&contract.weights, cotangent) {
            (weights, Cotangent::Outer { rows, columns }) => {
                let bias: Fp = rows.iter().zip(&biases).map(|(g, b)| *g * b).sum();
                let total: Fp = self.columns(columns).iter().sum();
                self.constant(bias * total);
                let scaled: Vec<Fp> = rows.iter().zip(row_factors).map(|(g, factor)| *g * factor).collect();
                match weights {
                    Weights::Public(weights) => geometry.taps(weights, &scaled),
                    Weights::Sealed => {
                        let separator = rows.first().copied().unwrap_or(Fp::ZERO);
                        self.sealed_biases(&scaled, total);
                        self.sealed_weights(id, &geometry, separator)
                    }
                }
            }
            (Weights::Public(weights), Cotangent::Dense(mut values)) => {
                let (rows, columns) = facts.matrix();
                let column_factors = column_weights(&vec![Fp::ONE; columns], &contract.column_factors);
                for ((row, factor), bias) in values.chunks_mut(columns.max(1)).zip(row_factors).zip(&biases) {
                    let sum: Fp = row.iter().sum();
                    self.adjoint.target -= sum * bias;
                    row.iter_mut().zip(&column_factors).for_each(|(g, column)| *g *= factor * column);
                }
                let back = geometry.dense(weights, &values, rows);
                return self.add(contract.input, Cotangent::Dense(back));
            }
            // The analysis refuses a sealed contraction whose cotangent is not of rank one.
            (Weights::Sealed, Cotangent::Dense(_)) => return,
        };
        let (_, columns) = facts.matrix();
        let back = if contract.column_factors.is_empty() && geometry.is_pointwise() {
            Cotangent::Outer { rows: taps, columns }
        } else {
            let column = column_weights(self.columns(columns), &contract.column_factors);
            Cotangent::Dense(geometry.spread(&taps, &column))
        };
        self.add(contract.input, back);
    }

    /// `row_factor_o·Σ_i 64^i·digit_i` at every position, for the sealed contraction before those already met.
    fn sealed_biases(&mut self, row: &[Fp], total: Fp) {
        let digits = usize::try_from(self.key.description().bias_digits).unwrap_or(0);
        self.first_bias = self.first_bias.saturating_sub(row.len().saturating_mul(digits));
        let units = self.biases.get_mut(self.first_bias..).unwrap_or_default();
        for (unit, g) in units.chunks_mut(digits.max(1)).zip(row) {
            let places = powers(integer(DIGIT_BASE), digits);
            unit.iter_mut().zip(places).for_each(|(digit, place)| *digit += *g * total * place);
        }
    }

    /// `π·Σ_t u_t·v_t` for the node; `u_t − Σ_p column_p·im2col(x)[t, p] = 0` and `v_t − Σ_o ρ^o·row_factor_o·W[o, t] = 0` for every tap. Gives what
    /// every tap carries to the input.
    fn sealed_weights(&mut self, id: usize, geometry: &Geometry<'_>, separator: Fp) -> Vec<Fp> {
        let depth = geometry.depth();
        let length = depth.saturating_mul(geometry.contract.groups);
        let [left, right] = self.factors(id, length, separator);
        let groups = right.iter().step_by(depth);
        let starts = groups.flat_map(|start| std::iter::repeat_n(start, geometry.group_rows()));
        let rows = self.rho.iter().zip(&geometry.contract.row_factors);
        let units = starts.zip(rows).map(|(start, (power, &factor))| -(*start * power * integer(factor)));
        let units = units.collect();
        self.adjoint.weights.push(WeightCotangent { taps: powers(self.challenges.tau, depth), units });
        left.iter().map(|separator| -*separator).collect()
    }

    /// Gives the factors of a node their `π` and one equation each per entry; returns the separators of these equations.
    fn factors(&mut self, id: usize, length: usize, separator: Fp) -> [Vec<Fp>; 2] {
        let (left, right) = (self.separators(length), self.separators(length));
        if let Some(segment) = self.segment(id) {
            let layout = self.key.layout();
            layout.add(&mut self.adjoint.kappa, &segment, 0, &left);
            layout.add(&mut self.adjoint.kappa, &segment, 1, &right);
            let first = self.key.layout().factor_columns().start;
            for piece in self.key.layout().pieces(&segment, 0) {
                let pair = piece.column.saturating_sub(first).checked_div(2).unwrap_or(0);
                let rows = self.adjoint.separators.get_mut(pair).and_then(|column| column.get_mut(piece.rows));
                rows.unwrap_or_default().fill(separator);
            }
        }
        [left, right]
    }

    /// `π·Σ u·v` for the node, and the equations of both factors.
    fn product(&mut self, id: usize, product: &Product, cotangent: Cotangent) {
        let (Cotangent::Outer { rows: row, .. }, Some((inner, width))) = (cotangent, sizes(self.key, product)) else {
            return;
        };
        let separator = row.first().copied().unwrap_or(Fp::ZERO);
        let batches = row.len();
        let [left, right] = self.factors(id, batches.saturating_mul(inner), separator);
        let nodes = &self.key.analysis().nodes;
        let height = nodes.get(product.left).and_then(|facts| facts.shape.get(1)).copied().unwrap_or(0);
        let sigma = |index: usize| self.sigma.get(index).copied().unwrap_or(Fp::ZERO);
        let mut back = [Vec::new(), Vec::new()];
        let [left_back, right_back] = &mut back;
        for ((left, right), rho) in left.chunks(inner.max(1)).zip(right.chunks(inner.max(1))).zip(&self.rho) {
            for row in 0..height {
                let weight = -sigma(row.saturating_mul(width));
                left_back.extend(left.iter().map(|separator| *separator * weight));
            }
            for column in 0..width {
                let weight = -(*rho * sigma(column));
                right_back.extend(right.iter().map(|separator| *separator * weight));
            }
        }
        let [left_back, right_back] = back;
        self.add(product.left, Cotangent::Dense(left_back));
        self.add(product.right, Cotangent::Dense(right_back));
    }
}

/// Adds `rows ⊗ columns` to a tensor.
fn add_outer(values: &mut [Fp], rows: &[Fp], columns: &[Fp]) {
    /// Elements that are worth a thread.
    const SHARE: usize = 2048;
    for_each_chunk(values, SHARE, |share, values| add_elements(values, share.saturating_mul(SHARE), rows, columns));
}

/// Adds the elements `first..` of `rows ⊗ columns`.
fn add_elements(mut values: &mut [Fp], first: usize, rows: &[Fp], columns: &[Fp]) {
    let (row, mut skipped) =
        (first.checked_div(columns.len()).unwrap_or(0), first.checked_rem(columns.len()).unwrap_or(0));
    for row in rows.iter().skip(row) {
        let columns = columns.get(skipped..).unwrap_or_default();
        let (line, rest) = values.split_at_mut(columns.len().min(values.len()));
        line.iter_mut().zip(columns).for_each(|(to, column)| *to += *row * column);
        (values, skipped) = (rest, 0);
        if values.is_empty() {
            return;
        }
    }
}
