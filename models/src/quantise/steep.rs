//! Factors that send every integer but one beyond what matters, such as a mask's −3.4·10³⁸: lesser
//! ones do the same, and their products fit.

use super::emit::Quantiser;
use crate::float::layer::Layer;
use crate::integer::graph::ValueId;

/// Steps of the result's range between neighbouring integers from where on a factor is steep.
const STEEP: f64 = 4.0;
/// And how many it keeps: with two, whatever is on the other side of an integer within the range is
/// beyond that range.
const KEPT: f64 = 2.0;

impl Quantiser<'_> {
    /// The layer of a node that multiplies each number by a factor of its channel, with steep
    /// factors made less so that no result changes; none if there are none.
    pub(super) fn less_steep(&self, index: usize, layer: &Layer, input: ValueId) -> Option<Layer> {
        let Layer::Real { weights, bias } = layer else { return None };
        let node = &self.float.nodes[index];
        let value = self.float.result(index);
        if weights.len() != bias.len() || node.fused.is_some() || node.grid.is_some() {
            return None;
        }
        let (matters, range) = (self.choices.matters(value), self.choices.range(value));
        let low = matters.low.max(range.minimum.into());
        let high = matters.high.min(range.maximum.into());
        let grid = self.grids[input];
        let kept = KEPT * (high - low) / grid.quantisation.scale;
        if !(kept > 0.0 && kept.is_finite()) {
            return None;
        }
        let mut some = false;
        let pairs = weights.iter().zip(bias).map(|(&weight, &bias)| {
            let (steep, offset) = (f64::from(weight), f64::from(bias));
            if steep.abs() <= kept * STEEP / KEPT {
                return (weight, bias);
            }
            some = true;
            // The integer whose product comes nearest to the range, which alone may be within it.
            let nearest = grid.dequantise(grid.quantise(-offset / steep));
            let there = (steep * nearest + offset).max(low).min(high);
            let less = kept * steep.signum();
            (less as f32, (there - less * nearest) as f32)
        });
        let (weights, bias) = pairs.unzip();
        some.then_some(Layer::Real { weights, bias })
    }
}
