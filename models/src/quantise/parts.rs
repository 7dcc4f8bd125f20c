//! Scales by index: where operators take them, and what a layer that reads them has for weights.

use crate::float::graph::Operator;
use crate::float::layer::Layer;
use crate::integer::graph::{Parts, Quantisation};
use crate::integer::signature::Grid;
use crate::tensor::moves::slice_indices;

/// The scales of an operator's result, if its integers are those of an operand with scales by
/// index, and each stands for the same number still. `zero` is the operand's zero point.
pub(super) fn carried(
    operator: &Operator,
    parts: &Parts,
    zero: i64,
    from: &[usize],
    to: &[usize],
) -> Option<Parts> {
    let axis = parts.axis;
    match operator {
        Operator::Reshape => reshaped(parts, from, to),
        Operator::Transpose { permutation } => {
            let axis = permutation.iter().position(|&source| source == axis)?;
            Some(Parts { axis, each: parts.each.clone() })
        }
        &Operator::Slice { axis: cut, start, step } if cut == axis => {
            let indices = slice_indices(start, step, to[axis]);
            Some(Parts { axis, each: indices.map(|index| parts.each[index]).collect() })
        }
        Operator::Slice { .. } => Some(parts.clone()),
        // A maximum within each channel.
        Operator::MaxPool { .. } => (axis == 1).then(|| parts.clone()),
        // Zero is one integer for all.
        Operator::Pad { before, after, value } if *value == 0.0 && share_zero(parts, zero) => {
            let edge = |count: usize| std::iter::repeat_n(parts.each[0], count);
            let each = edge(before[axis]).chain(parts.each.iter().copied()).chain(edge(after[axis]));
            Some(Parts { axis, each: each.collect() })
        }
        _ => None,
    }
}

/// Whether every index has this zero point.
pub(super) fn share_zero(parts: &Parts, zero: i64) -> bool {
    parts.each.iter().all(|part| part.zero_point == zero)
}

/// Along the dimension of the new shape whose index says the old one, if there is one.
fn reshaped(parts: &Parts, from: &[usize], to: &[usize]) -> Option<Parts> {
    let old = parts.each.len();
    let inner: usize = from[parts.axis + 1..].iter().product();
    let mut rest: usize = to.iter().product();
    for (axis, &length) in to.iter().enumerate() {
        let period = rest;
        rest /= length.max(1);
        // Element `e` has old index `e / inner % old` and new index `e / rest % length`.
        if inner.is_multiple_of(rest) && period.is_multiple_of(inner * old) {
            let each = (0..length).map(|index| parts.each[index / (inner / rest) % old]).collect();
            return Some(Parts { axis, each });
        }
    }
    None
}

/// What tensors with scales of their own have when they are joined along a dimension: a scale for
/// each index of it, or their own where these are the same along another.
pub(super) fn joined<'a>(
    axis: usize,
    operands: impl Iterator<Item = (Quantisation, Option<&'a Parts>, &'a [usize])>,
) -> Option<Parts> {
    let operands: Vec<_> = operands.collect();
    if let Some((_, Some(first), _)) = operands.first()
        && first.axis != axis
    {
        let same = operands.iter().all(|(_, parts, _)| *parts == Some(first));
        return same.then(|| (*first).clone());
    }
    let mut each = Vec::new();
    for (quantisation, parts, shape) in operands {
        match parts {
            Some(parts) if parts.axis != axis => return None,
            Some(parts) => each.extend_from_slice(&parts.each),
            None => each.extend(std::iter::repeat_n(quantisation, shape[axis])),
        }
    }
    Some(Parts { axis, each })
}

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

    /// The scale of each element of a shape.
    fn scales(parts: &Parts, shape: &[usize]) -> Vec<f64> {
        let inner: usize = shape[parts.axis + 1..].iter().product();
        let count = shape.iter().product();
        (0..count).map(|e| parts.each[e / inner % parts.each.len()].scale).collect()
    }

    #[test]
    fn a_reshape_keeps_every_elements_scale_or_has_none() {
        let of = parts(1, &[1.0, 2.0, 4.0]);
        for (from, to, along) in [
            (&[1, 3, 2, 2][..], &[1, 12][..], Some(1)),
            (&[1, 3, 2, 2], &[3, 4], Some(0)),
            (&[1, 3, 4], &[1, 3, 2, 2], Some(1)),
            (&[1, 3, 4], &[1, 6, 2], Some(1)),
            (&[2, 3, 4], &[6, 4], Some(0)),
            (&[2, 3, 4], &[24], Some(0)),
            (&[1, 3, 4], &[4, 3], None),
            (&[1, 3], &[1, 1, 3, 1], Some(2)),
        ] {
            let found = carried(&Operator::Reshape, &of, 3, from, to);
            assert_eq!(found.as_ref().map(|parts| parts.axis), along, "{from:?} to {to:?}");
            if let Some(found) = found {
                assert_eq!(found.each.len(), to[found.axis]);
                assert_eq!(scales(&found, to), scales(&of, from), "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn views_move_scales_with_their_elements() {
        let of = parts(1, &[1.0, 2.0, 4.0]);
        let (from, zero) = ([1, 3, 2, 5], 3);
        let transpose = Operator::Transpose { permutation: vec![0, 2, 3, 1] };
        let moved = carried(&transpose, &of, zero, &from, &[1, 2, 5, 3]).unwrap();
        assert_eq!((moved.axis, &moved.each), (3, &of.each));
        let slice = |axis, start, step| Operator::Slice { axis, start, step };
        let cut = carried(&slice(1, 2, -1), &of, zero, &from, &[1, 2, 2, 5]).unwrap();
        assert_eq!(scales(&cut, &[1, 2, 1, 1]), [4.0, 2.0]);
        assert_eq!(carried(&slice(3, 0, 1), &of, zero, &from, &[1, 3, 2, 1]), Some(of.clone()));
        let pool = Operator::MaxPool { window: Window::unit() };
        assert_eq!(carried(&pool, &of, zero, &from, &from), Some(of.clone()));
        let columns = parts(3, &[1.0; 5]);
        assert_eq!(carried(&pool, &columns, zero, &from, &from), None);
        let pad = |value| Operator::Pad {
            before: vec![0, 1, 0, 0],
            after: vec![0, 0, 0, 2],
            value,
        };
        let padded = carried(&pad(0.0), &of, zero, &from, &[1, 4, 2, 7]).unwrap();
        assert_eq!(scales(&padded, &[1, 4, 1, 1])[1..], [1.0, 2.0, 4.0]);
        assert_eq!(carried(&pad(0.0), &of, 2, &from, &[1, 4, 2, 7]), None, "zero is another integer");
        assert_eq!(carried(&pad(1.0), &of, zero, &from, &[1, 4, 2, 7]), None);
        let top = Operator::TopK { axis: 3, smallest: false, indices: false };
        assert_eq!(carried(&top, &of, zero, &from, &[1, 3, 2, 1]), None);
    }

    #[test]
    fn what_is_joined_has_a_scale_for_each_index() {
        let plain = Quantisation { scale: 8.0, zero_point: -1 };
        let of = parts(1, &[1.0, 2.0]);
        let shapes: [&[usize]; 2] = [&[1, 2, 4], &[1, 3, 4]];
        let join = |axis, parts: [Option<&Parts>; 2]| {
            joined(axis, parts.into_iter().zip(shapes).map(|(parts, shape)| (plain, parts, shape)))
        };
        let along = join(1, [Some(&of), None]).unwrap();
        assert_eq!(along.each[..2], of.each);
        assert_eq!(along.each[2..], [plain; 3]);
        assert_eq!(join(2, [Some(&of), Some(&of)]), Some(of.clone()));
        assert_eq!(join(2, [Some(&of), None]), None);
        assert_eq!(join(2, [None, Some(&of)]), None);
        assert_eq!(join(2, [Some(&of), Some(&parts(1, &[1.0, 3.0]))]), None);
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
        for (groups, weights) in [
            (1, vec![1.0, -2.0, 0.5, 3.0, 0.0, 1.5]),
            (2, vec![1.0, -2.0, 0.5, 3.0, 0.25, 1.5]),
        ] {
            let bias = vec![10.0f32; groups];
            let operator = conv(groups, weights.clone());
            let (folded, offsets) = folded(&operator, &weights, &bias, &parts, grid);
            let terms = weights.len() / groups;
            for row in 0..groups {
                let (mut real, mut integer) = (10.0, f64::from(offsets[row]));
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
