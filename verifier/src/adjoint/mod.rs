//! The adjoint check's public side: one random backward pass through the network.
//!
//! All linear equations `A·cells = b` of a circuit are checked at once as `gᵀA·cells = gᵀb`. Every
//! equation tensor, seen as a matrix of first dimension by all others, gets the rank-one cotangent
//! `τ^e · ρ^row · σ^column` with an exponent `e` of its own. [`backward`] pushes these back to the
//! cells (`κ = Aᵀg`, one entry per cell) and to the public values (`target = gᵀb`). A rank-one
//! cotangent makes the step through a contraction cost its weights plus one scatter, not its
//! multiply-accumulates (Freivalds).
//!
//! A bilinear node has no public matrix to push a cotangent through. Its factors `u` and `v` (see
//! [`crate::adjoint::factors`]) take the cotangent's scalar as `π`, so that `Σ π·u·v` stands for
//! the node, and equations with powers of `τ` of their own bind `u` and `v` to what they are made
//! of.

pub mod contraction;
mod cotangent;
pub mod factors;
mod sliding;

use ff::Field;
use pasta_curves::Fp;

pub use crate::adjoint::cotangent::WeightCotangent;
use crate::adjoint::cotangent::{Cotangent, Kappa, along, zeros};
use crate::adjoint::factors::{column_weights, sizes};
use crate::challenges::LinearChallenges;
use crate::circuit::description::{
    Combine, Contract, Form, Operator, OutputSource, Product, Requantise, View, ViewKind,
    Visibility, Weights,
};
use crate::circuit::facts::Facts;
use crate::circuit::geometry::Geometry;
use crate::circuit::key::VerifyingKey;
use crate::circuit::place::{Cells, Segment};
use crate::circuit::sealed::DIGIT_BASE;
use crate::circuit::sheet::Role;
use crate::circuit::view::scatter;
use crate::field::small::Elements;
use crate::field::{geometric, integer, powers};
use crate::wire::statement::{Statement, Value};

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

/// The pass in progress.
struct Backward<'a> {
    key: &'a VerifyingKey,
    statement: &'a Statement,
    challenges: LinearChallenges,
    rho: Vec<Fp>,
    sigma: Vec<Fp>,
    /// `τ^e` for the next equation.
    separator: Fp,
    cotangents: Vec<Option<Cotangent>>,
    /// `κ` of the digits of sealed biases, and the first of each sealed contraction's in node
    /// order, of those not yet met.
    biases: Vec<Fp>,
    first_bias: usize,
    kappa: Kappa,
    adjoint: Adjoint,
}

/// Computes `κ` and the target for a statement that [`Statement::check`] accepts.
pub fn backward(
    key: &VerifyingKey,
    statement: &Statement,
    challenges: LinearChallenges,
) -> Adjoint {
    let analysis = key.analysis();
    let (rows, columns) = analysis.widest();
    let layout = key.layout();
    let biases = layout.sheet(Role::Biases).map_or(0, |sheet| sheet.tensor.elements());
    let pairs = layout.factor_columns().len().checked_div(2).unwrap_or(0);
    let mut pass = Backward {
        key,
        statement,
        challenges,
        rho: powers(*challenges.rho, rows),
        sigma: powers(*challenges.sigma, columns),
        separator: *challenges.tau,
        cotangents: vec![None; analysis.nodes.len()],
        biases: vec![Fp::ZERO; biases],
        first_bias: biases,
        kappa: Kappa::new(layout.factor_columns().end, layout.usable),
        adjoint: Adjoint {
            kappa: Vec::new(),
            separators: zeros(pairs, layout.usable),
            weights: Vec::new(),
            target: Fp::ZERO,
        },
    };
    pass.outputs();
    for (id, (node, facts)) in key.description().nodes.iter().zip(&analysis.nodes).enumerate().rev()
    {
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
    pass.adjoint.kappa = pass.kappa.fill(&pass.sigma);
    pass.adjoint
}

impl Backward<'_> {
    /// The rank-one cotangent of the next equation.
    fn equation(&mut self, facts: &Facts) -> Cotangent {
        let (rows, columns) = facts.matrix();
        let rows = self.rho.iter().take(rows).map(|power| *power * self.separator).collect();
        self.separator *= *self.challenges.tau;
        Cotangent::Outer { rows, columns }
    }

    /// The next `count` powers of `τ`, for as many equations.
    fn separators(&mut self, count: usize) -> Vec<Fp> {
        let powers = geometric(self.separator, *self.challenges.tau, count);
        let exponent = u64::try_from(count).unwrap_or(u64::MAX);
        self.separator *= self.challenges.tau.pow_vartime([exponent]);
        powers
    }

    /// `Σ cotangent·values` for public integers.
    fn known(&self, cotangent: Cotangent, values: &[i64]) -> Fp {
        Elements::new(cotangent.dense(&self.sigma)).dot(values)
    }

    /// Adds `factor·cotangent` to `κ` of a segment's column.
    fn cells(&mut self, segment: &Segment, column: usize, cotangent: &Cotangent, factor: Fp) {
        self.kappa.place(self.key.layout().pieces(segment, column), cotangent, factor);
    }

    /// Adds to `κ` of a sealed tensor.
    fn sheet(&mut self, role: Role, cotangent: &Cotangent) {
        if let Some(sheet) = self.key.layout().sheet(role) {
            self.kappa.place(sheet.pieces(), cotangent, Fp::ONE);
        }
    }

    /// Adds to the cotangent of a node.
    fn add(&mut self, node: usize, cotangent: Cotangent) {
        if let Some(slot) = self.cotangents.get_mut(node) {
            *slot = Some(match slot.take() {
                None => cotangent,
                Some(old) => old.plus(cotangent, &self.sigma),
            });
        }
    }

    /// A constant of an equation whose other side is zero.
    fn constant(&mut self, value: Fp) {
        self.adjoint.target -= value;
    }

    /// `value − public = 0` for every output, and the gap equations of every ArgMax.
    fn outputs(&mut self) {
        let key = self.key;
        let tensors = key
            .description()
            .outputs
            .iter()
            .zip(&key.analysis().outputs)
            .zip(&key.layout().outputs);
        for (index, (((output, facts), cells), value)) in
            tensors.zip(&self.statement.outputs).enumerate()
        {
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
                    let (Some(shape), Some(cells)) = (key.analysis().nodes.get(*input), cells)
                    else {
                        continue;
                    };
                    self.arg_max(*input, shape, *axis, *select_last, cells, value.integers());
                }
            }
        }
    }

    /// `x[index] − x[j] − [j wins ties against index] − Σ limb_i·2^(w·i) = 0` for every `j`.
    fn arg_max(
        &mut self,
        input: usize,
        facts: &Facts,
        axis: usize,
        last: bool,
        cells: &Cells,
        indices: &[i64],
    ) {
        let equation = self.equation(facts);
        self.limbs(cells, &equation);
        let gaps = equation.dense(&self.sigma);
        let size = facts.shape.get(axis).copied().unwrap_or(1);
        let inner: usize = facts.shape.iter().skip(axis.saturating_add(1)).product();
        let mut back: Vec<Fp> = gaps.iter().map(|gap| -*gap).collect();
        for (group, &index) in indices.iter().enumerate() {
            let (outer, lane) =
                (group.checked_div(inner).unwrap_or(0), group.checked_rem(inner).unwrap_or(0));
            let at = |j: usize| {
                outer
                    .saturating_mul(size)
                    .saturating_add(j)
                    .saturating_mul(inner)
                    .saturating_add(lane)
            };
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

    /// `x − Σ limb_i·2^(w·i) − 2^shift·quotient = 0`, with `quotient = minimum + low + radix·high`
    /// in the wide form.
    fn requantise(
        &mut self,
        id: usize,
        requantise: &Requantise,
        facts: &Facts,
        result: Option<Cotangent>,
    ) {
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
                self.constant(
                    equation.sum(&self.sigma) * unit * integer(requantise.function.minimum),
                );
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

    /// What reads a public input reads its integers; what reads another one reads its cells, and
    /// `cell − sealed = 0` for a sealed one.
    fn input(&mut self, id: usize, index: usize, facts: &Facts, result: Option<Cotangent>) {
        let (Some(input), Some(value)) =
            (self.key.description().inputs.get(index), self.statement.inputs.get(index))
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
            [constant] => self.constant(cotangent.sum(&self.sigma) * integer(*constant)),
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
            let cotangent =
                if same { cotangent } else { Cotangent::Dense(cotangent.dense(&self.sigma)) };
            return self.add(*input, cotangent);
        }
        let shapes: Vec<&[usize]> = view
            .inputs
            .iter()
            .filter_map(|&input| nodes.get(input))
            .map(|facts| facts.shape.as_slice())
            .collect();
        let mut padding = Fp::ZERO;
        let dense = cotangent.dense(&self.sigma);
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
                let total: Fp = along(&self.sigma, columns).iter().sum();
                self.constant(bias * total);
                let scaled: Vec<Fp> =
                    rows.iter().zip(row_factors).map(|(g, factor)| *g * factor).collect();
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
                let column_factors =
                    column_weights(&vec![Fp::ONE; columns], &contract.column_factors);
                for ((row, factor), bias) in
                    values.chunks_mut(columns.max(1)).zip(row_factors).zip(&biases)
                {
                    let sum: Fp = row.iter().sum();
                    self.adjoint.target -= sum * bias;
                    row.iter_mut()
                        .zip(&column_factors)
                        .for_each(|(g, column)| *g *= factor * column);
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
            let column = column_weights(along(&self.sigma, columns), &contract.column_factors);
            Cotangent::Dense(geometry.spread(&taps, &column))
        };
        self.add(contract.input, back);
    }

    /// `row_factor_o·Σ_i 64^i·digit_i` at every position, for the sealed contraction before those
    /// already met.
    fn sealed_biases(&mut self, row: &[Fp], total: Fp) {
        let digits = usize::try_from(self.key.description().bias_digits).unwrap_or(0);
        self.first_bias = self.first_bias.saturating_sub(row.len().saturating_mul(digits));
        let units = self.biases.get_mut(self.first_bias..).unwrap_or_default();
        for (unit, g) in units.chunks_mut(digits.max(1)).zip(row) {
            let places = powers(integer(DIGIT_BASE), digits);
            unit.iter_mut().zip(places).for_each(|(digit, place)| *digit += *g * total * place);
        }
    }

    /// `π·Σ_t u_t·v_t` for the node; `u_t − Σ_p column_p·im2col(x)[t, p] = 0` and `v_t − Σ_o
    /// ρ^o·row_factor_o·W[o, t] = 0` for every tap. Gives what every tap carries to the input.
    fn sealed_weights(&mut self, id: usize, geometry: &Geometry<'_>, separator: Fp) -> Vec<Fp> {
        let depth = geometry.depth();
        let length = depth.saturating_mul(geometry.contract.groups);
        let [left, right] = self.factors(id, length, separator);
        let groups = right.iter().step_by(depth);
        let starts = groups.flat_map(|start| std::iter::repeat_n(start, geometry.group_rows()));
        let rows = self.rho.iter().zip(&geometry.contract.row_factors);
        let units =
            starts.zip(rows).map(|(start, (power, &factor))| -(*start * power * integer(factor)));
        let units = units.collect();
        self.adjoint
            .weights
            .push(WeightCotangent { taps: powers(*self.challenges.tau, depth), units });
        left.iter().map(|separator| -*separator).collect()
    }

    /// Gives the factors of a node their `π` and one equation each per entry; returns the
    /// separators of these equations.
    fn factors(&mut self, id: usize, length: usize, separator: Fp) -> [Vec<Fp>; 2] {
        let (left, right) = (self.separators(length), self.separators(length));
        if let Some(segment) = self.segment(id) {
            let layout = self.key.layout();
            self.kappa.add(layout.pieces(&segment, 0), &left);
            self.kappa.add(layout.pieces(&segment, 1), &right);
            let first = layout.factor_columns().start;
            for piece in layout.pieces(&segment, 0) {
                let pair = piece.column.saturating_sub(first).checked_div(2).unwrap_or(0);
                let rows = self
                    .adjoint
                    .separators
                    .get_mut(pair)
                    .and_then(|column| column.get_mut(piece.rows));
                rows.unwrap_or_default().fill(separator);
            }
        }
        [left, right]
    }

    /// `π·Σ u·v` for the node, and the equations of both factors.
    fn product(&mut self, id: usize, product: &Product, cotangent: Cotangent) {
        let (Cotangent::Outer { rows: row, .. }, Some((inner, width))) =
            (cotangent, sizes(self.key, product))
        else {
            return;
        };
        let separator = row.first().copied().unwrap_or(Fp::ZERO);
        let batches = row.len();
        let [left, right] = self.factors(id, batches.saturating_mul(inner), separator);
        let nodes = &self.key.analysis().nodes;
        let height =
            nodes.get(product.left).and_then(|facts| facts.shape.get(1)).copied().unwrap_or(0);
        let sigma = |index: usize| self.sigma.get(index).copied().unwrap_or(Fp::ZERO);
        let mut back = [Vec::new(), Vec::new()];
        let [left_back, right_back] = &mut back;
        for ((left, right), rho) in
            left.chunks(inner.max(1)).zip(right.chunks(inner.max(1))).zip(&self.rho)
        {
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
