//! Moving elements: what a [`View`](crate::circuit::description::View) does to values, and what its
//! transpose does to cotangents.

use crate::circuit::description::ViewKind;

/// For each element of the result, which element of the single input it is; `None` is padding.
///
/// Every view but concatenation is separable: the offset into the input is a sum of one offset per
/// output dimension.
fn sources(kind: &ViewKind, input: &[usize], output: &[usize]) -> Vec<Option<usize>> {
    let offsets = offsets(kind, input, output);
    offsets.iter().fold(vec![Some(0)], |prefixes, dimension| {
        prefixes
            .iter()
            .flat_map(|&prefix| {
                dimension.iter().map(move |&offset| {
                    prefix.zip(offset).map(|(a, b): (usize, usize)| a.saturating_add(b))
                })
            })
            .collect()
    })
}

/// The offsets along each dimension of the output.
fn offsets(kind: &ViewKind, input: &[usize], output: &[usize]) -> Vec<Vec<Option<usize>>> {
    let strides = strides(input);
    let along = |stride: usize, count: usize| {
        (0..count).map(|i| Some(i.saturating_mul(stride))).collect::<Vec<_>>()
    };
    match kind {
        ViewKind::Reshape(_) | ViewKind::Concat(_) => vec![along(1, output.iter().product())],
        ViewKind::Transpose(permutation) => permutation
            .iter()
            .zip(output)
            .map(|(&from, &count)| along(strides.get(from).copied().unwrap_or(0), count))
            .collect(),
        ViewKind::Slice { axis, start, step, .. } => output
            .iter()
            .zip(&strides)
            .enumerate()
            .map(|(dimension, (&count, &stride))| {
                if dimension != *axis {
                    return along(stride, count);
                }
                let first = i64::try_from(*start).ok();
                let at = |i: i64| {
                    usize::try_from(i.checked_mul(*step)?.checked_add(first?)?)
                        .ok()?
                        .checked_mul(stride)
                };
                (0i64..).take(count).map(at).collect()
            })
            .collect(),
        ViewKind::Pad { before, .. } => output
            .iter()
            .zip(input)
            .zip(&strides)
            .zip(before)
            .map(|(((&count, &size), &stride), &skip)| {
                (0..count)
                    .map(|i| {
                        i.checked_sub(skip)
                            .filter(|&at| at < size)
                            .map(|at| at.saturating_mul(stride))
                    })
                    .collect()
            })
            .collect(),
    }
}

/// Elements between neighbours along each dimension of a row-major tensor.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides: Vec<usize> = shape
        .iter()
        .rev()
        .scan(1usize, |stride, &size| {
            let here = *stride;
            *stride = stride.saturating_mul(size);
            Some(here)
        })
        .collect();
    strides.reverse();
    strides
}

/// Length of the contiguous run that one input contributes to a concatenation along `axis`.
fn run(shape: &[usize], axis: usize) -> usize {
    shape.iter().skip(axis).product()
}

/// The view's values: `inputs` are shapes and row-major elements, `output` the result's shape.
pub fn gather<T: Copy>(
    kind: &ViewKind,
    inputs: &[(&[usize], &[T])],
    output: &[usize],
    padding: T,
) -> Vec<T> {
    if let ViewKind::Concat(axis) = kind {
        let outer: usize = output.iter().take(*axis).product();
        let mut parts: Vec<_> =
            inputs.iter().map(|(shape, values)| values.chunks(run(shape, *axis).max(1))).collect();
        return (0..outer)
            .flat_map(|_| {
                parts.iter_mut().filter_map(Iterator::next).flatten().copied().collect::<Vec<_>>()
            })
            .collect();
    }
    let Some(&(shape, values)) = inputs.first() else { return Vec::new() };
    sources(kind, shape, output)
        .into_iter()
        .map(|source| source.and_then(|at| values.get(at).copied()).unwrap_or(padding))
        .collect()
}

/// The transpose of [`gather`]: adds each element of `cotangent` that came from input `index` to
/// the one it came from, and to `padding` what fell on padding. What came from others is left.
#[allow(clippy::arithmetic_side_effects, reason = "T is a field, or small integers in tests")]
pub fn scatter<T: Copy + core::ops::AddAssign>(
    kind: &ViewKind,
    inputs: &[&[usize]],
    index: usize,
    output: &[usize],
    cotangent: &[T],
    (values, padding): (&mut [T], &mut T),
) {
    if let ViewKind::Concat(axis) = kind {
        let lengths = || inputs.iter().map(|shape| run(shape, *axis));
        let (skipped, length) =
            (lengths().take(index).sum::<usize>(), lengths().nth(index).unwrap_or(0));
        let blocks = cotangent.chunks(lengths().sum::<usize>().max(1));
        for (to, block) in values.chunks_mut(length.max(1)).zip(blocks) {
            to.iter_mut().zip(block.iter().skip(skipped)).for_each(|(to, from)| *to += *from);
        }
        return;
    }
    let Some(shape) = inputs.get(index) else { return };
    for (source, &value) in sources(kind, shape, output).into_iter().zip(cotangent) {
        match source.and_then(|at| values.get_mut(at)) {
            Some(to) => *to += value,
            None => *padding += value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ViewKind, shape: &[usize], output: &[usize], expected: &[i64]) {
        let values: Vec<i64> = (1..).take(shape.iter().product()).collect();
        assert_eq!(gather(&kind, &[(shape, &values)], output, -7), expected);
        // <gather(x), g> = <x, scatter(g)> + padding part: the defining property of a transpose.
        let cotangent: Vec<i64> = (0..expected.len() as i64).map(|i| i * i + 3).collect();
        let (mut back, mut padding) = (vec![0; values.len()], 0);
        scatter(&kind, &[shape], 0, output, &cotangent, (&mut back, &mut padding));
        let left: i64 = expected.iter().zip(&cotangent).map(|(a, b)| a * b).sum();
        let right: i64 = back.iter().zip(&values).map(|(a, b)| a * b).sum();
        assert_eq!(left, right - 7 * padding);
    }

    #[test]
    fn views_and_their_transposes() {
        check(ViewKind::Reshape(vec![3, 2]), &[2, 3], &[3, 2], &[1, 2, 3, 4, 5, 6]);
        check(ViewKind::Transpose(vec![1, 0]), &[2, 3], &[3, 2], &[1, 4, 2, 5, 3, 6]);
        check(
            ViewKind::Slice { axis: 1, start: 2, step: -2, count: 2 },
            &[2, 3],
            &[2, 2],
            &[3, 1, 6, 4],
        );
        let pad = ViewKind::Pad { before: vec![0, 1], after: vec![1, 0], value: -7 };
        check(pad, &[1, 2], &[2, 3], &[-7, 1, 2, -7, -7, -7]);
    }

    #[test]
    fn concatenation_interleaves_blocks() {
        let (a, b) = ([1, 2, 3, 4], [5, 6]);
        let shapes: [&[usize]; 2] = [&[2, 2], &[2, 1]];
        let joined =
            gather(&ViewKind::Concat(1), &[(shapes[0], &a[..]), (shapes[1], &b[..])], &[2, 3], 0);
        assert_eq!(joined, [1, 2, 5, 3, 4, 6]);
        for (index, part) in [&a[..], &b].into_iter().enumerate() {
            let mut back = vec![100; part.len()];
            let kind = ViewKind::Concat(1);
            scatter(&kind, &shapes, index, &[2, 3], &joined, (&mut back, &mut 0));
            assert_eq!(back, part.iter().map(|value| 100 + value).collect::<Vec<_>>());
        }
    }
}
