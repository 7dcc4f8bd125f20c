//! One quantised node per float node, and one more where a Concat must rescale what it joins.

use super::channels::Channels;
use super::plan::{Plan, keeps_quantisation};
use super::{channels, function, rescale, scale};
use crate::calibrate::Range;
use crate::graph::{self, Node};
use crate::quantised::{self, Function, Operator, Quantisation, Requantise, ValueId};
use crate::report::{NodeReport, Report};
use crate::rounding::{INT8_MAX, INT8_MIN};

pub(super) struct Quantiser<'a> {
    float: &'a graph::Graph,
    plan: &'a Plan,
    pub(super) graph: quantised::Graph,
    pub(super) report: Report,
    /// For each float value, the quantised one.
    pub(super) ids: Vec<ValueId>,
}

/// The parameters that Convolution and Linear share.
struct Layer {
    weights: Vec<i8>,
    bias: Vec<i32>,
    multipliers: Vec<i64>,
    requantise: Option<Requantise>,
}

impl Layer {
    fn new(channels: Channels, requantise: Option<Requantise>) -> Self {
        let Channels { weights, bias, multipliers, .. } = channels;
        Self { weights, bias, multipliers, requantise }
    }
}

impl<'a> Quantiser<'a> {
    pub(super) fn new(float: &'a graph::Graph, plan: &'a Plan) -> Self {
        Self {
            float,
            plan,
            graph: quantised::Graph {
                name: float.name.clone(),
                inputs: Vec::new(),
                nodes: Vec::new(),
                outputs: Vec::new(),
            },
            report: Report::new(&float.name),
            ids: Vec::new(),
        }
    }

    /// Quantises the float node `index`, whose inputs have been quantised.
    pub(super) fn node(&mut self, index: usize) {
        let node = &self.float.nodes[index];
        let value = self.ids.len();
        let mut inputs: Vec<ValueId> = node.inputs.iter().map(|&input| self.ids[input]).collect();
        let first = self.graph.quantisation(inputs[0]);
        let output = scale::activation(self.plan.range(value));
        let (operator, quantisation) = match &node.operator {
            graph::Operator::Conv { window, groups, weights, bias } => {
                let (layer, quantisation) = self.layer(index, weights, bias, first, output);
                let Layer { weights, bias, multipliers, requantise } = layer;
                let (window, groups) = (window.clone(), *groups);
                (Operator::Convolution { window, groups, weights, bias, multipliers, requantise }, quantisation)
            }
            graph::Operator::Gemm { weights, bias } => {
                let (layer, quantisation) = self.layer(index, weights, bias, first, output);
                let Layer { weights, bias, multipliers, requantise } = layer;
                (Operator::Linear { weights, bias, multipliers, requantise }, quantisation)
            }
            graph::Operator::Add { subtract, constant } => {
                (self.sum(index, subtract, constant, &inputs, output), output)
            }
            graph::Operator::AveragePool { window, divisors } => {
                let rescaling = self.rescaling(index, output);
                let (multipliers, shift) = rescale::average(divisors, first.scale, rescaling.scale);
                let requantise = requantise(shift, rescaling);
                (Operator::AveragePool { window: window.clone(), multipliers, requantise }, output)
            }
            graph::Operator::Activation(activation) => {
                (Operator::Activation(function::table(*activation, first, output)), output)
            }
            graph::Operator::Concat { axis } => {
                let same = |&input: &ValueId| self.graph.quantisation(input) == first;
                let quantisation = if inputs.iter().all(same) { first } else { output };
                self.unify(node, &mut inputs, quantisation);
                (Operator::Concat { axis: *axis }, quantisation)
            }
            graph::Operator::MaxPool { window } => (Operator::MaxPool { window: window.clone() }, first),
            graph::Operator::Reshape => (Operator::Reshape, first),
            graph::Operator::Transpose { permutation } => {
                (Operator::Transpose { permutation: permutation.clone() }, first)
            }
            &graph::Operator::Slice { axis, start, step } => (Operator::Slice { axis, start, step }, first),
            graph::Operator::Pad { before, after, value } => {
                let value = self.padding(node, *value, first);
                (Operator::Pad { before: before.clone(), after: after.clone(), value }, first)
            }
            &graph::Operator::ArgMax { axis, select_last } => {
                (Operator::ArgMax { axis, select_last }, Quantisation { scale: 1.0, zero_point: 0 })
            }
            graph::Operator::BatchNormalization { .. } => unreachable!("`passes::normalisation` leaves none"),
        };
        let calibrated = !keeps_quantisation(node) && !self.plan.is_raw(value);
        let (name, shape) = (node.name.clone(), node.shape.clone());
        self.push(quantised::Node { name, inputs, operator, shape, quantisation });
        if let (true, Some(report)) = (calibrated, self.report.nodes.last_mut()) {
            report.range = Some(self.plan.range(value));
        }
        self.ids.push(self.graph.inputs.len() + self.graph.nodes.len() - 1);
    }

    fn push(&mut self, node: quantised::Node) {
        self.report.nodes.push(NodeReport::new(&node));
        self.graph.nodes.push(node);
    }

    /// What follows the rounding of a node's accumulator.
    fn rescaling(&self, index: usize, output: Quantisation) -> function::Rescaling {
        let activation = self.float.nodes[index].fused.as_ref().map(|fused| fused.activation);
        let argument = self.plan.argument(index).unwrap_or(Range::ZERO);
        function::rescaling(activation, argument, output)
    }

    /// Parameters of a Convolution or Linear, raw or requantised.
    fn layer(
        &self,
        index: usize,
        weights: &[f32],
        bias: &[f32],
        input: Quantisation,
        output: Quantisation,
    ) -> (Layer, Quantisation) {
        if self.plan.is_raw(self.ids.len()) {
            let channels = channels::raw(weights, bias, input.scale);
            let quantisation = Quantisation { scale: channels.unit, zero_point: 0 };
            return (Layer::new(channels, None), quantisation);
        }
        let rescaling = self.rescaling(index, output);
        let (channels, shift) = channels::snapped(weights, bias, input.scale, rescaling.scale);
        (Layer::new(channels, Some(requantise(shift, rescaling))), output)
    }

    fn sum(
        &self,
        index: usize,
        subtract: &[bool],
        constant: &[f32],
        inputs: &[ValueId],
        output: Quantisation,
    ) -> Operator {
        let scales = inputs.iter().zip(subtract).map(|(&input, &subtract)| {
            let scale = self.graph.quantisation(input).scale;
            if subtract { -scale } else { scale }
        });
        let scales: Vec<f64> = scales.collect();
        let rescaling = self.rescaling(index, output);
        let (multipliers, constant, shift) = rescale::sum(&scales, constant, rescaling.scale);
        Operator::Sum { multipliers, constant, requantise: requantise(shift, rescaling) }
    }

    /// The integer that a Pad inserts, with a warning if it saturates.
    fn padding(&mut self, node: &Node, value: f32, quantisation: Quantisation) -> i64 {
        let integer = quantisation.quantise(value.into());
        let inserted = quantisation.dequantise(integer);
        if (inserted - f64::from(value)).abs() > quantisation.scale {
            self.report.warnings.push(format!(
                "`{}` pads with {value}, outside the calibrated range of its input; it saturates to {inserted}",
                node.name
            ));
        }
        integer
    }

    /// Rescales those inputs of a Concat that are not quantised like it.
    fn unify(&mut self, node: &Node, inputs: &mut [ValueId], quantisation: Quantisation) {
        for (position, input) in inputs.iter_mut().enumerate() {
            let found = self.graph.quantisation(*input);
            if found == quantisation {
                continue;
            }
            let (multipliers, constant, shift) = rescale::sum(&[found.scale], &[], quantisation.scale);
            self.push(quantised::Node {
                name: format!("{}/rescale{position}", node.name),
                inputs: vec![*input],
                operator: Operator::Sum {
                    multipliers,
                    constant,
                    requantise: Requantise {
                        shift,
                        zero_point: quantisation.zero_point,
                        function: Function::clamp(INT8_MIN, INT8_MAX),
                    },
                },
                shape: self.graph.shape(*input).to_vec(),
                quantisation,
            });
            *input = self.graph.inputs.len() + self.graph.nodes.len() - 1;
        }
    }
}

fn requantise(shift: u32, rescaling: function::Rescaling) -> Requantise {
    Requantise { shift, zero_point: rescaling.zero_point, function: rescaling.function }
}
