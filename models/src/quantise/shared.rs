//! Weights that several layers read: the same integers for all of them.
//!
//! The first layer's weights are snapped to its own scales. A later one with the same real weights,
//! bit for bit, takes these integers: with multipliers as small as ever where its scales are the
//! same (`tie` sees to that where it costs little), or else with multipliers of as many bits as
//! leave an error below an eighth of a step. `docs/quantisation.md` has the derivation.

use std::borrow::Cow;

use super::channels::Precision;
use super::emit::Quantiser;
use super::function::Rescaling;
use super::layer::{Made, Parameters, requantise};
use super::leaders::Leader;
use super::tie::{fingerprint, same_weights};
use crate::float::accumulators::Sums;
use crate::float::layer::Layer;
use crate::integer::graph::{Ties, ValueId};
use crate::integer::rounding::half_up;
use crate::integer::signature::Grid;

/// Outputs for each weight, at most, of a layer that pays for weights of another with multipliers
/// of more bits: those are a remainder limb more for each output.
const WORTH: usize = 16;
/// Rounding a multiplier costs at most so much of a step.
const ERROR: f64 = 1.0 / 8.0;
/// What floating point may be off by.
const EXACT: f64 = 1e-9;
/// No shift is made larger than this.
const SHIFT_LIMIT: u32 = 40;
/// How much larger sealed weights can make an accumulator than these do.
const ROOM: f64 = 256.0;
/// Larger in size than accumulators that have room for everything that comes on top.
const ACCUMULATOR: f64 = (1u64 << 58) as f64;

impl<'a> Quantiser<'a> {
    /// Hands a layer the weights of an earlier one with the same, or keeps its own for later ones.
    pub(super) fn share(
        &mut self,
        index: usize,
        layer: Cow<'a, Layer>,
        input: ValueId,
        output: Grid,
        mut made: Made,
    ) -> Made {
        let key = fingerprint(&layer);
        let mut leaders = self.shared.leaders.remove(&key).unwrap_or_default();
        let alike: Vec<&Leader<'_>> =
            leaders.iter().filter(|leader| same_weights(&leader.layer, &layer)).collect();
        let equal = |leader: &&&Leader<'_>| {
            let of = self.graph.nodes[leader.node].operator.weights();
            let own = of.and_then(|(weights, _)| weights.own());
            own.is_some_and(|own| own.iter().eq(made.0.weights.iter().copied()))
        };
        let equal = alike.iter().find(equal).map(|leader| leader.node);
        // All have those of the first one, if they can.
        let mut follows = equal.map(|node| (node, 0));
        if let Some(first) = alike.first()
            && equal != Some(first.node)
            && let Some((by, exact)) =
                self.with_weights_of(first, index, &layer, input, output, &made.0)
        {
            made = by;
            follows = Some((first.node, usize::from(!exact)));
        }
        made.0.owner = follows.map(|(node, _)| node);
        match follows {
            Some((node, rounded)) => {
                let [readers, of_them] = self.shared.readers.entry(node).or_default();
                (*readers, *of_them) = (*readers + 1, *of_them + rounded);
            }
            None => {
                let node = self.graph.nodes.len();
                let Parameters { scales, multipliers, .. } = &made.0;
                let multiples = multiples(scales, multipliers);
                leaders.push(Leader { layer, node, scales: scales.clone(), multiples });
            }
        }
        self.shared.leaders.insert(key, leaders);
        made
    }

    /// A layer that multiplies the integers of another one with the same real weights, and whether
    /// its multipliers are exact; none if its results have to be, or would be too far off, or it
    /// does not pay.
    fn with_weights_of(
        &mut self,
        leader: &Leader<'_>,
        index: usize,
        layer: &Layer,
        input: ValueId,
        output: Grid,
        made: &Parameters,
    ) -> Option<(Made, bool)> {
        let Layer::Real { weights, bias } = layer else { return None };
        let (terms, outputs) =
            (weights.len() / bias.len(), self.float.nodes[index].shape.iter().product::<usize>());
        // A single weight a row is all that the multiplier is.
        if made.exact || terms == 1 || outputs > WORTH * weights.len() {
            return None;
        }
        let grid = self.grids[input];
        let scale = grid.quantisation.scale;
        let steps: Vec<f64> = leader.scales.iter().map(|weight| weight * scale).collect();
        let biases = bias.iter().zip(&steps).map(|(&bias, step)| half_up(f64::from(bias) / step));
        let biases: Vec<f64> = biases.collect();
        if biases.iter().any(|bias| bias.abs() > f64::from(i32::MAX)) {
            return None;
        }
        let value = self.ids.len();
        let by_index = self.choices.plan.parts.get(&value).cloned();
        let output = by_index.as_ref().map_or(output, |(_, grid)| *grid);
        let with = |multipliers: Vec<i64>, requantise| Parameters {
            bias: biases.iter().map(|&bias| bias as i64).collect(),
            multipliers,
            requantise,
            known: false,
            owner: Some(leader.node),
            weights: Vec::new(),
            scales: leader.scales.clone(),
            exact: false,
        };
        let sums = self.choices.sums(value);
        if sums == Sums::PutOut {
            let (multipliers, unit) = leader.multiples.as_ref()?;
            let parameters = with(multipliers.clone(), None);
            return Some(((parameters, Self::raw(unit * scale), None), true));
        }
        let rows = weights.chunks(terms).zip(&leader.scales).zip(&biases);
        let reaches = rows.map(|((row, scale), bias)| reach(row, *scale, grid) + bias.abs());
        let reaches: Vec<f64> = reaches.collect();
        let result = if let Sums::Added(add) = sums { self.float.result(add) } else { value };
        let count = self.steps_of(result);
        let (factors, shift, rescaling): (Vec<f64>, u32, Option<Rescaling>) = match sums {
            Sums::Added(add) => {
                let unit = self.sum_unit(add);
                let shift = self.shifts[&add];
                let one = unit * f64::from(shift).exp2();
                (steps.iter().map(|step| step / one).collect(), shift, None)
            }
            _ => {
                let rescaling = self.rescaling(index, output);
                let scales = match &by_index {
                    Some((parts, _)) => parts.each.iter().map(|part| part.scale).collect(),
                    None => vec![rescaling.scale; steps.len()],
                };
                let factors: Vec<f64> =
                    steps.iter().zip(&scales).map(|(step, scale)| step / scale).collect();
                let rows = factors.iter().copied().zip(reaches.iter().copied());
                let shift = needed(count, rows);
                (factors, shift, Some(rescaling))
            }
        };
        let power = f64::from(shift).exp2();
        let multipliers: Vec<f64> =
            factors.iter().map(|factor| half_up(factor * power).max(1.0)).collect();
        let exceeds = |((&multiplier, &factor), &reach): ((&f64, &f64), &f64)| {
            let error = (multiplier / power - factor).abs() * reach.min(count / factor);
            error > ERROR || multiplier * reach * ROOM > ACCUMULATOR
        };
        if shift > SHIFT_LIMIT || multipliers.iter().zip(&factors).zip(&reaches).any(exceeds) {
            if let Sums::Added(add) = sums {
                self.shared.wanting.insert(add);
            }
            return None;
        }
        let mut ratios = multipliers.iter().zip(&factors).map(|(m, factor)| m / power / factor);
        let exact = ratios.all(|ratio| (ratio - 1.0).abs() < EXACT);
        let multipliers = multipliers.iter().map(|&multiplier| multiplier as i64).collect();
        let Some(rescaling) = rescaling else {
            let unit = self.grid_of_sums(sums);
            return Some(((with(multipliers, None), unit, None), exact));
        };
        let requantise = requantise(shift, Ties::Up, rescaling);
        let parts = by_index.map(|(parts, _)| parts);
        Some(((with(multipliers, Some(requantise)), output, parts), exact))
    }

    /// Steps that a float value has on one side of its zero point, at most.
    fn steps_of(&self, value: ValueId) -> f64 {
        f64::from(self.choices.bits(value)).exp2()
    }

    /// What the accumulators that an Add adds up stand for.
    fn grid_of_sums(&mut self, sums: Sums) -> Grid {
        match sums {
            Sums::Added(add) => Self::raw(self.sum_unit(add)),
            Sums::Rescaled | Sums::PutOut | Sums::Scores | Sums::Stream => Self::raw(1.0),
        }
    }

    /// The shift of an Add that leaves room for multipliers of weights that are another layer's.
    pub(super) fn fine_shift(
        &self,
        (weights, precision): (&[f32], Precision),
        rows: usize,
        input: Grid,
        (add, output): (usize, f64),
    ) -> u32 {
        let count = self.steps_of(self.float.result(add));
        let terms = (weights.len() / rows.max(1)).max(1);
        let rows = weights.chunks(terms).map(|row| {
            let step = precision.step(row);
            (step * input.quantisation.scale / output, reach(row, step, input))
        });
        needed(count, rows)
    }

    /// Says which weights are several layers'.
    pub(super) fn say_shared(&mut self) {
        for (&node, &[readers, rounded]) in &self.shared.readers {
            let node = &self.graph.nodes[node];
            let count = node.operator.weights().map_or(0, |(own, _)| self.graph.weights(own).len());
            let mut line = format!(
                "{:?}: its {count} weights are read by {} layers and kept once",
                node.name,
                readers + 1
            );
            if rounded > 0 {
                line += &format!(
                    ", by {rounded} of them with multipliers that are rounded, by less than an \
                    eighth of a step"
                );
            }
            self.report.choices.push(line);
        }
    }
}

/// The largest sum of a row's products, in size.
fn reach(row: &[f32], step: f64, input: Grid) -> f64 {
    if step <= 0.0 {
        return 0.0;
    }
    let zero = input.quantisation.zero_point;
    let deviation = (input.maximum - zero).max(zero - input.minimum) as f64;
    row.iter().map(|&weight| f64::from(weight).abs()).sum::<f64>() / step * deviation
}

/// The shift with which rounding a multiplier costs at most half of [`ERROR`]: of a sum of at most
/// `reach`, or as many as the result has steps for.
fn needed(steps: f64, rows: impl Iterator<Item = (f64, f64)>) -> u32 {
    let most = rows.map(|(factor, reach)| reach.min(steps / factor)).fold(0.0, f64::max);
    (0..SHIFT_LIMIT).find(|&shift| most / f64::from(shift + 1).exp2() <= ERROR / 2.0).unwrap_or(
        // Refused by whoever asks.
        SHIFT_LIMIT,
    )
}

/// The unit that scales are these multiples of, if they are.
fn multiples(scales: &[f64], multipliers: &[i64]) -> Option<(Vec<i64>, f64)> {
    let unit = |(scale, &multiplier): (&f64, &i64)| scale / multiplier as f64;
    let mut units = scales.iter().zip(multipliers).map(unit);
    let first = units.next()?;
    let same = units.all(|unit| (unit / first - 1.0).abs() < EXACT);
    same.then(|| (multipliers.to_vec(), first))
}
