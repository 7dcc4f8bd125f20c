//! The adjoint check's public side: one random backward pass through the network.
//!
//! All linear equations `A·cells = b` of a circuit are checked at once as `gᵀA·cells = gᵀb`. Every equation tensor, seen as a matrix of first
//! dimension by all others, gets the rank-one cotangent `τ^e · ρ^row · σ^column` with an exponent `e` of its own. [`backward`] pushes
//! these back to the cells (`κ = Aᵀg`, one entry per cell) and to the public values (`target = gᵀb`). A rank-one cotangent makes
//! the step through a contraction cost its weights plus one scatter, not its multiply-accumulates (Freivalds).

use ff::Field;
use pasta_curves::Fp;

use crate::analysis::Facts;
use crate::description::{Combine, Contract, Form, Operator, OutputSource, Requantise, View};
use crate::field::{integer, powers};
use crate::key::VerifyingKey;
use crate::layout::Cells;
use crate::statement::Statement;
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
    /// One column per column of cells, one entry per usable row.
    pub kappa: Vec<Vec<Fp>>,
    /// What `Σ κ·cell` must sum to.
    pub target: Fp,
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
    adjoint: Adjoint,
}

/// Computes `κ` and the target for a statement that [`Statement::check`] accepts.
pub fn backward(key: &VerifyingKey, statement: &Statement, challenges: Cotangents) -> Adjoint {
    let analysis = key.analysis();
    let sizes = analysis.nodes.iter().chain(&analysis.outputs).map(Facts::matrix);
    let (rows, columns) = sizes.fold((1, 1), |(r, c), (rows, columns)| (r.max(rows), c.max(columns)));
    let layout = key.layout();
    let mut pass = Backward {
        key,
        statement,
        challenges,
        rho: powers(challenges.rho, rows),
        sigma: powers(challenges.sigma, columns),
        separator: challenges.tau,
        cotangents: vec![None; analysis.nodes.len()],
        adjoint: Adjoint { kappa: vec![vec![Fp::ZERO; layout.usable]; layout.columns()], target: Fp::ZERO },
    };
    pass.outputs();
    for (id, (node, facts)) in key.description().nodes.iter().zip(&analysis.nodes).enumerate().rev() {
        let cotangent = pass.cotangents.get_mut(id).and_then(Option::take);
        if let Operator::Requantise(requantise) = &node.operator {
            // Its own equation holds whether or not anything reads the result.
            pass.requantise(id, requantise, facts, cotangent);
            continue;
        }
        let Some(cotangent) = cotangent else { continue };
        match &node.operator {
            Operator::Input(index) => pass.input(*index, cotangent),
            Operator::Contract(contract) => pass.contract(contract, facts, cotangent),
            Operator::Combine(combine) => pass.combine(combine, &cotangent),
            Operator::View(view) => pass.view(view, facts, cotangent),
            Operator::Requantise(_) => {}
        }
    }
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
        for (((output, facts), cells), values) in tensors.zip(&self.statement.outputs) {
            match &output.source {
                OutputSource::Node(node) => {
                    let cotangent = self.equation(facts);
                    let dense = cotangent.clone().into_dense();
                    let public: Fp = dense.iter().zip(values).map(|(g, &value)| *g * integer(value)).sum();
                    self.constant(-public);
                    self.add(*node, cotangent);
                }
                OutputSource::ArgMax { input, axis, select_last } => {
                    let (Some(shape), Some(cells)) = (key.analysis().nodes.get(*input), cells) else { continue };
                    self.arg_max(*input, shape, *axis, *select_last, cells, values);
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
    fn cells(&mut self, segment: &crate::layout::Segment, column: usize, values: impl Iterator<Item = Fp>) {
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

    fn input(&mut self, index: usize, cotangent: Cotangent) {
        let Some(values) = self.statement.inputs.get(index) else { return };
        let known: Fp = cotangent.into_dense().iter().zip(values).map(|(g, &value)| *g * integer(value)).sum();
        self.constant(known);
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

    fn contract(&mut self, contract: &Contract, facts: &Facts, cotangent: Cotangent) {
        let key = self.key;
        let Some(input) = key.analysis().nodes.get(contract.input) else { return };
        let (rows, columns) = facts.matrix();
        let biases: Vec<Fp> = contract.bias.iter().map(|&bias| integer(bias)).collect();
        let row_factors = contract.row_factors.iter().map(|&factor| integer(factor));
        let mut column_factors: Vec<Fp> = contract.column_factors.iter().map(|&factor| integer(factor)).collect();
        column_factors.resize(columns, Fp::one());
        let geometry = Geometry { contract, input, output: facts };
        let back = match cotangent {
            Cotangent::Outer(row, column) => {
                let bias: Fp = row.iter().zip(&biases).map(|(g, b)| *g * b).sum();
                self.constant(bias * column.iter().sum::<Fp>());
                let row: Vec<Fp> = row.iter().zip(row_factors).map(|(g, factor)| *g * factor).collect();
                let column: Vec<Fp> = column.iter().zip(&column_factors).map(|(g, factor)| *g * factor).collect();
                geometry.rank_one(&row, &column)
            }
            Cotangent::Dense(mut values) => {
                for ((row, factor), bias) in values.chunks_mut(columns.max(1)).zip(row_factors).zip(&biases) {
                    let sum: Fp = row.iter().sum();
                    self.adjoint.target -= sum * bias;
                    row.iter_mut().zip(&column_factors).for_each(|(g, column)| *g *= factor * column);
                }
                geometry.dense(&values, rows)
            }
        };
        self.add(contract.input, Cotangent::Dense(back));
    }
}

/// A contraction with its shapes.
struct Geometry<'a> {
    contract: &'a Contract,
    input: &'a Facts,
    output: &'a Facts,
}

impl Geometry<'_> {
    /// Taps per output channel: channels of a group times kernel size.
    fn depth(&self) -> usize {
        self.contract.weights.len().checked_div(self.contract.rows).unwrap_or(0).max(1)
    }

    fn group_rows(&self) -> usize {
        self.contract.rows.checked_div(self.contract.groups).unwrap_or(0).max(1)
    }

    /// Cotangent of the input for the output cotangent `row ⊗ column`: `Wᵀ·row` for every group, then one scatter over the positions.
    fn rank_one(&self, row: &[Fp], column: &[Fp]) -> Vec<Fp> {
        let mut back = vec![Fp::ZERO; self.input.elements];
        let group_rows = self.group_rows();
        let weights = self.contract.weights.chunks(self.depth().saturating_mul(group_rows));
        let small = small_integers();
        for (group, (weights, row)) in weights.zip(row.chunks(group_rows)).enumerate() {
            let mut taps = vec![Fp::ZERO; self.depth()];
            for (weights, g) in weights.chunks(self.depth()).zip(row) {
                for (tap, &weight) in taps.iter_mut().zip(weights) {
                    *tap += times_small(*g, weight, &small);
                }
            }
            self.scatter(group, &taps, column, &mut back);
        }
        back
    }

    /// The same for any output cotangent, at the price of every multiply-accumulate.
    fn dense(&self, cotangent: &[Fp], rows: usize) -> Vec<Fp> {
        let mut back = vec![Fp::ZERO; self.input.elements];
        let columns = cotangent.len().checked_div(rows).unwrap_or(0).max(1);
        let rows = self.contract.weights.chunks(self.depth()).zip(cotangent.chunks(columns));
        for (row, (weights, column)) in rows.enumerate() {
            let group = row.checked_div(self.group_rows()).unwrap_or(0);
            let taps: Vec<Fp> = weights.iter().map(|&weight| integer(weight.into())).collect();
            self.scatter(group, &taps, column, &mut back);
        }
        back
    }

    /// Adds `taps[t]·column[p]` to the input element that tap `t` of the group meets at position `p`: the transpose of im2col.
    fn scatter(&self, group: usize, taps: &[Fp], column: &[Fp], back: &mut [Fp]) {
        let (&[channels, height, width], &[_, _, out_width]) =
            (self.input.shape.as_slice(), self.output.shape.as_slice())
        else {
            return;
        };
        let [kernel_h, kernel_w] = self.contract.kernel;
        let [stride_h, stride_w] = self.contract.strides;
        let [dilation_h, dilation_w] = self.contract.dilations;
        let [top, left, ..] = self.contract.pads;
        let place = |out: usize, stride: usize, tap: usize, dilation: usize, pad: usize, size: usize| {
            let at = out.saturating_mul(stride).saturating_add(tap.saturating_mul(dilation)).checked_sub(pad)?;
            (at < size).then_some(at)
        };
        let group_channels = channels.checked_div(self.contract.groups).unwrap_or(0);
        let plane = height.saturating_mul(width);
        let first = group.saturating_mul(group_channels).saturating_mul(plane);
        let kernel = kernel_h.saturating_mul(kernel_w).max(1);
        let planes = back.chunks_mut(plane.max(1)).skip(first.checked_div(plane).unwrap_or(0)).take(group_channels);
        for (plane, taps) in planes.zip(taps.chunks(kernel)) {
            for (taps, kernel_y) in taps.chunks(kernel_w.max(1)).zip(0..kernel_h) {
                for (tap, kernel_x) in taps.iter().zip(0..kernel_w) {
                    for (out_y, line) in column.chunks(out_width.max(1)).enumerate() {
                        let Some(y) = place(out_y, stride_h, kernel_y, dilation_h, top, height) else { continue };
                        let Some(line_back) = plane.chunks_mut(width.max(1)).nth(y) else { continue };
                        for (out_x, g) in line.iter().enumerate() {
                            let x = place(out_x, stride_w, kernel_x, dilation_w, left, width);
                            if let Some(to) = x.and_then(|x| line_back.get_mut(x)) {
                                *to += *tap * g;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `0, 1, …, 128` in the field.
fn small_integers() -> Vec<Fp> {
    (0..=128u64).map(Fp::from).collect()
}

/// `value · weight`.
fn times_small(value: Fp, weight: i8, small: &[Fp]) -> Fp {
    let product = small.get(usize::from(weight.unsigned_abs())).map_or(Fp::ZERO, |magnitude| value * magnitude);
    if weight < 0 { -product } else { product }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Interval, output_size};

    #[test]
    fn rank_one_and_dense_cotangents_agree() {
        let contract = Contract {
            input: 0,
            rows: 4,
            groups: 2,
            kernel: [3, 2],
            strides: [2, 1],
            pads: [1, 0, 2, 1],
            dilations: [1, 2],
            weights: (-36..36).map(|w| 3 * w).collect(),
            row_factors: vec![1; 4],
            column_factors: vec![],
            bias: vec![0; 4],
        };
        let interval = Interval { minimum: 0, maximum: 0 };
        let input = Facts { shape: vec![6, 5, 7], elements: 210, interval };
        let [height, width] = output_size(&contract, 5, 7).unwrap();
        let output = Facts { shape: vec![4, height, width], elements: 4 * height * width, interval };
        let (row, column) = (powers(Fp::from(7), 4), powers(Fp::from(11), height * width));
        let geometry = Geometry { contract: &contract, input: &input, output: &output };
        let dense = Cotangent::Outer(row.clone(), column.clone()).into_dense();
        assert_eq!(geometry.rank_one(&row, &column), geometry.dense(&dense, 4));
    }
}
