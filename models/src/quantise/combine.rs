//! Sums, averages, products and interpolations of activations. Where the result's grid is the
//! file's own, they round as it demands; elsewhere the multipliers are close enough not to matter.

use super::emit::Quantiser;
use super::exact::{self, Fit, Term};
use super::layer::requantise;
use super::ratio::Ratio;
use super::settings::NARROW;
use super::staircase::Staircase;
use super::{channels, rescale, scale};
use crate::float::accumulators::Sums;
use crate::float::graph::Operator as Float;
use crate::integer::graph::{Function, Operator, Requantise, Ties, ValueId};
use crate::integer::signature::Grid;

impl Quantiser<'_> {
    pub(super) fn sum(
        &mut self,
        index: usize,
        subtract: &[bool],
        constant: &[f64],
        inputs: &[ValueId],
        output: Grid,
    ) -> (Operator, Grid) {
        if let Some(unit) = self.choices.streams.unit(index) {
            return self.stream(unit, subtract, constant, inputs);
        }
        let rescaling = self.rescaling(index, output);
        let terms =
            inputs.iter().zip(subtract).map(|(&input, &subtract)| self.term(input, subtract));
        let terms: Vec<Term> = terms.collect();
        // What an accumulator can be is not known here.
        let bounded = !inputs.iter().any(|&input| self.is_raw(input));
        let multiples = multiples(&terms, constant, rescaling.scale).filter(|_| bounded);
        let (multipliers, constant, shift, ties) = if let Some(&shift) = self.shifts.get(&index) {
            let (multipliers, constant) = rescale::summed(&terms, constant, rescaling.scale, shift);
            (multipliers, constant, shift, Ties::Up)
        } else if let Some((terms, constant)) = multiples {
            (terms, constant, 0, Ties::Up)
        } else if self.is_exact(index) {
            let (low, high) = rescaling.ends(output);
            let Fit { multipliers, shift, ties } =
                exact::sum(&terms, constant, rescaling.scale, low, high);
            let constant = constant
                .iter()
                .map(|&real| exact::constant(real, rescaling.scale, shift))
                .collect();
            (multipliers, constant, shift, ties)
        } else {
            let scales: Vec<f64> = terms.iter().map(|term| term.scale).collect();
            let extra = self.extra_bits(inputs, output).max(self.bits_added(index) - NARROW);
            let (multipliers, constant, shift) =
                rescale::sum(&scales, constant, rescaling.scale, extra);
            (multipliers, constant, shift, Ties::Up)
        };
        let (grid, requantise) = if self.choices.is_raw(self.float.result(index)) {
            (Self::raw(rescaling.scale / f64::from(shift).exp2()), None)
        } else {
            (output, Some(requantise(shift, ties, rescaling)))
        };
        (Operator::Sum { multipliers, constant, requantise }, grid)
    }

    /// A sum of a residual stream: all that it adds are multiples of its unit.
    fn stream(
        &self,
        unit: f64,
        subtract: &[bool],
        constant: &[f64],
        inputs: &[ValueId],
    ) -> (Operator, Grid) {
        let terms =
            inputs.iter().zip(subtract).map(|(&input, &subtract)| self.term(input, subtract));
        let (multipliers, constant) =
            rescale::summed(&terms.collect::<Vec<Term>>(), constant, unit, 0);
        let reach = |(&input, multiplier): (&ValueId, &i64)| {
            let Grid { quantisation, minimum, maximum } = self.grids[input];
            let zero = quantisation.zero_point;
            (minimum - zero).abs().max((maximum - zero).abs()).saturating_mul(multiplier.abs())
        };
        let reaches = inputs.iter().zip(&multipliers).map(reach);
        let reach = reaches
            .fold(0, i64::saturating_add)
            .saturating_add(constant.iter().map(|constant| constant.abs()).max().unwrap_or(0));
        let grid = Grid { minimum: -reach, maximum: reach, ..Self::raw(unit) };
        (Operator::Sum { multipliers, constant, requantise: None }, grid)
    }

    /// Bits of the longest product of two values that a node adds up as it is, or 8.
    fn bits_added(&self, add: usize) -> u32 {
        let products = self.float.nodes[add].inputs.iter().filter_map(|&value| {
            let value = self.float.source(value);
            let node = &self.float.nodes[self.float.producer(value)?];
            let raw = node.operator == Float::Product && self.choices.is_raw(value);
            raw.then(|| node.inputs.iter().map(|&input| self.grid_to_be(input).bits()).sum())
        });
        products.max().unwrap_or(NARROW)
    }

    /// The grid of a value; before it is quantised, that of its range.
    fn grid_to_be(&self, value: ValueId) -> Grid {
        self.ids.get(value).map_or_else(
            || {
                let value = self.float.source(value);
                scale::activation(self.choices.range(value), self.choices.bits(value))
            },
            |&id| self.grids[id],
        )
    }

    /// Real worth of one unit of the accumulator of an Add that sums of products are added in.
    /// Whichever of them comes first settles by how many bits it is divided: as many as all that
    /// are known by then need for their weights to be snapped to its units.
    pub(super) fn sum_unit(&mut self, add: usize) -> f64 {
        let node = &self.float.nodes[add];
        let value = self.float.result(add);
        let output = scale::activation(self.choices.range(value), self.choices.bits(value));
        let scale = self.rescaling(add, output).scale;
        let shift = self.shifts.get(&add).copied().unwrap_or_else(|| {
            let needed = node.inputs.iter().filter_map(|&value| {
                let value = self.float.source(value);
                let summand = &self.float.nodes[self.float.producer(value)?];
                let input = self.grids[*self.ids.get(*summand.inputs.first()?)?];
                let (Sums::Added(_), Some(weights)) =
                    (self.choices.sums(value), summand.operator.real_weights())
                else {
                    return None;
                };
                let precision = self.precision(self.float.producer(value)?);
                Some(precision.shift(precision.step(weights) * input.quantisation.scale / scale))
            });
            // Those beside them have multipliers that are rounded: finely enough for their bits.
            let beside =
                |value: &ValueId| self.choices.sums(self.float.source(*value)) == Sums::Rescaled;
            let beside = node.inputs.iter().copied().filter(beside);
            let bits = beside.chain([value]).map(|value| self.choices.bits(value));
            let bits = bits.chain([self.bits_added(add)]).max();
            let needed = needed.max().unwrap_or_default() + bits.map_or(0, |bits| bits - NARROW);
            if self.fine.contains(&add) { needed.max(self.fine_sum(add, scale)) } else { needed }
        });
        self.shifts.insert(add, shift);
        scale / f64::from(shift).exp2()
    }

    /// The bits that an Add is divided by where its terms have weights of other layers.
    fn fine_sum(&self, add: usize, scale: f64) -> u32 {
        let terms = self.float.nodes[add].inputs.iter().filter_map(|&value| {
            let value = self.float.source(value);
            let summand = &self.float.nodes[self.float.producer(value)?];
            let weights = summand.operator.real_weights()?;
            let &input = summand.inputs.first()?;
            let rows = summand.operator.channels()?;
            let precision = self.precision(self.float.producer(value)?);
            let weights = (weights, precision);
            Some(self.fine_shift(weights, rows, self.grid_to_be(input), (add, scale)))
        });
        terms.max().unwrap_or_default()
    }

    /// A value brought to another grid.
    pub(super) fn rescale(&mut self, name: &str, input: ValueId, output: Grid) -> ValueId {
        let term = self.term(input, false);
        let zero_point = output.quantisation.zero_point;
        let (low, high) = (output.minimum - zero_point, output.maximum - zero_point);
        let Fit { multipliers, shift, ties } =
            exact::sum(&[term], &[], output.quantisation.scale, low, high);
        let function = Function::clamp(output.minimum, output.maximum);
        let requantise = Requantise { shift, ties, zero_point, function };
        let requantise = Some(requantise);
        let sum = Operator::Sum { multipliers, constant: Vec::new(), requantise };
        let shape = self.graph.shape(input).to_vec();
        self.push(name.to_owned(), vec![input], sum, shape, output)
    }

    pub(super) fn average(
        &mut self,
        index: usize,
        divisors: &[usize],
        inputs: &[ValueId],
        output: Grid,
    ) -> (Vec<i64>, Option<Requantise>, Grid) {
        let rescaling = self.rescaling(index, output);
        let from = self.grids[inputs[0]];
        let mut distinct = divisors.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if self.choices.is_raw(self.float.result(index)) {
            return raw_average(divisors, &distinct, from.quantisation.scale);
        }
        // No window reads more elements than the plane has.
        let shape = self.graph.shape(inputs[0]);
        let taps = shape.iter().skip(2).product::<usize>().max(1) as i64;
        let zero = from.quantisation.zero_point;
        let (least, most) = rescaling.ends(output);
        let (low, high) =
            ((from.minimum - zero).min(0) * taps, (from.maximum - zero).max(0) * taps);
        let stairs = distinct.iter().map(|&divisor| Staircase {
            ratio: Ratio::new(&[from.quantisation.scale], rescaling.scale * divisor.max(1) as f64),
            low,
            high,
            minimum: least,
            maximum: most,
            reach: high.max(-low).into(),
        });
        let factor =
            |&divisor: &usize| from.quantisation.scale / rescaling.scale / divisor.max(1) as f64;
        if let [only] = distinct[..]
            && factor(&only) == 1.0
            && taps.saturating_mul(from.maximum - from.minimum) < MAX_QUOTIENTS
        {
            return (vec![1; divisors.len()], Some(requantise(0, Ties::Up, rescaling)), output);
        }
        let exact = self.is_exact(index).then(|| exact::fit(&stairs.collect::<Vec<_>>()));
        let (multipliers, shift, ties) = match exact {
            Some(Fit { multipliers, shift, ties }) => (multipliers, shift, ties),
            None => {
                let (multipliers, shift) = rescale::factors(
                    &distinct.iter().map(factor).collect::<Vec<_>>(),
                    self.extra_bits(inputs, output),
                );
                (multipliers, shift, Ties::Up)
            }
        };
        let multiplier =
            |divisor: &usize| distinct.binary_search(divisor).map_or(1, |index| multipliers[index]);
        let multipliers = divisors.iter().map(multiplier).collect();
        (multipliers, Some(requantise(shift, ties, rescaling)), output)
    }

    pub(super) fn product(
        &mut self,
        index: usize,
        inputs: &[ValueId],
        output: Grid,
    ) -> (Operator, Grid) {
        let rescaling = self.rescaling(index, output);
        let [left, right] = [self.term(inputs[0], false), self.term(inputs[1], false)];
        if self.choices.is_raw(self.float.result(index)) {
            let product = Operator::Product { multiplier: 1, requantise: None };
            return (product, Self::raw(left.scale * right.scale));
        }
        let ends = [
            left.low * right.low,
            left.low * right.high,
            left.high * right.low,
            left.high * right.high,
        ];
        let (minimum, maximum) = rescaling.ends(output);
        let (low, high) =
            ends.iter().fold((0, 0), |(low, high), &end| (low.min(end), high.max(end)));
        if left.scale * right.scale == rescaling.scale && high - low < MAX_QUOTIENTS {
            let requantise = Some(requantise(0, Ties::Up, rescaling));
            return (Operator::Product { multiplier: 1, requantise }, output);
        }
        let ratio = Ratio::new(&[left.scale, right.scale], rescaling.scale);
        let reach = high.max(-low).into();
        let stairs = [Staircase { ratio, low, high, minimum, maximum, reach }];
        let fit = self.is_exact(index).then(|| exact::fit(&stairs));
        let fit = fit.unwrap_or_else(|| {
            let (multipliers, shift) = rescale::factors(
                &[left.scale * right.scale / rescaling.scale],
                self.extra_bits(inputs, output),
            );
            Fit { multipliers, shift, ties: Ties::Up }
        });
        let requantise = Some(requantise(fit.shift, fit.ties, rescaling));
        (Operator::Product { multiplier: fit.multipliers[0], requantise }, output)
    }

    /// Linear over one dimension, which is moved to the back and back again.
    pub(super) fn interpolate(
        &mut self,
        index: usize,
        axis: usize,
        matrix: &[f32],
        input: ValueId,
        output: Grid,
    ) {
        let node = &self.float.nodes[index];
        let from = self.grids[input];
        let shape = self.graph.shape(input).to_vec();
        let mut permutation: Vec<usize> = (0..shape.len()).collect();
        permutation.swap(axis, shape.len() - 1);
        let swap = |shape: &[usize]| -> Vec<usize> {
            permutation.iter().map(|&axis| shape[axis]).collect()
        };
        let last = axis + 1 == shape.len();
        let swapped = if last {
            input
        } else {
            let transpose = Operator::Transpose { permutation: permutation.clone() };
            self.push(format!("{}/before", node.name), vec![input], transpose, swap(&shape), from)
        };
        let rescaling = self.rescaling(index, output);
        let bias = vec![0.0; node.shape[axis]];
        let scales = vec![rescaling.scale; bias.len()];
        let (channels, shift) = channels::snapped(
            matrix,
            &bias,
            from.quantisation.scale,
            &scales,
            self.precision(index),
        );
        let channels::Channels { weights, bias, multipliers, .. } = channels;
        let requantise = Some(requantise(shift, Ties::Up, rescaling));
        let weights = weights.into();
        let linear = Operator::Linear { weights, bias, multipliers, requantise };
        let mut result =
            self.push(node.name.clone(), vec![swapped], linear, swap(&node.shape), output);
        if !last {
            let transpose = Operator::Transpose { permutation };
            result = self.push(
                format!("{}/after", node.name),
                vec![result],
                transpose,
                node.shape.clone(),
                output,
            );
        }
        self.ids.push(result);
    }

    /// An operand with its zero point subtracted.
    pub(super) fn term(&self, input: ValueId, subtract: bool) -> Term {
        let Grid { quantisation, minimum, maximum } = self.grids[input];
        let zero = quantisation.zero_point;
        let scale = if subtract { -quantisation.scale } else { quantisation.scale };
        Term { scale, low: minimum - zero, high: maximum - zero }
    }

    /// Whether the file says itself how the node's result is quantised.
    pub(super) fn is_exact(&self, index: usize) -> bool {
        self.float.nodes[index].grid.is_some()
    }
}

/// Multipliers of averages that are put out as they are, and what these stand for: exact, unless
/// windows of very many sizes have no small common multiple.
fn raw_average(
    divisors: &[usize],
    distinct: &[usize],
    scale: f64,
) -> (Vec<i64>, Option<Requantise>, Grid) {
    let divisor = |count: usize| count.max(1) as i64;
    let multiple = distinct.iter().try_fold(1i64, |multiple, &count| {
        let (mut a, mut b) = (multiple, divisor(count));
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Some(multiple / a * divisor(count)).filter(|&multiple| multiple <= FINEST_AVERAGE)
    });
    let multiple = multiple.unwrap_or(FINEST_AVERAGE);
    let multiplier = |&count: &usize| (multiple + divisor(count) / 2) / divisor(count);
    let multipliers = divisors.iter().map(multiplier).collect();
    (multipliers, None, Quantiser::raw(scale / multiple as f64))
}

/// What averages that are put out as they are divide an element by, at most.
const FINEST_AVERAGE: i64 = 1 << 24;

/// Longest range of quotients that is looked up one by one, rather than divided.
const MAX_QUOTIENTS: i64 = 1 << 17;

/// Multipliers and constant of a sum of which every term is a multiple of what the result counts:
/// nothing is divided then, nor rounded.
fn multiples(terms: &[Term], constant: &[f64], unit: f64) -> Option<(Vec<i64>, Vec<i64>)> {
    let whole = |real: f64| {
        let multiple = real / unit;
        (multiple.fract() == 0.0 && multiple.abs() < MAX_QUOTIENTS as f64)
            .then_some(multiple as i64)
    };
    let multipliers: Vec<i64> =
        terms.iter().map(|term| whole(term.scale)).collect::<Option<_>>()?;
    let spans = terms.iter().zip(&multipliers);
    let quotients: i64 =
        spans.map(|(term, multiplier)| multiplier.abs() * (term.high - term.low)).sum();
    let constant: Vec<i64> = constant.iter().map(|&real| whole(real)).collect::<Option<_>>()?;
    (quotients < MAX_QUOTIENTS).then_some((multipliers, constant))
}
