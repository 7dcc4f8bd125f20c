//! Biases that take up what the rounding of weights adds to a layer's sums on average.
//!
//! A row of weights `w` becomes `ŵ`, and a sum is off by `Σ (w − ŵ)·x`: by its mean on all inputs
//! alike, `Σ (w − ŵ)·E x`, which a bias can take up, and by what is left. Where inputs have a mean,
//! as behind a Relu, that is a good part of the error; it costs nothing. The means are those of the
//! calibration: of many numbers, and unlike an end of a range nothing that a single sample makes.

use super::emit::Quantiser;
use super::layer::Parameters;
use crate::float::calibrate::Source;
use crate::float::graph::Operator as Float;
use crate::float::layer::Layer;
use crate::integer::graph::ValueId;
use crate::integer::rounding::half_up;
use crate::tensor::window::plane;

/// Means of fewer samples are not trusted.
const SAMPLES: usize = 16;

impl Quantiser<'_> {
    /// Moves the biases of a layer over `input` by the mean of what its rounded weights are off by.
    pub(super) fn correct(
        &mut self,
        index: usize,
        layer: &Layer,
        input: ValueId,
        made: &mut Parameters,
    ) {
        let Layer::Real { weights, bias } = layer else { return };
        if made.exact {
            return;
        }
        if bias.iter().all(|&bias| bias == 0.0) && self.chooses_zeros(index) {
            return;
        }
        let Some(means) = self.means(index, input) else { return };
        let rounded = made.owner.and_then(|owner| self.graph.nodes[owner].operator.weights());
        let owned = rounded.map(|(owned, _)| self.graph.weights(owned));
        let (terms, scale) = (weights.len() / bias.len(), self.grids[input].quantisation.scale);
        let moved = weights.chunks(terms).enumerate().map(|(row, real)| {
            let terms = row * terms..(row + 1) * terms;
            let rounded: Vec<i32> = match owned {
                Some(owned) => owned.range(terms).collect(),
                None => made.weights[terms].to_vec(),
            };
            let terms = real.iter().zip(rounded).zip(means.of_row(row, bias.len()));
            let off: f64 = terms
                .map(|((&real, rounded), mean)| {
                    (f64::from(real) - f64::from(rounded) * made.scales[row]) * mean
                })
                .sum();
            half_up(off / (made.scales[row] * scale)) as i64
        });
        let moved: Vec<i64> = moved.collect();
        let fits = |(bias, by): (&i64, &i64)| bias.saturating_add(*by).abs() <= i64::from(i32::MAX);
        if made.bias.iter().zip(&moved).all(fits) && moved.iter().any(|&by| by != 0) {
            made.bias.iter_mut().zip(moved).for_each(|(bias, by)| *bias += by);
            self.corrected += 1;
        }
    }

    /// Whether a node may read zeros that stand for nothing, as those that a choice or a mask puts
    /// there: a layer without a bias makes zero of them.
    fn chooses_zeros(&self, index: usize) -> bool {
        let source = self.float.source(self.float.nodes[index].inputs[0]);
        let Some(producer) = self.float.producer(source) else { return false };
        match &self.float.nodes[producer].operator {
            // Factors by channel.
            Float::Conv { layer, .. } | Float::Gemm { layer } => layer.terms() == 1,
            Float::Add { .. }
            | Float::AveragePool { .. }
            | Float::Activation(_)
            | Float::Normalise { .. } => false,
            _ => true,
        }
    }

    /// What the terms of a layer are on average; nothing if too few samples say so, or what it
    /// reads saturates on average.
    fn means(&self, index: usize, input: ValueId) -> Option<Means> {
        let node = &self.float.nodes[index];
        let measured = self.choices.means.get(&node.name)?;
        if !matches!(self.choices.source, Source::Data { samples } if samples >= SAMPLES) {
            return None;
        }
        let grid = self.grids[input];
        let inside = |&mean: &f64| {
            let ends = [grid.minimum, grid.maximum].map(|end| grid.dequantise(end));
            (ends[0]..=ends[1]).contains(&mean)
        };
        if !measured.iter().all(inside) {
            return None;
        }
        let Float::Conv { window, groups, .. } = &node.operator else {
            return Some(Means { channels: measured.clone(), taps: vec![1.0], groups: 1 });
        };
        // Where a tap reads padding it reads zero.
        let shape = plane(self.float.shape(node.inputs[0]))?;
        let output = plane(&node.shape)?;
        let mut taps = vec![0.0; window.kernel.iter().product()];
        let share = 1.0 / (output[0] * output[1]) as f64;
        for position in (0..output[0]).flat_map(|y| (0..output[1]).map(move |x| [y, x])) {
            for (tap, _) in window.taps(position, shape) {
                taps[tap] += share;
            }
        }
        Some(Means { channels: measured.clone(), taps, groups: *groups })
    }

    /// Says how many layers have moved biases.
    pub(super) fn say_corrected(&mut self) {
        if self.corrected > 0 {
            self.report.choices.push(format!(
                "biases of {} layers take up what their rounded weights are off by on average",
                self.corrected
            ));
        }
    }
}

/// What the terms of a layer's rows are on average.
struct Means {
    /// By input channel or feature.
    channels: Vec<f64>,
    /// For each tap of a window, how often it reads an element.
    taps: Vec<f64>,
    groups: usize,
}

impl Means {
    /// Those of a row among so many.
    fn of_row(&self, row: usize, rows: usize) -> impl Iterator<Item = f64> {
        let count = self.channels.len() / self.groups;
        let group = row / (rows / self.groups).max(1);
        let channels = &self.channels[group * count..][..count];
        channels.iter().flat_map(|mean| self.taps.iter().map(move |share| mean * share))
    }
}
