//! What rounding costs a layer: of what it reads, and of its weights, with one scale for all that
//! it reads or with a scale for each index.

use super::parts::index_of_weight;
use crate::float::graph::{Node, Operator};
use crate::float::layer::Layer;
use crate::integer::graph::Parts;

/// Steps of 8 bits.
const STEPS: f64 = 255.0;
/// The largest weight.
const WEIGHT_LIMIT: f64 = 127.0;

/// Mean over a layer's output channels of the squared error, in units of what they range over; at
/// most one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    /// With one scale, the coarsest.
    pub(super) one: f64,
    /// With a scale for each index.
    pub(super) each: f64,
}

impl Loss {
    /// Whether one scale is worse than a step of 8 bits, and scales by index halve the error at
    /// least.
    pub(super) fn pays(self) -> bool {
        self.one > 1.0 / (STEPS * STEPS) && 4.0 * self.each < self.one
    }
}

/// The loss of a layer that reads scales by index, of so many steps each, and puts out channels
/// with these ranges; none if it has no weights to be quantised.
pub(super) fn of_layer(node: &Node, parts: &Parts, spans: &[f64], count: f64) -> Option<Loss> {
    let (Operator::Conv { layer, .. } | Operator::Gemm { layer }) = &node.operator else {
        return None;
    };
    let Layer::Real { weights, bias } = layer else {
        return None;
    };
    let coarsest = parts.each.iter().fold(0.0f64, |most, part| most.max(part.scale));
    let (rows, terms) = (bias.len(), weights.len() / bias.len().max(1));
    let mut loss = Loss { one: 0.0, each: 0.0 };
    for (row, line) in weights.chunks(terms.max(1)).enumerate() {
        let scale =
            |term| parts.each[index_of_weight(&node.operator, rows, terms, row, term)].scale;
        // `Σ w²·s²/12` for what is read. A weight's rounding error is evenly spread over a step of
        // the largest's 127th, and multiplies what it reads.
        let (mut steps, mut largest, mut reads) = ([0.0; 2], [0.0f64; 2], [0.0; 2]);
        for (term, &weight) in line.iter().enumerate() {
            let (weight, own) = (f64::from(weight).abs(), scale(term));
            for (way, scale) in [coarsest, own].into_iter().enumerate() {
                steps[way] += (weight * scale).powi(2);
                largest[way] = largest[way].max(weight * scale);
                reads[way] += (count * own / scale).powi(2);
            }
        }
        let variance = |way: usize| {
            (steps[way] + (largest[way] / WEIGHT_LIMIT).powi(2) * reads[way] / 3.0) / 12.0
        };
        let span = spans.get(row).copied().unwrap_or(0.0).powi(2).max(f64::MIN_POSITIVE);
        loss.one += (variance(0) / span).min(1.0);
        loss.each += (variance(1) / span).min(1.0);
    }
    let rows = rows.max(1) as f64;
    Some(Loss { one: loss.one / rows, each: loss.each / rows })
}
