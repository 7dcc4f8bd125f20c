//! Convolution and Linear: weights as the file has them, or quantised here.

use std::borrow::Cow;

use super::channels::{self, Channels, Precision};
use super::emit::Quantiser;
use super::exact::{self, Fit};
use super::function::{self, Rescaling};
use super::parts;
use super::ratio::Ratio;
use super::reach::{fine_scale, sealed_bias, sealed_weight, steps};
use super::rescale;
use super::settings::NARROW;
use super::staircase::Staircase;
use crate::float::accumulators::Sums;
use crate::float::layer::Layer;
use crate::float::whole::whole_layer;
use crate::integer::graph::{
    Operator, Parts, Quantisation, Requantise, Ties, ValueId, Weights, Window,
};
use crate::integer::rounding::half_up;
use crate::integer::signature::Grid;

/// The largest multiplier of an accumulator whose channels have different scales and that is put
/// out raw.
const RAW_PRECISION: f64 = 1024.0;

/// Bits of the fractions that known weights are, where 8 bits meet 8.
const KNOWN_SHIFT: u32 = 10;

/// The parameters that Convolution and Linear share.
pub(super) struct Parameters {
    pub(super) weights: Vec<i32>,
    /// The node whose weights are taken instead.
    pub(super) owner: Option<usize>,
    /// Whether the weights are no secret.
    pub(super) known: bool,
    pub(super) bias: Vec<i64>,
    pub(super) multipliers: Vec<i64>,
    pub(super) requantise: Option<Requantise>,
    /// Real worth of a weight's step, a row each.
    pub(super) scales: Vec<f64>,
    /// Whether the result is as exact as the file asks, which other weights would change.
    pub(super) exact: bool,
}

/// A layer's parameters, and what its result stands for.
pub(super) type Made = (Parameters, Grid, Option<Parts>);

impl Parameters {
    /// The weights as an operator has them, and what is left.
    fn weights(mut self) -> (Weights, Self) {
        let weights = std::mem::take(&mut self.weights);
        let weights = match self.owner {
            Some(owner) => Weights::Of(owner),
            None if self.known => Weights::Known(weights.into()),
            None => Weights::Own(weights.into()),
        };
        (weights, self)
    }

    pub(super) fn convolution(self, window: Window, groups: usize) -> Operator {
        let (weights, Self { bias, multipliers, requantise, .. }) = self.weights();
        Operator::Convolution { window, groups, weights, bias, multipliers, requantise }
    }

    pub(super) fn linear(self) -> Operator {
        let (weights, Self { bias, multipliers, requantise, .. }) = self.weights();
        Operator::Linear { weights, bias, multipliers, requantise }
    }
}

impl<'a> Quantiser<'a> {
    /// Parameters of a layer, raw or requantised, and what its result stands for.
    pub(super) fn layer(
        &mut self,
        index: usize,
        layer: &'a Layer,
        input: ValueId,
        output: Grid,
    ) -> Made {
        let mut layer = Cow::Borrowed(layer);
        if let (Layer::Real { weights, bias }, Some(parts)) =
            (&*layer, self.graph.parts.get(&input))
        {
            let operator = &self.float.nodes[index].operator;
            let (weights, bias) = parts::folded(operator, weights, bias, parts, self.grids[input]);
            layer = Cow::Owned(Layer::Real { weights, bias });
        }
        let layer = match self.less_steep(index, &layer, input) {
            Some(less) => Cow::Owned(less),
            None => layer,
        };
        let real = matches!(layer, Cow::Borrowed(_)).then(|| layer.clone());
        let made = self.channels(index, &layer, input, output);
        let mut made = self.share(index, layer, input, output, made);
        if let Some(Cow::Borrowed(layer)) = real {
            self.correct(index, layer, input, &mut made.0);
        }
        made
    }

    fn channels(&mut self, index: usize, layer: &Layer, input: ValueId, output: Grid) -> Made {
        let value = self.ids.len();
        let sums = self.choices.sums(value);
        let raw = sums != Sums::Rescaled;
        let scale = self.grids[input].quantisation.scale;
        let precision = self.precision(index);
        if let Some(whole) = self.whole_layer(index, layer, input, output, raw) {
            return (whole, if raw { Self::raw(1.0) } else { output }, None);
        }
        match layer {
            Layer::Real { weights, bias } if self.is_between_grids(index) => {
                self.channels(index, &fine(weights, bias), input, output)
            }
            Layer::Real { weights, bias } if raw => {
                let (channels, units) = match sums {
                    Sums::Added(add) => {
                        let unit = vec![self.sum_unit(add); bias.len()];
                        (
                            channels::quantised(weights, bias, scale, &unit, precision),
                            unit[..1].to_vec(),
                        )
                    }
                    _ => {
                        let apart = self.choices.plan.apart[value];
                        channels::raw(weights, bias, scale, apart, precision)
                    }
                };
                let parameters = snapped(channels, None);
                match units.as_slice() {
                    &[unit] => (parameters, Self::raw(unit), None),
                    units => {
                        let (axis, parts) = self.units(index, units);
                        self.report.choices.push(format!(
                            "{:?}: accumulators put out with a scale for each index of dimension \
                            {axis}",
                            self.float.nodes[index].name
                        ));
                        (parameters, Self::raw(units[0]), Some(parts))
                    }
                }
            }
            Layer::Real { weights, bias } => {
                let by_index = self.choices.plan.parts.get(&value);
                let output = by_index.map_or(output, |(_, grid)| *grid);
                let rescaling = self.rescaling(index, output);
                let scales: Vec<f64> = match by_index {
                    Some((parts, _)) => parts.each.iter().map(|part| part.scale).collect(),
                    None => vec![rescaling.scale; bias.len()],
                };
                let (channels, shift) = channels::snapped(weights, bias, scale, &scales, precision);
                let requantise = Some(requantise(shift, Ties::Up, rescaling));
                let parts = by_index.map(|(parts, _)| parts.clone());
                (snapped(channels, requantise), output, parts)
            }
            Layer::Known { weights, bias } => self.known(index, weights, bias, input, output),
            Layer::Integer { weights, scales, bias } => {
                let bias: Vec<i64> = steps(scales, bias, scale).collect();
                let weights = weights.clone();
                let with = |weights, multipliers, requantise| Parameters {
                    weights,
                    owner: None,
                    known: false,
                    bias: bias.clone(),
                    multipliers,
                    requantise,
                    scales: scales.clone(),
                    exact: true,
                };
                if raw {
                    let (multipliers, unit) = raw_multipliers(scales, scale);
                    return (with(weights, multipliers, None), Self::raw(unit), None);
                }
                let rescaling = self.rescaling(index, output);
                let stairs = self.staircases(&weights, scales, &bias, input, &rescaling, output);
                let exact = rescaling.saturates || self.is_exact(index);
                let (multipliers, shift, ties) = if exact {
                    let Fit { multipliers, shift, ties } = exact::fit(&stairs);
                    (multipliers, shift, ties)
                } else {
                    let factors = scales.iter().map(|weight| scale * weight / rescaling.scale);
                    let (multipliers, shift) = rescale::factors(
                        &factors.collect::<Vec<_>>(),
                        self.extra_bits(&[input], output),
                    );
                    (multipliers, shift, Ties::Up)
                };
                let requantise = Some(requantise(shift, ties, rescaling));
                (with(weights, multipliers, requantise), output, None)
            }
        }
    }

    /// Bits of a layer's weights and of what its sums are rescaled to, perhaps by an Add.
    pub(super) fn precision(&self, index: usize) -> Precision {
        let value = self.float.result(index);
        let result = match self.choices.sums(value) {
            Sums::Added(add) => self.float.result(add),
            _ => value,
        };
        Precision::new(self.choices.weights.of(value), self.choices.bits(result))
    }

    /// A layer of whole weights over whole numbers, whose results are whole too: all of them as
    /// they are.
    fn whole_layer(
        &self,
        index: usize,
        layer: &Layer,
        input: ValueId,
        output: Grid,
        raw: bool,
    ) -> Option<Parameters> {
        let rescaling = self.rescaling(index, output);
        let unchanged = raw || (rescaling.scale == 1.0 && rescaling.zero_point == 0);
        if !unchanged || !self.grids[input].is_whole() {
            return None;
        }
        let (weights, bias) = whole_layer(layer)?;
        let requantise = (!raw).then(|| requantise(0, Ties::Up, rescaling));
        let (scales, multipliers) = (vec![1.0; bias.len()], vec![1; bias.len()]);
        let (owner, known, exact) = (None, false, true);
        Some(Parameters { weights, owner, known, bias, multipliers, requantise, scales, exact })
    }

    /// A layer of known weights. As many digits as they have cost nothing, so what they are
    /// multiples of is what their sums are divided by: a power of two of the result's step.
    fn known(
        &self,
        index: usize,
        weights: &[f32],
        bias: &[f32],
        input: ValueId,
        output: Grid,
    ) -> Made {
        let scale = self.grids[input].quantisation.scale;
        let rescaling = self.rescaling(index, output);
        let shift = KNOWN_SHIFT + self.extra_bits(&[input], output);
        let raw = self.choices.sums(self.ids.len()) != Sums::Rescaled;
        let unit = if raw { scale } else { rescaling.scale } / f64::from(shift).exp2();
        let integer = |weight: &f32| half_up(f64::from(*weight) * scale / unit) as i32;
        let parameters = Parameters {
            weights: weights.iter().map(integer).collect(),
            owner: None,
            known: true,
            bias: bias.iter().map(|&bias| half_up(f64::from(bias) / unit) as i64).collect(),
            multipliers: vec![1; bias.len()],
            requantise: (!raw).then(|| requantise(shift, Ties::Up, rescaling)),
            scales: vec![unit / scale; bias.len()],
            exact: false,
        };
        (parameters, if raw { Self::raw(unit) } else { output }, None)
    }

    /// The scales of a raw accumulator whose channels have units of their own.
    fn units(&self, index: usize, units: &[f64]) -> (usize, Parts) {
        let node = &self.float.nodes[index];
        let conv = matches!(node.operator, crate::float::graph::Operator::Conv { .. });
        let axis = if conv { 1 } else { node.shape.len() - 1 };
        let each = units.iter().map(|&scale| Quantisation { scale, zero_point: 0 }).collect();
        (axis, Parts { axis, each })
    }

    /// Bits beyond 8 of the longest of some operands and a result: so many more their multipliers
    /// need.
    pub(super) fn extra_bits(&self, inputs: &[ValueId], output: Grid) -> u32 {
        let bits = inputs.iter().map(|&input| self.grids[input].bits());
        bits.chain([output.bits()]).max().unwrap_or(NARROW).saturating_sub(NARROW)
    }

    /// Whether the file says how a node's operand and its result are quantised. Then coarse weights
    /// would show in the result.
    fn is_between_grids(&self, index: usize) -> bool {
        let node = &self.float.nodes[index];
        node.grid.is_some() && node.inputs.iter().all(|&input| self.given[input])
    }

    /// What each channel's accumulator is rounded to.
    fn staircases(
        &self,
        weights: &[i32],
        scales: &[f64],
        bias: &[i64],
        input: ValueId,
        rescaling: &Rescaling,
        output: Grid,
    ) -> Vec<Staircase> {
        let from = self.grids[input];
        let zero = from.quantisation.zero_point;
        let (low, high) = ((from.minimum - zero).min(0), (from.maximum - zero).max(0));
        let terms = (weights.len() / scales.len()).max(1);
        let reach = i128::from(high.max(-low)) * terms as i128 * sealed_weight(weights)
            + sealed_bias(bias.iter().fold(self.choices.bias(), |most, b| most.max(b.abs())));
        let rows = weights.chunks(terms);
        let channels = rows.zip(scales).zip(bias).map(|((row, &weight), &bias)| {
            let (mut least, mut most) = (bias, bias);
            for &w in row {
                let ends = [i64::from(w) * low, i64::from(w) * high];
                least += ends[0].min(ends[1]);
                most += ends[0].max(ends[1]);
            }
            let ratio = Ratio::new(&[from.quantisation.scale, weight], rescaling.scale);
            let (minimum, maximum) = rescaling.ends(output);
            Staircase { ratio, low: least, high: most, minimum, maximum, reach }
        });
        channels.collect()
    }

    /// What follows the rounding of a node's accumulator.
    pub(super) fn rescaling(&self, index: usize, output: Grid) -> Rescaling {
        let bits = self.choices.bits(self.float.result(index));
        let node = &self.float.nodes[index];
        let whole = self.choices.argument_grid(index);
        let range = self.choices.argument(index);
        function::rescaling(node.fused.as_ref(), range, whole, bits, output, node.grid.is_some())
    }
}

/// Parameters whose multipliers are exact, since weights gave way.
fn snapped(channels: Channels, requantise: Option<Requantise>) -> Parameters {
    let Channels { weights, bias, multipliers, scales } = channels;
    let (owner, known, exact) = (None, false, false);
    Parameters { weights, owner, known, bias, multipliers, requantise, scales, exact }
}

/// Real weights as integers of three digits: their rounding is that of single precision, in which
/// the file's own tools would multiply them.
fn fine(weights: &[f32], bias: &[f32]) -> Layer {
    let terms = (weights.len() / bias.len()).max(1);
    let (mut integers, mut scales) = (Vec::with_capacity(weights.len()), Vec::new());
    for row in weights.chunks(terms) {
        let scale = fine_scale(row);
        integers
            .extend(row.iter().map(|&weight| (f64::from(weight) / scale).round_ties_even() as i32));
        scales.push(scale);
    }
    Layer::Integer {
        weights: integers,
        scales,
        bias: bias.iter().map(|&bias| bias.into()).collect(),
    }
}

/// One multiplier per channel so that all accumulators have one scale, and that scale.
fn raw_multipliers(scales: &[f64], input: f64) -> (Vec<i64>, f64) {
    let smallest = scales.iter().copied().fold(f64::INFINITY, f64::min) * input;
    if scales.iter().all(|scale| scale * input == smallest) {
        return (vec![1; scales.len()], smallest);
    }
    let unit = smallest / RAW_PRECISION;
    (scales.iter().map(|scale| (scale * input / unit).round() as i64).collect(), unit)
}

pub(super) fn requantise(shift: u32, ties: Ties, rescaling: Rescaling) -> Requantise {
    Requantise { shift, ties, zero_point: rescaling.zero_point, function: rescaling.function }
}
