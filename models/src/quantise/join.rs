//! Scales by index where values meet: Concat, which joins them, and operators that want one scale.

use super::emit::Quantiser;
use super::parts::absorbs;
use super::settings::NARROW;
use super::{rescale, scale};
use crate::float::graph::Operator as Float;
use crate::float::range::Range;
use crate::float::scales::{carried, joined};
use crate::integer::graph::{
    Function, Operator, Parts, Quantisation, Requantise, Ties, ValueId, Window,
};
use crate::integer::signature::Grid;

impl Quantiser<'_> {
    /// Brings those operands of a node that have scales by index to one scale, unless it can take
    /// them; gives the scales of its result if they are those of its operand.
    pub(super) fn take_parts(&mut self, index: usize, inputs: &mut [ValueId]) -> Option<Parts> {
        let node = &self.float.nodes[index];
        if matches!(node.operator, Float::Concat { .. }) {
            return None;
        }
        let mut result = None;
        for input in inputs {
            let Some(parts) = self.graph.parts.get(input) else {
                continue;
            };
            let (zero, shape) =
                (self.grids[*input].quantisation.zero_point, self.graph.shape(*input));
            if absorbs(&node.operator, parts, zero, shape) {
                continue;
            }
            let moved = carried(&node.operator, parts, zero, shape, &node.shape);
            match moved.filter(|_| node.grid.is_none()) {
                Some(parts) => result = Some(parts),
                None => *input = self.settle(*input),
            }
        }
        result
    }

    /// What a Concat joins: with scales of their own where the plan says so or nothing else is
    /// possible without loss, else brought to one grid. Gives the result's.
    pub(super) fn join(
        &mut self,
        index: usize,
        axis: usize,
        inputs: &mut [ValueId],
        result: Grid,
    ) -> (Grid, Option<Parts>) {
        let node = &self.float.nodes[index];
        let first = self.grids[inputs[0]];
        let same = inputs.iter().all(|&input| self.grids[input] == first);
        let plain = inputs.iter().all(|input| !self.graph.parts.contains_key(input));
        if node.grid.is_none() && same && plain {
            return (first, None);
        }
        let apart = node.grid.is_none() && (same || self.choices.plan.separate[index]);
        let operands = inputs.iter().map(|input| {
            let quantisation = self.grids[*input].quantisation;
            (quantisation, self.graph.parts.get(input), self.graph.shape(*input))
        });
        if let Some(parts) = joined(axis, operands).filter(|_| apart) {
            // An accumulator's zero is zero, and there is one for all.
            let raw = inputs.iter().find(|&&input| self.is_raw(input));
            let quantisation = self.grids[*raw.unwrap_or(&inputs[0])].quantisation;
            for (position, input) in inputs.iter_mut().enumerate() {
                *input =
                    self.relabel(&format!("{}/read{position}", node.name), *input, quantisation);
            }
            let grids = || inputs.iter().map(|&input| self.grids[input]);
            let minimum = grids().map(|grid| grid.minimum).min().unwrap_or(first.minimum);
            let maximum = grids().map(|grid| grid.maximum).max().unwrap_or(first.maximum);
            return (Grid { quantisation, minimum, maximum }, Some(parts));
        }
        for input in inputs.iter_mut() {
            *input = self.settle(*input);
        }
        let first = self.grids[inputs[0]];
        let same = inputs.iter().all(|&input| self.grids[input] == first);
        let result = if same && node.grid.is_none() { first } else { result };
        self.unify(node, inputs, result);
        (result, None)
    }

    /// Whether a value is an accumulator as it is, or a view of one.
    pub(super) fn is_raw(&self, value: ValueId) -> bool {
        let Grid { minimum, maximum, .. } = self.grids[value];
        minimum == 0 && maximum == 0
    }

    /// The same integers under another scale and zero point, which only say how the value is
    /// computed with: scales by index say what they stand for.
    fn relabel(&mut self, name: &str, input: ValueId, quantisation: Quantisation) -> ValueId {
        if self.grids[input].quantisation == quantisation {
            return input;
        }
        let grid = Grid { quantisation, ..self.grids[input] };
        let shape = self.graph.shape(input).to_vec();
        let axis = shape.len().saturating_sub(1);
        let own = self.grids[input].quantisation;
        let parts = self.graph.parts.get(&input).cloned();
        let parts = parts.or_else(|| {
            let each = vec![own; *shape.last()?];
            Some(Parts { axis, each })
        });
        let value = self.push(name.to_owned(), vec![input], Operator::Reshape, shape, grid);
        if let Some(parts) = parts {
            self.graph.parts.insert(value, parts);
        }
        value
    }

    /// A value with one scale for all: itself, or what a depthwise convolution makes of its scales
    /// by index.
    pub(super) fn settle(&mut self, value: ValueId) -> ValueId {
        let Some(parts) = self.graph.parts.get(&value).cloned() else {
            return value;
        };
        if let Some(&settled) = self.settled.get(&value) {
            return settled;
        }
        let Grid { quantisation, minimum, maximum } = self.grids[value];
        let reals =
            parts.each.iter().flat_map(|part| [minimum, maximum].map(|q| part.dequantise(q)));
        let range = Range::ZERO.including(reals.map(|x| x as f32));
        let to = scale::activation(range, self.grids[value].bits().max(NARROW));
        let name = self.name_of(value);
        let shape = self.graph.shape(value).to_vec();
        let (axis, channels) = (parts.axis, parts.each.len());
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.remove(axis);
        order.insert(0, axis);
        let in_order: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
        let moved = shape[..axis].iter().any(|&length| length > 1);
        let from = self.grids[value];
        let mut flat = value;
        if moved {
            let transpose = Operator::Transpose { permutation: order.clone() };
            flat =
                self.push(format!("{name}/front"), vec![flat], transpose, in_order.clone(), from);
        }
        let plane = vec![1, channels, shape.iter().product::<usize>() / channels];
        flat =
            self.push(format!("{name}/flat"), vec![flat], Operator::Reshape, plane.clone(), from);
        let factors: Vec<f64> =
            parts.each.iter().map(|part| part.scale / to.quantisation.scale).collect();
        let (multipliers, shift) = rescale::factors(&factors, self.extra_bits(&[value], to));
        let bias = parts.each.iter().map(|part| quantisation.zero_point - part.zero_point);
        let convolution = Operator::Convolution {
            window: Window::unit(),
            groups: channels,
            weights: vec![1; channels].into(),
            bias: bias.collect(),
            multipliers,
            requantise: Some(Requantise {
                shift,
                ties: Ties::Up,
                zero_point: to.quantisation.zero_point,
                function: Function::clamp(to.minimum, to.maximum),
            }),
        };
        let mut settled =
            self.push(format!("{name}/one-scale"), vec![flat], convolution, plane, to);
        if moved {
            settled =
                self.push(format!("{name}/back"), vec![settled], Operator::Reshape, in_order, to);
            let mut permutation = vec![0; order.len()];
            order.iter().enumerate().for_each(|(to, &from)| permutation[from] = to);
            let transpose = Operator::Transpose { permutation };
            settled = self.push(format!("{name}/axes"), vec![settled], transpose, shape, to);
        } else {
            settled =
                self.push(format!("{name}/back"), vec![settled], Operator::Reshape, shape, to);
        }
        self.settled.insert(value, settled);
        settled
    }

    fn name_of(&self, value: ValueId) -> String {
        match value.checked_sub(self.graph.inputs.len()) {
            None => self.graph.inputs[value].name.clone(),
            Some(node) => self.graph.nodes[node].name.clone(),
        }
    }
}
