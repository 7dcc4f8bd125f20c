//! MatMul: both matrices are activations, so one factor is all there is to rescale.

use super::emit::Quantiser;
use super::exact::{self, Fit};
use super::layer::requantise;
use super::ratio::Ratio;
use super::rescale;
use super::staircase::Staircase;
use crate::integer::graph::{Operator, Ties, ValueId};
use crate::integer::signature::Grid;

impl Quantiser<'_> {
    /// The product of two stacks of matrices, raw or requantised, and what its result stands for.
    pub(super) fn mat_mul(
        &mut self,
        index: usize,
        factor: f32,
        inputs: &[ValueId],
        output: Grid,
    ) -> (Operator, Grid) {
        let [left, right] = [self.term(inputs[0], false), self.term(inputs[1], false)];
        let factor = f64::from(factor);
        if self.choices.is_raw(self.ids.len()) {
            let grid = Self::raw(left.scale * right.scale * factor);
            return (Operator::MatMul { multiplier: 1, requantise: None }, grid);
        }
        let rescaling = self.rescaling(index, output);
        let Fit { multipliers, shift, ties } = if self.is_exact(index) {
            let terms = self.graph.shape(inputs[0]).last().copied().unwrap_or(1) as i64;
            let ends = [left.low, left.high].map(|a| [a * right.low, a * right.high]).concat();
            let sum = |end: Option<&i64>| end.map_or(0, |end| terms.saturating_mul(*end));
            let (minimum, maximum) = rescaling.ends(output);
            let (low, high) = (sum(ends.iter().min()).min(0), sum(ends.iter().max()).max(0));
            exact::fit(&[Staircase {
                ratio: Ratio::new(&[left.scale, right.scale, factor], rescaling.scale),
                low,
                high,
                reach: i128::from(low).abs().max(high.into()),
                minimum,
                maximum,
            }])
        } else {
            let (multiplier, shift) = rescale::factor(
                left.scale * right.scale * factor / rescaling.scale,
                self.extra_bits(inputs, output),
            );
            Fit { multipliers: vec![multiplier], shift, ties: Ties::Up }
        };
        let requantise = Some(requantise(shift, ties, rescaling));
        (Operator::MatMul { multiplier: multipliers[0], requantise }, output)
    }
}
