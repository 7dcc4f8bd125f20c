//! The quantised nodes of each float node: one, none where nothing is left to do, more where
//! operands must be brought to one scale.

use std::collections::{BTreeMap, BTreeSet};

use super::leaders::Shared;
use super::ranges::Ranges;
use super::report::{NodeReport, Report};
use super::settings::NARROW;
use super::{function, scale};
use crate::float::binary::BinaryOperator;
use crate::float::graph::Node;
use crate::integer::graph::{
    Function, MAX_TABLE, Operator, Quantisation, Requantise, Ties, ValueId,
};
use crate::integer::signature::{Grid, Input};
use crate::{float, integer};

pub(super) struct Quantiser<'a> {
    pub(super) float: &'a float::graph::Graph,
    pub(super) choices: &'a Ranges,
    pub(super) graph: integer::graph::Graph,
    pub(super) report: Report,
    /// For each float value, whether the file says how it is quantised.
    pub(super) given: Vec<bool>,
    /// Names of values that are quantised over measured ranges.
    pub(super) measured: Vec<String>,
    /// For each float value, the quantised one.
    pub(super) ids: Vec<ValueId>,
    /// For each quantised value, the integers it can take and what they stand for.
    pub(super) grids: Vec<Grid>,
    /// For each Add in which sums of products are added: the bits that it divides by.
    pub(super) shifts: BTreeMap<usize, u32>,
    /// Values with scales by index that were brought to one scale, and what they became.
    pub(super) settled: BTreeMap<ValueId, ValueId>,
    /// Weights that several layers read.
    pub(super) shared: Shared<'a>,
    /// The Adds whose terms have weights of other layers, and so multipliers of more bits.
    pub(super) fine: BTreeSet<usize>,
    /// Layers whose biases take up errors.
    pub(super) corrected: usize,
}

impl<'a> Quantiser<'a> {
    pub(super) fn new(
        float: &'a float::graph::Graph,
        choices: &'a Ranges,
        fine: BTreeSet<usize>,
    ) -> Self {
        Self {
            float,
            choices,
            graph: integer::graph::Graph {
                name: float.name.clone(),
                inputs: Vec::new(),
                nodes: Vec::new(),
                outputs: Vec::new(),
                parts: BTreeMap::new(),
            },
            report: Report::new(&float.name),
            given: float.grids().iter().map(Option::is_some).collect(),
            measured: Vec::new(),
            ids: Vec::new(),
            grids: Vec::new(),
            shifts: BTreeMap::new(),
            settled: BTreeMap::new(),
            shared: Shared::default(),
            fine,
            corrected: 0,
        }
    }

    /// Quantises the float node `index`, whose inputs have been quantised.
    pub(super) fn node(&mut self, index: usize) {
        let float: &'a float::graph::Graph = self.float;
        let node = &float.nodes[index];
        let value = self.ids.len();
        let mut inputs: Vec<ValueId> = node.inputs.iter().map(|&input| self.ids[input]).collect();
        let mut by_index = self.take_parts(index, &mut inputs);
        // A constant reads nothing, all others read at least one value.
        let first = inputs.first().map_or(Grid::BOOLEAN, |&input| self.grids[input]);
        let result = match node.grid {
            Some(grid) => grid,
            None => match self.choices.whole(value) {
                Some(whole) => whole,
                None => scale::activation(self.choices.range(value), self.choices.bits(value)),
            },
        };
        let (operator, grid) = match &node.operator {
            float::graph::Operator::Conv { window, groups, layer } => {
                let (layer, grid, parts) = self.layer(index, layer, inputs[0], result);
                by_index = parts;
                (layer.convolution(window.clone(), *groups), grid)
            }
            float::graph::Operator::Gemm { layer } => {
                let (layer, grid, parts) = self.layer(index, layer, inputs[0], result);
                by_index = parts;
                (layer.linear(), grid)
            }
            float::graph::Operator::Add { subtract, constant } => {
                let constant = self.choices.constant(index, constant);
                self.sum(index, subtract, &constant, &inputs, result)
            }
            float::graph::Operator::AveragePool { window, divisors } => {
                let (multipliers, requantise, grid) =
                    self.average(index, divisors, &inputs, result);
                (Operator::AveragePool { window: window.clone(), multipliers, requantise }, grid)
            }
            float::graph::Operator::Product => self.product(index, &inputs, result),
            float::graph::Operator::MatMul { factor, one_hot } => {
                // What is chosen stays what it is.
                let chosen = *one_hot && node.fused.is_none();
                let result = if chosen { self.grids[inputs[1]] } else { result };
                self.mat_mul(index, *factor, &inputs, result)
            }
            float::graph::Operator::Interpolate { axis, matrix } => {
                let result = node.grid.unwrap_or(first);
                return self.interpolate(index, *axis, matrix, inputs[0], result);
            }
            float::graph::Operator::Activation(activation) => {
                let result = if activation.is_condition() { Grid::BOOLEAN } else { result };
                (Operator::Activation(function::table(activation, first, result)), result)
            }
            float::graph::Operator::Binary(operator) => {
                self.binary(node, *operator, &mut inputs, result)
            }
            float::graph::Operator::Select => {
                let result =
                    if node.grid.is_none() && self.grids[inputs[1]] == self.grids[inputs[2]] {
                        self.grids[inputs[1]]
                    } else {
                        result
                    };
                self.unify(node, &mut inputs[1..], result);
                (Operator::Select, result)
            }
            &float::graph::Operator::Concat { axis } => {
                let (grid, parts) = self.join(index, axis, &mut inputs, result);
                by_index = parts;
                (Operator::Concat { axis }, grid)
            }
            float::graph::Operator::Constant(values) => (
                Operator::Constant(values.iter().map(|&value| result.quantise(value)).collect()),
                result,
            ),
            float::graph::Operator::Quantize => {
                if first == result {
                    self.ids.push(inputs[0]);
                } else {
                    let id = self.rescale(&node.name, inputs[0], result);
                    self.ids.push(id);
                }
                return;
            }
            float::graph::Operator::Relabel => {
                let quantisation = node.grid.map_or(first.quantisation, |grid| grid.quantisation);
                (Operator::Reshape, Grid { quantisation, ..first })
            }
            float::graph::Operator::MaxPool { window } => {
                (Operator::MaxPool { window: window.clone() }, first)
            }
            _ if float.keeps_order(index) => (Operator::Reshape, first),
            float::graph::Operator::Reshape => (Operator::Reshape, first),
            float::graph::Operator::Transpose { permutation } => {
                (Operator::Transpose { permutation: permutation.clone() }, first)
            }
            &float::graph::Operator::Slice { axis, start, step } => {
                (Operator::Slice { axis, start, step }, first)
            }
            float::graph::Operator::Pad { before, after, value: filling } => {
                let matters = self.choices.matters(value);
                let value = self.padding(node, matters.clamp((*filling).into()), first);
                (Operator::Pad { before: before.clone(), after: after.clone(), value }, first)
            }
            float::graph::Operator::Softmax { visible } => self.softmax(index, visible, inputs[0]),
            &float::graph::Operator::Normalise { centred, epsilon, factor } => {
                self.normalise(index, (centred, epsilon, factor), &mut inputs[0])
            }
            float::graph::Operator::Lookup { table } => self.look_up(index, table, inputs[0]),
            &float::graph::Operator::ArgMax { axis, select_last, smallest }
                if self.choices.is_read(value) =>
            {
                return self.inner_arg_max(index, axis, select_last, smallest, inputs[0]);
            }
            &float::graph::Operator::ArgMax { axis, select_last, smallest } => {
                let last = self.float.shape(node.inputs[0])[axis] as i64 - 1;
                (Operator::ArgMax { axis, select_last, smallest }, Grid::integers(0, last))
            }
            &float::graph::Operator::TopK { axis, smallest, indices } => {
                let last = self.float.shape(node.inputs[0])[axis] as i64 - 1;
                inputs[0] = self.fit_order(index, axis, inputs[0]);
                let grid = if indices { Grid::integers(0, last) } else { self.grids[inputs[0]] };
                (Operator::TopK { axis, smallest, indices }, grid)
            }
            float::graph::Operator::BatchNormalization { .. } => {
                unreachable!("`passes::normalisation` leaves none")
            }
        };
        self.note_measured(index, grid);
        let calibrated = !node.keeps_grid() && node.grid.is_none() && !self.choices.is_raw(value);
        let id = self.push(node.name.clone(), inputs, operator, node.shape.clone(), grid);
        if let (true, Some(report)) = (calibrated, self.report.nodes.last_mut()) {
            report.range = Some(self.choices.range(value));
        }
        if let Some(parts) = by_index {
            self.graph.parts.insert(id, parts);
        }
        self.ids.push(id);
    }

    /// Notes a value whose grid comes from a measured range, or that of what its fused activation
    /// reads.
    fn note_measured(&mut self, index: usize, grid: Grid) {
        let node = &self.float.nodes[index];
        let value = self.float.result(index);
        let constant = matches!(node.operator, float::graph::Operator::Constant(_));
        let result = node.grid.is_none()
            && node.operator.computes()
            && !node.keeps_grid()
            && !constant
            && !self.choices.is_raw(value)
            && grid == scale::activation(self.choices.range(value), self.choices.bits(value));
        let argument = node.operator.rescales()
            && self.choices.argument_grid(index).is_none()
            && node.fused.as_ref().is_some_and(|activation| activation.clip().is_none());
        let normalised = matches!(node.operator, float::graph::Operator::Normalise { .. });
        if result || normalised {
            self.measured.push(node.value.clone());
        } else if let (Some(activation), true) = (&node.fused, argument) {
            self.measured.push(format!("{} before its {}", node.name, activation.name()));
        }
    }

    /// Adds a node; gives its value.
    pub(super) fn push(
        &mut self,
        name: String,
        inputs: Vec<ValueId>,
        operator: Operator,
        shape: Vec<usize>,
        grid: Grid,
    ) -> ValueId {
        let node =
            integer::graph::Node { name, inputs, operator, shape, quantisation: grid.quantisation };
        self.report.nodes.push(NodeReport::new(&node));
        self.graph.nodes.push(node);
        self.grids.push(grid);
        self.grids.len() - 1
    }

    /// Adds an input of the network.
    pub(super) fn input(&mut self, input: &Input, grid: Grid) {
        if input.grid.is_none() {
            self.measured.push(input.name.clone());
        }
        let Grid { quantisation, minimum, maximum } = grid;
        let (name, shape) = (input.name.clone(), input.shape.clone());
        self.graph.inputs.push(integer::graph::Input {
            name,
            shape,
            quantisation,
            minimum,
            maximum,
        });
        self.ids.push(self.grids.len());
        self.grids.push(grid);
    }

    /// A function of two values. Comparisons on one grid look at the difference, extremes at the
    /// larger or smaller; everything else is a table of all pairs.
    fn binary(
        &mut self,
        node: &Node,
        operator: BinaryOperator,
        inputs: &mut [ValueId],
        result: Grid,
    ) -> (Operator, Grid) {
        self.fit_table(node, operator, inputs);
        let (left, right) = (self.grids[inputs[0]], self.grids[inputs[1]]);
        if let Some(values) = operator.by_difference()
            && left.quantisation == right.quantisation
        {
            let function = Function { minimum: -1, values: values.to_vec() };
            let requantise = Some(Requantise { shift: 0, ties: Ties::Up, zero_point: 0, function });
            let sum = Operator::Sum { multipliers: vec![1, -1], constant: Vec::new(), requantise };
            return (sum, Grid::BOOLEAN);
        }
        let extreme = match operator {
            BinaryOperator::Max => Operator::Max,
            BinaryOperator::Min => Operator::Min,
            _ => {
                let result = if operator.is_condition() { Grid::BOOLEAN } else { result };
                return (Operator::Binary(function::binary(operator, left, right, result)), result);
            }
        };
        let result = if left == right && node.grid.is_none() { left } else { result };
        self.unify(node, inputs, result);
        (extreme, result)
    }

    /// Makes a function of two values one that a table can hold: operands of a comparison that have
    /// too many pairs come to one grid, of any other function each to 8 bits.
    fn fit_table(&mut self, node: &Node, operator: BinaryOperator, inputs: &mut [ValueId]) {
        let grids = [self.grids[inputs[0]], self.grids[inputs[1]]];
        let fits = grids[0].count().saturating_mul(grids[1].count()) <= MAX_TABLE;
        if fits || matches!(operator, BinaryOperator::Max | BinaryOperator::Min) {
            return;
        }
        if operator.by_difference().is_some() {
            // On one grid the sign of their difference says it, which takes no pairs.
            if grids[0].quantisation == grids[1].quantisation {
                return;
            }
            let bits = grids[0].bits().max(grids[1].bits());
            let both = scale::span(grids[0]).and(scale::span(grids[1]));
            return self.unify(node, inputs, scale::activation(both, bits));
        }
        for (position, input) in inputs.iter_mut().enumerate() {
            let grid = self.grids[*input];
            if grid.bits() > NARROW {
                let narrow = scale::activation(scale::span(grid), NARROW);
                let name = format!("{}/narrow{position}", node.name);
                *input = self.rescale(&name, *input, narrow);
            }
        }
    }

    /// The integer that a Pad inserts, with a warning if it saturates.
    fn padding(&mut self, node: &Node, value: f64, grid: Grid) -> i64 {
        let integer = grid.quantise(value);
        let inserted = grid.dequantise(integer);
        if (inserted - value).abs() > grid.quantisation.scale {
            self.report.warnings.push(format!(
                "{:?} pads with {value}, outside the range of its input; it saturates to \
                {inserted}",
                node.name
            ));
        }
        integer
    }

    /// Brings those values that are not on a grid to it.
    pub(super) fn unify(&mut self, node: &Node, inputs: &mut [ValueId], grid: Grid) {
        for (position, input) in inputs.iter_mut().enumerate() {
            if self.grids[*input].quantisation != grid.quantisation {
                *input = self.rescale(&format!("{}/rescale{position}", node.name), *input, grid);
            }
        }
    }

    /// The quantisation of an accumulator that is put out as it is.
    pub(super) fn raw(scale: f64) -> Grid {
        Grid { quantisation: Quantisation { scale, zero_point: 0 }, minimum: 0, maximum: 0 }
    }
}
