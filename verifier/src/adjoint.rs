//! The adjoint check's public side: one random backward pass through the network.
//!
//! All linear equations `A·cells = b` of a circuit are checked at once as `gᵀA·cells = gᵀb`. Every equation tensor, seen as a matrix of first
//! dimension by all others, gets the rank-one cotangent `τ^e · ρ^row · σ^column` with an exponent `e` of its own. [`backward`] pushes
//! these back to the cells (`κ = Aᵀg`, one entry per cell) and to the public values (`target = gᵀb`). A rank-one cotangent makes
//! the step through a contraction cost its weights plus one scatter, not its multiply-accumulates (Freivalds).
//!
//! A bilinear node has no public matrix to push a cotangent through. Its factors `u` and `v` (see [`crate::factors`]) take the cotangent's scalar as `π`,
//! so that `Σ π·u·v` stands for the node, and equations with powers of `τ` of their own bind `u` and `v` to what they are made of.

use ff::Field;
use pasta_curves::Fp;

use crate::analysis::{DIGIT_BASE, Facts};
use crate::contraction::Geometry;
use crate::description::{
    Combine, Contract, Form, Operator, OutputSource, Product, Requantise, View, Visibility, Weights,
};
use crate::factors::{column_weights, sizes};
use crate::field::{integer, powers};
use crate::key::VerifyingKey;
use crate::layout::{Cells, Segment, add};
use crate::sheet::{Pattern, Role, Sheet};
use crate::statement::{Statement, Value};
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
    /// `row[o]·column[p]` over the tensor as a matrix.
    Outer(Vec<Fp>, Vec<Fp>),
    /// One per element.
    Dense(Vec<Fp>),
}

impl Cotangent {
    fn into_dense(self) -> Vec<Fp> {
        match self {
            Self::Dense(values) => values,
            Self::Outer(rows, columns) => rows.iter().flat_map(|row| columns.iter().map(move |c| *row * c)).collect(),
        }
    }

    fn scaled(&self, factor: Fp) -> Self {
        let times = |values: &[Fp]| values.iter().map(|value| *value * factor).collect();
        match self {
            Self::Dense(values) => Self::Dense(times(values)),
            Self::Outer(rows, columns) => Self::Outer(times(rows), columns.clone()),
        }
    }

    fn sum(&self) -> Fp {
        let total = |values: &[Fp]| values.iter().sum::<Fp>();
        match self {
            Self::Dense(values) => total(values),
            Self::Outer(rows, columns) => total(rows) * total(columns),
        }
    }
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
    let column = vec![Fp::ZERO; layout.usable];
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
        adjoint: Adjoint {
            kappa: vec![column.clone(); layout.factor_columns().end],
            separators: vec![column; pairs],
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
    pass.sheet(Role::Biases, &biases);
    pass.adjoint
}

impl Backward<'_> {
    /// The rank-one cotangent of the next equation.
    fn equation(&mut self, facts: &Facts) -> Cotangent {
        let (rows, columns) = facts.matrix();
        let scaled = self.rho.iter().take(rows).map(|power| *power * self.separator).collect();
        self.separator *= self.challenges.tau;
        Cotangent::Outer(scaled, self.sigma.iter().take(columns).copied().collect())
    }

    /// The next `count` powers of `τ`, for as many equations.
    fn separators(&mut self, count: usize) -> Vec<Fp> {
        let powers = powers(self.challenges.tau, count).into_iter().map(|power| power * self.separator).collect();
        let exponent = u64::try_from(count).unwrap_or(u64::MAX);
        self.separator *= self.challenges.tau.pow_vartime([exponent]);
        powers
    }

    /// Adds to `κ` of a sealed tensor, one value per element.
    fn sheet(&mut self, role: Role, values: &[Fp]) {
        if let Some(sheet) = self.key.layout().sheet(role) {
            add(&mut self.adjoint.kappa, sheet.pieces(), values);
        }
    }

    /// Adds to the cotangent of a node.
    fn add(&mut self, node: usize, cotangent: Cotangent) {
        let Some(slot) = self.cotangents.get_mut(node) else { return };
        *slot = Some(match slot.take() {
            None => cotangent,
            Some(old) => {
                let mut sum = old.into_dense();
                sum.iter_mut().zip(cotangent.into_dense()).for_each(|(to, from)| *to += from);
                Cotangent::Dense(sum)
            }
        });
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
                    let dense = cotangent.clone().into_dense();
                    match value {
                        Value::Public(values) => {
                            let public: Fp = dense.iter().zip(values).map(|(g, &value)| *g * integer(value)).sum();
                            self.constant(-public);
                        }
                        _ => self.sheet(Role::Output(index), &dense.iter().map(|g| -*g).collect::<Vec<_>>()),
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
        let gaps = self.equation(facts).into_dense();
        self.limbs(cells, &gaps);
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
    fn limbs(&mut self, cells: &Cells, gaps: &[Fp]) {
        let radix = Fp::from(1u64.checked_shl(self.key.description().limb_bits).unwrap_or(0));
        let mut weight = -Fp::one();
        for limb in &cells.limbs {
            self.cells(limb, 0, gaps.iter().map(|gap| *gap * weight));
            weight *= radix;
        }
    }

    /// Adds to `κ` of a segment's column.
    fn cells(&mut self, segment: &Segment, column: usize, values: impl Iterator<Item = Fp>) {
        let values: Vec<Fp> = values.collect();
        self.key.layout().add(&mut self.adjoint.kappa, segment, column, &values);
    }

    /// `x − Σ limb_i·2^(w·i) − 2^shift·quotient = 0`, with `quotient = minimum + low + radix·high` in the wide form.
    fn requantise(&mut self, id: usize, requantise: &Requantise, facts: &Facts, result: Option<Cotangent>) {
        let key = self.key;
        let Some(Some(cells)) = key.layout().nodes.get(id) else { return };
        let Some(segment) = &cells.result else { return };
        if let Some(result) = result {
            self.cells(segment, segment.lane.result(), result.into_dense().into_iter());
        }
        let equation = self.equation(facts);
        let shift = requantise.limbs.saturating_mul(key.description().limb_bits);
        let unit = -Fp::from(1u64.checked_shl(shift).unwrap_or(0));
        let gaps = equation.clone().into_dense();
        self.limbs(cells, &gaps);
        match requantise.form {
            Form::Narrow => self.cells(segment, 0, gaps.iter().map(|gap| *gap * unit)),
            Form::Wide => {
                let radix = unit * integer(requantise.function.radix());
                self.cells(segment, 0, gaps.iter().map(|gap| *gap * radix));
                self.cells(segment, 2, gaps.iter().map(|gap| *gap * unit));
                self.constant(equation.sum() * unit * integer(requantise.function.minimum));
            }
        }
        self.add(requantise.input, equation);
    }

    /// `x − copy = 0`.
    fn copy(&mut self, id: usize, input: usize, facts: &Facts, result: Option<Cotangent>) {
        let Some(segment) = self.segment(id) else { return };
        if let Some(result) = result {
            self.cells(&segment, 0, result.into_dense().into_iter());
        }
        let equation = self.equation(facts);
        self.cells(&segment, 0, equation.clone().into_dense().into_iter().map(|g| -g));
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
        let dense = result.map(Cotangent::into_dense).unwrap_or_default();
        if input.visibility == Visibility::Public {
            let known = dense.iter().zip(value.integers()).map(|(g, &value)| *g * integer(value)).sum();
            return self.constant(known);
        }
        let Some(segment) = self.segment(id) else { return };
        self.cells(&segment, 0, dense.into_iter());
        if input.visibility == Visibility::Sealed {
            let equation = self.equation(facts).into_dense();
            self.sheet(Role::Input(index), &equation.iter().map(|g| -*g).collect::<Vec<_>>());
            self.cells(&segment, 0, equation.into_iter());
        }
    }

    fn combine(&mut self, combine: &Combine, cotangent: &Cotangent) {
        match combine.constant.as_slice() {
            [] => {}
            [constant] => self.constant(cotangent.sum() * integer(*constant)),
            constants => {
                let dense = cotangent.clone().into_dense();
                self.constant(dense.iter().zip(constants).map(|(g, &value)| *g * integer(value)).sum());
            }
        }
        for &(term, factor) in &combine.terms {
            self.add(term, cotangent.scaled(integer(factor)));
        }
    }

    fn view(&mut self, view: &View, facts: &Facts, cotangent: Cotangent) {
        let nodes = &self.key.analysis().nodes;
        let shapes: Vec<&[usize]> =
            view.inputs.iter().filter_map(|&input| nodes.get(input)).map(|facts| facts.shape.as_slice()).collect();
        let mut padding = Fp::ZERO;
        let dense = cotangent.into_dense();
        let parts = scatter(&view.kind, &shapes, &facts.shape, &dense, Fp::ZERO, &mut padding);
        if let crate::description::ViewKind::Pad { value, .. } = &view.kind {
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
        let back = match (&contract.weights, cotangent) {
            (weights, Cotangent::Outer(row, column)) => {
                let bias: Fp = row.iter().zip(&biases).map(|(g, b)| *g * b).sum();
                let total: Fp = column.iter().sum();
                self.constant(bias * total);
                let scaled: Vec<Fp> = row.iter().zip(row_factors).map(|(g, factor)| *g * factor).collect();
                let column = column_weights(&column, &contract.column_factors);
                match weights {
                    Weights::Public(weights) => geometry.rank_one(weights, &scaled, &column),
                    Weights::Sealed => {
                        let separator = row.first().copied().unwrap_or(Fp::ZERO);
                        self.sealed_biases(&scaled, total);
                        self.sealed_weights(id, &geometry, separator, &column)
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
                geometry.dense(weights, &values, rows)
            }
            // The analysis refuses a sealed contraction whose cotangent is not of rank one.
            (Weights::Sealed, Cotangent::Dense(_)) => return,
        };
        self.add(contract.input, Cotangent::Dense(back));
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

    /// `π·Σ_t u_t·v_t` for the node; `u_t − Σ_p column_p·im2col(x)[t, p] = 0` and `v_t − Σ_o ρ^o·row_factor_o·W[o, t] = 0` for every tap. Gives the
    /// input's cotangent.
    fn sealed_weights(&mut self, id: usize, geometry: &Geometry<'_>, separator: Fp, column: &[Fp]) -> Vec<Fp> {
        let depth = geometry.depth();
        let length = depth.saturating_mul(geometry.contract.groups);
        let [left, right] = self.factors(id, length, separator);

        let mut back = vec![Fp::ZERO; geometry.input.elements];
        for (group, taps) in left.chunks(depth).enumerate() {
            let taps: Vec<Fp> = taps.iter().map(|tap| -*tap).collect();
            geometry.scatter(group, &taps, column, &mut back);
        }
        let groups = right.iter().step_by(depth);
        let starts = groups.flat_map(|start| std::iter::repeat_n(start, geometry.group_rows()));
        let rows = self.rho.iter().zip(&geometry.contract.row_factors);
        let units = starts.zip(rows).map(|(start, (power, &factor))| -(*start * power * integer(factor)));
        let units = units.collect();
        self.adjoint.weights.push(WeightCotangent { taps: powers(self.challenges.tau, depth), units });
        back
    }

    /// Gives the factors of a node their `π` and one equation each per entry; returns the separators of these equations.
    fn factors(&mut self, id: usize, length: usize, separator: Fp) -> [Vec<Fp>; 2] {
        let (left, right) = (self.separators(length), self.separators(length));
        if let Some(segment) = self.segment(id) {
            self.cells(&segment, 0, left.iter().copied());
            self.cells(&segment, 1, right.iter().copied());
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
        let (Cotangent::Outer(row, _), Some((inner, width))) = (cotangent, sizes(self.key, product)) else { return };
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
