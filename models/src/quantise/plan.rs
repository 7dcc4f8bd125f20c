//! Which values have scales by index: inputs whose columns differ, layers whose channels do, and
//! what a Concat joins. Only where it pays, and never in a file's own grids.

use std::collections::BTreeMap;

use super::follow::{End, Readers};
use super::loss::{self, Loss};
use super::scale;
use crate::float::accumulators::Sums;
use crate::float::activation::Activation;
use crate::float::calibrate::Calibration;
use crate::float::columns::Columns;
use crate::float::graph::{Graph, Operator};
use crate::float::layer::Layer;
use crate::float::range::Range;
use crate::float::scales::joined;
use crate::integer::graph::{Parts, Quantisation, ValueId};
use crate::integer::signature::Grid;

/// Scales that differ by less are left alone at an output or in a Concat.
const APART: f64 = 4.0;
/// Zero points beyond are left to the whole tensor.
const FARTHEST: f64 = (1u64 << 40) as f64;

/// The decisions.
#[derive(Default)]
pub(super) struct Plan {
    /// The inputs and layers that are quantised by index: scales, and the grid that their integers
    /// are computed with.
    pub(super) parts: BTreeMap<ValueId, (Parts, Grid)>,
    /// The raw accumulators whose channels may have scales of their own.
    pub(super) apart: Vec<bool>,
    /// The Concats whose parts keep scales of their own.
    pub(super) separate: Vec<bool>,
    /// A line about each, for people.
    pub(super) choices: Vec<String>,
}

/// What is known of each value.
#[derive(Clone, Copy)]
pub(super) struct Values<'v> {
    pub(super) ranges: &'v [Range],
    pub(super) sums: &'v [Sums],
    /// Bits of its integers.
    pub(super) bits: &'v [u32],
    /// The integers of whole values, which are kept as they are.
    pub(super) kept: &'v [Option<Grid>],
}

impl Plan {
    pub(super) fn new(graph: &Graph, calibration: &Calibration, values: Values<'_>) -> Self {
        let sums = values.sums;
        let consumers = graph.consumers();
        let readers = Readers::new(graph, &consumers);
        let mut planner = Planner { graph, calibration, values, readers };
        let mut plan = Self { apart: vec![false; sums.len()], ..Self::default() };
        for index in (0..graph.nodes.len()).rev() {
            planner.concat(index, &mut plan.choices);
        }
        plan.choices.reverse();
        (0..graph.inputs.len()).for_each(|value| planner.input(value, &mut plan));
        (0..graph.nodes.len()).for_each(|index| planner.layer(index, &mut plan));
        plan.separate = planner.readers.separate;
        plan
    }
}

struct Planner<'g> {
    graph: &'g Graph,
    calibration: &'g Calibration,
    values: Values<'g>,
    readers: Readers<'g>,
}

impl Planner<'_> {
    /// What a value's integers are where nothing else is decided: those of what it was moved from.
    fn source(&self, value: ValueId) -> ValueId {
        self.graph.source(value)
    }

    fn grid(&self, value: ValueId) -> Grid {
        let source = self.source(value);
        let given = match self.graph.producer(source) {
            Some(index) => self.graph.nodes[index].grid,
            None => self.graph.inputs[source].grid,
        };
        let given = given.filter(|grid| !grid.is_open()).or(self.values.kept[source]);
        given.unwrap_or_else(|| {
            scale::activation(self.values.ranges[source], self.values.bits[source])
        })
    }

    /// Whether what a Concat joins keeps scales of its own.
    fn concat(&mut self, index: usize, choices: &mut Vec<String>) {
        let node = &self.graph.nodes[index];
        let Operator::Concat { axis } = node.operator else {
            return;
        };
        if node.grid.is_some() || node.keeps_grid() {
            return;
        }
        let value = self.graph.result(index);
        let raw =
            node.inputs.iter().any(|&input| self.values.sums[self.source(input)] == Sums::PutOut);
        let grids: Vec<Grid> = node.inputs.iter().map(|&input| self.grid(input)).collect();
        let shapes = node.inputs.iter().map(|&input| self.graph.shape(input));
        let operands =
            grids.iter().zip(shapes).map(|(grid, shape)| (grid.quantisation, None, shape));
        let Some(parts) = joined(axis, operands) else {
            return;
        };
        let (finest, coarsest) = ends(&parts);
        let pays = coarsest >= APART * finest
            && self.pays(value, &parts, grids[0].quantisation.zero_point);
        if raw || pays {
            self.readers.separate[index] = true;
            let (name, count) = (&node.name, node.inputs.len());
            let kinds = if raw {
                "accumulators among them".into()
            } else {
                let [least, most] = self.spans(value, &parts);
                format!("ranges of {least:.4} to {most:.4}")
            };
            choices.push(format!("{name:?}: {count} parts with scales of their own, {kinds}"));
        }
    }

    /// Whether scales by index reach nothing but outputs and layers, and one of them gains by it.
    fn pays(&self, value: ValueId, parts: &Parts, zero: i64) -> bool {
        let found = self.readers.ends(value, parts, zero);
        let output = found.iter().any(|end| matches!(end, End::Output));
        let losses = self.losses(value, &found);
        !found.iter().any(|end| matches!(end, End::Other))
            && losses.iter().all(|loss| loss.each <= loss.one)
            && (output || losses.iter().any(|loss| loss.pays()))
    }

    /// What the finest and the coarsest of a value's scales range over.
    fn spans(&self, value: ValueId, parts: &Parts) -> [f64; 2] {
        let (finest, coarsest) = ends(parts);
        [finest, coarsest].map(|scale| self.steps(value) * scale)
    }

    /// Steps that a value is quantised to.
    fn steps(&self, value: ValueId) -> f64 {
        scale::steps(self.values.bits[self.source(value)])
    }

    fn losses(&self, value: ValueId, ends: &[End]) -> Vec<Loss> {
        let steps = self.steps(value);
        let layers = ends.iter().filter_map(|end| match end {
            End::Layer { node, parts } => Some((&self.graph.nodes[*node], parts)),
            _ => None,
        });
        let losses = layers.filter_map(|(node, parts)| {
            let columns = self.calibration.arguments_by_index.get(&node.name)?;
            let spans: Vec<f64> =
                columns.ends.iter().map(|&[low, high]| f64::from(high) - f64::from(low)).collect();
            loss::of_layer(node, parts, &spans, steps)
        });
        losses.collect()
    }

    /// Scales for the columns or channels of an input, if a layer that reads it gains by them.
    fn input(&self, value: ValueId, plan: &mut Plan) {
        let input = &self.graph.inputs[value];
        let Some(measured) = self.calibration.inputs_by_index.get(&input.name) else {
            return;
        };
        if input.grid.is_some() || self.values.kept[value].is_some() {
            return;
        }
        let mut best: Option<(usize, Parts, Grid)> = None;
        for columns in measured.iter().filter(|columns| columns.is_measured()) {
            let ranges = columns.ends.iter().map(|&ends| around_zero(ends)).collect();
            let bits = self.values.bits[value];
            for (parts, grid) in [own(columns, bits), sharing_zero(columns.axis, ranges, bits)] {
                let found = self.readers.ends(value, &parts, grid.quantisation.zero_point);
                let others = found.iter().filter(|end| matches!(end, End::Other)).count();
                let shown = found.iter().any(|end| matches!(end, End::Output))
                    && ends(&parts).1 >= APART * ends(&parts).0;
                let pays = shown || self.losses(value, &found).iter().any(|loss| loss.pays());
                if pays && best.as_ref().is_none_or(|(least, ..)| others < *least) {
                    best = Some((others, parts, grid));
                }
            }
        }
        if let Some((_, parts, grid)) = best {
            let [least, most] = self.spans(value, &parts);
            plan.choices.push(format!(
                "input {:?}: a scale for each index of dimension {}, ranges of {least:.4} to \
                {most:.4}",
                input.name, parts.axis,
            ));
            plan.parts.insert(value, (parts, grid));
        }
    }

    /// Scales for the output channels of a layer.
    fn layer(&self, index: usize, plan: &mut Plan) {
        let node = &self.graph.nodes[index];
        let (Operator::Conv { layer, .. } | Operator::Gemm { layer }) = &node.operator else {
            return;
        };
        let value = self.graph.result(index);
        let (Layer::Real { .. }, None, None) = (layer, node.grid, self.values.kept[value]) else {
            return;
        };
        let Some(columns) = self.calibration.arguments_by_index.get(&node.name) else {
            return;
        };
        let relu = match node.fused {
            None => false,
            Some(Activation::Relu) => true,
            Some(_) => return,
        };
        if !columns.is_measured() {
            return;
        }
        let ranges = columns.ends.iter().map(|&ends| {
            let ends = if relu { ends.map(|end| end.max(0.0)) } else { ends };
            Range::ZERO.including(ends.into_iter())
        });
        let bits = self.values.bits[value];
        let (parts, grid) = sharing_zero(columns.axis, ranges.collect(), bits);
        let (finest, coarsest) = ends(&parts);
        // A layer of nothing but zeros.
        if finest <= 0.0 {
            return;
        }
        if self.values.sums[value] == Sums::PutOut {
            let found = self.readers.ends(value, &parts, 0);
            plan.apart[value] = found.iter().all(|end| matches!(end, End::Output));
        } else if self.values.sums[value] == Sums::Rescaled
            && coarsest >= APART * finest
            && self.pays(value, &parts, grid.quantisation.zero_point)
        {
            let [least, most] = self.spans(value, &parts);
            plan.choices.push(format!(
                "{:?}: a scale for each channel, ranges of {least:.4} to {most:.4}",
                node.name
            ));
            plan.parts.insert(value, (parts, grid));
        }
    }
}

/// The finest and the coarsest scale.
fn ends(parts: &Parts) -> (f64, f64) {
    parts.each.iter().fold((f64::INFINITY, 0.0), |(least, most), part| {
        (part.scale.min(least), part.scale.max(most))
    })
}

fn grid_of(parts: &Parts, zero_point: i64, bits: u32) -> Grid {
    let quantisation = Quantisation { scale: ends(parts).1, zero_point };
    let [minimum, maximum] = scale::ends(bits);
    Grid { quantisation, minimum, maximum }
}

/// Each column over its own range: without zero, if that lies far from it, as years do.
fn own(columns: &Columns, bits: u32) -> (Parts, Grid) {
    let ([minimum, maximum], steps) = (scale::ends(bits), scale::steps(bits));
    let each = columns.ends.iter().map(|&[low, high]| {
        let (low, high) = (f64::from(low), f64::from(high));
        let span = high - low;
        let away = (low > span || -high > span) && span > 0.0;
        let zero_point = minimum as f64 - steps * low / span;
        if away && zero_point.abs() < FARTHEST {
            return Quantisation { scale: span / steps, zero_point: zero_point.round() as i64 };
        }
        scale::activation(around_zero([low as f32, high as f32]), bits).quantisation
    });
    let parts = Parts { axis: columns.axis, each: each.collect() };
    let zero_point = parts.each.first().map_or(0, |part| part.zero_point);
    let grid = grid_of(&parts, zero_point.clamp(minimum, maximum), bits);
    (parts, grid)
}

/// What a column ranges over with zero. One of nothing but zeros may still be a flag.
fn around_zero([low, high]: [f32; 2]) -> Range {
    if low == 0.0 && high == 0.0 {
        return Range { minimum: 0.0, maximum: 1.0 };
    }
    Range::ZERO.including([low, high].into_iter())
}

/// Each column over its own range, all with one integer for zero: the one that costs the least
/// where it costs most. What was nothing but zero has the coarsest: it may be more another time.
fn sharing_zero(axis: usize, ranges: Vec<Range>, bits: u32) -> (Parts, Grid) {
    let [minimum, maximum] = scale::ends(bits);
    let own: Vec<Quantisation> =
        ranges.iter().map(|&range| scale::activation(range, bits).quantisation).collect();
    let with = |zero: i64| {
        let side = |end: f32, steps: i64| {
            if end == 0.0 { 0.0 } else { f64::from(end).abs() / steps as f64 }
        };
        let scales = ranges.iter().map(move |range| {
            side(range.maximum, maximum - zero).max(side(range.minimum, zero - minimum))
        });
        scales.collect::<Vec<f64>>()
    };
    let cost = |scales: &[f64]| {
        scales.iter().zip(&own).fold(0.0f64, |most, (scale, own)| most.max(scale / own.scale))
    };
    // Columns of both signs need a zero between the ends.
    let mut zeros: Vec<i64> = own.iter().map(|own| own.zero_point).chain([0]).collect();
    zeros.sort_unstable();
    zeros.dedup();
    let choices = zeros.into_iter().map(|zero| (zero, with(zero)));
    let best = choices.min_by(|(_, a), (_, b)| cost(a).total_cmp(&cost(b)));
    let (zero_point, scales) = best.unwrap_or((0, Vec::new()));
    let coarsest = scales.iter().copied().fold(0.0, f64::max);
    let scale = |own: f64| if own > 0.0 { own } else { coarsest };
    let each = scales.into_iter().map(|own| Quantisation { scale: scale(own), zero_point });
    let parts = Parts { axis, each: each.collect() };
    let grid = grid_of(&parts, zero_point, bits);
    (parts, grid)
}
