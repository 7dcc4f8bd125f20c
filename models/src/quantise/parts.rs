//! Layers that read scales by index: which take them, and what weights and biases they then have.

use crate::float::graph::Operator;
use crate::float::layer::Layer;
use crate::float::scales::share_zero;
use crate::integer::graph::{Parts, Quantisation};
use crate::integer::signature::Grid;

/// Whether a layer takes scales by index of what it reads into its weights.
pub(super) fn absorbs(operator: &Operator, parts: &Parts, zero: i64, shape: &[usize]) -> bool {
    match operator {
        Operator::Gemm { layer: Layer::Real { .. } } => parts.axis + 1 == shape.len(),
        // Padding is the integer zero point, which has to stand for zero everywhere.
        Operator::Conv { window, layer: Layer::Real { .. }, .. } => {
            parts.axis == 1 && (window.pads == [0; 4] || share_zero(parts, zero))
        }
        _ => false,
    }
}

/// For each weight of a row of a layer that reads scales by index, the index that it multiplies.
pub(super) fn index_of_weight(
    operator: &Operator,
    rows: usize,
    terms: usize,
    row: usize,
    term: usize,
) -> usize {
    match operator {
        Operator::Conv { window, groups, .. } => {
            let taps = window.kernel[0] * window.kernel[1];
            let group = row / (rows / groups).max(1);
            group * (terms / taps) + term / taps
        }
        _ => term,
    }
}

/// Weights and biases of a layer that takes integers on `grid` for the numbers that they stand for
/// by their index: `Σ w·s_t·(q − zp_t) + b = s·Σ (w·s_t/s)·(q − zp) + (b + Σ w·s_t·(zp − zp_t))`.
pub(super) fn folded(
    operator: &Operator,
    weights: &[f32],
    bias: &[f32],
    parts: &Parts,
    grid: Grid,
) -> (Vec<f32>, Vec<f32>) {
    let Quantisation { scale, zero_point } = grid.quantisation;
    let (rows, terms) = (bias.len(), weights.len() / bias.len().max(1));
    let mut folded = Vec::with_capacity(weights.len());
    let mut offsets = Vec::with_capacity(rows);
    for (row, (line, &bias)) in weights.chunks(terms.max(1)).zip(bias).enumerate() {
        let mut offset = f64::from(bias);
        for (term, &weight) in line.iter().enumerate() {
            let part = parts.each[index_of_weight(operator, rows, terms, row, term)];
            let worth = f64::from(weight) * part.scale;
            folded.push((worth / scale) as f32);
            offset += worth * (zero_point as f64 - part.zero_point as f64);
        }
        offsets.push(offset as f32);
    }
    (folded, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integer::graph::Window;

    fn parts(axis: usize, scales: &[f64]) -> Parts {
        let each = scales.iter().map(|&scale| Quantisation { scale, zero_point: 3 });
        Parts { axis, each: each.collect() }
    }

    /// The sum over real numbers is the sum over integers, whatever stands for zero.
    #[test]
    fn layers_take_scales_into_weights_and_biases() {
        let parts = Parts {
            axis: 1,
            each: vec![
                Quantisation { scale: 0.5, zero_point: 7 },
                Quantisation { scale: 4.0, zero_point: -36_000 },
            ],
        };
        let quantisation = Quantisation { scale: 0.25, zero_point: -2 };
        let grid = Grid { quantisation, minimum: -128, maximum: 127 };
        let window = Window { kernel: [1, 3], ..Window::unit() };
        let conv = |groups, weights: Vec<f32>| {
            let layer = Layer::Real { weights, bias: Vec::new() };
            Operator::Conv { window: window.clone(), groups, layer }
        };
        let integers = [[5.0, -100.0, 31.0], [90.0, 2.0, -128.0]];
        for (groups, weights) in
            [(1, vec![1.0, -2.0, 0.5, 3.0, 0.0, 1.5]), (2, vec![1.0, -2.0, 0.5, 3.0, 0.25, 1.5])]
        {
            let bias = vec![10.0f32; groups];
            let operator = conv(groups, weights.clone());
            let (folded, offsets) = folded(&operator, &weights, &bias, &parts, grid);
            let terms = weights.len() / groups;
            for (row, &offset) in offsets.iter().enumerate() {
                let (mut real, mut integer) = (10.0, f64::from(offset));
                for term in 0..terms {
                    let channel = row + term / 3;
                    let (q, part) = (integers[channel][term % 3], parts.each[channel]);
                    let at = row * terms + term;
                    real += f64::from(weights[at]) * part.scale * (q - part.zero_point as f64);
                    integer += 0.25 * f64::from(folded[at]) * (q + 2.0);
                }
                assert!((real - integer).abs() < 1e-6 * real.abs(), "{real} {integer}");
            }
        }
    }

    #[test]
    fn padding_and_other_dimensions_are_not_absorbed() {
        let layer = || Layer::Real { weights: vec![1.0], bias: vec![0.0] };
        let conv = |pads| Operator::Conv {
            window: Window { pads, ..Window::unit() },
            groups: 1,
            layer: layer(),
        };
        let of = parts(1, &[1.0, 2.0]);
        let shape = [1, 2, 4, 4];
        assert!(absorbs(&conv([0; 4]), &of, 9, &shape));
        assert!(absorbs(&conv([1; 4]), &of, 3, &shape) && !absorbs(&conv([1; 4]), &of, 9, &shape));
        assert!(!absorbs(&conv([0; 4]), &parts(2, &[1.0; 4]), 3, &shape));
        let gemm = Operator::Gemm { layer: layer() };
        assert!(absorbs(&gemm, &of, 9, &[1, 2]) && !absorbs(&gemm, &of, 3, &[1, 2, 4]));
        let file = Layer::Integer { weights: vec![1], scales: vec![1.0], bias: vec![0.0] };
        assert!(!absorbs(&Operator::Gemm { layer: file }, &of, 3, &[1, 2]));
    }
}
