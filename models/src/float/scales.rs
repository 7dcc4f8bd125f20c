//! Scales by index: which operators keep them with their elements, and along which dimension.

use super::graph::Operator;
use crate::integer::graph::{Parts, Quantisation};
use crate::tensor::moves::slice_indices;

/// The scales of an operator's result, if its integers are those of an operand with scales by
/// index, and each stands for the same number still. `zero` is the operand's zero point.
pub(crate) fn carried(
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
            let each =
                edge(before[axis]).chain(parts.each.iter().copied()).chain(edge(after[axis]));
            Some(Parts { axis, each: each.collect() })
        }
        _ => None,
    }
}

/// Whether every index has this zero point.
pub(crate) fn share_zero(parts: &Parts, zero: i64) -> bool {
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
pub(crate) fn joined<'a>(
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
        let pad =
            |value| Operator::Pad { before: vec![0, 1, 0, 0], after: vec![0, 0, 0, 2], value };
        let padded = carried(&pad(0.0), &of, zero, &from, &[1, 4, 2, 7]).unwrap();
        assert_eq!(scales(&padded, &[1, 4, 1, 1])[1..], [1.0, 2.0, 4.0]);
        assert_eq!(
            carried(&pad(0.0), &of, 2, &from, &[1, 4, 2, 7]),
            None,
            "zero is another integer"
        );
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
}
