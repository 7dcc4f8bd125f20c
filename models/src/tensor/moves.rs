//! Operators that move elements and compute nothing, on tensors of any element: the importer uses
//! them on constants, the interpreter on integers. Arguments have been checked by whoever built the
//! graph.

use ndarray::{ArrayD, Axis, IxDyn, SliceInfoElem};

/// The same elements, in row-major order, in another shape of as many elements.
pub fn reshape<T: Clone>(tensor: &ArrayD<T>, shape: &[usize]) -> ArrayD<T> {
    let elements: Vec<T> = tensor.iter().cloned().collect();
    from_elements(shape, elements)
}

/// Output dimension `i` is input dimension `permutation[i]`.
pub fn transpose<T: Clone>(tensor: &ArrayD<T>, permutation: &[usize]) -> ArrayD<T> {
    let view = tensor.view().permuted_axes(IxDyn(permutation));
    view.as_standard_layout().into_owned()
}

/// `count` elements `start, start + step, …` along one dimension.
pub fn slice<T: Clone>(
    tensor: &ArrayD<T>,
    axis: usize,
    start: usize,
    step: isize,
    count: usize,
) -> ArrayD<T> {
    let indices: Vec<usize> = slice_indices(start, step, count).collect();
    tensor.select(Axis(axis), &indices)
}

/// `count` elements from `start` on along one dimension; beyond its end there is `behind`.
pub fn slice_from<T: Clone>(
    tensor: &ArrayD<T>,
    axis: usize,
    start: usize,
    count: usize,
    behind: T,
) -> ArrayD<T> {
    let length = tensor.shape()[axis];
    let start = start.min(length);
    let inside = count.min(length - start);
    let indices: Vec<usize> = (start..start + inside).collect();
    let taken = tensor.select(Axis(axis), &indices);
    let mut after = vec![0; tensor.ndim()];
    after[axis] = count - inside;
    pad(&taken, &vec![0; tensor.ndim()], &after, behind)
}

/// The indices that a slice reads. The slice lies within its dimension, so none of them wraps.
pub fn slice_indices(start: usize, step: isize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |i| start.wrapping_add_signed(step * i as isize))
}

/// `before[i]` and `after[i]` elements of `value` around dimension `i`.
pub fn pad<T: Clone>(tensor: &ArrayD<T>, before: &[usize], after: &[usize], value: T) -> ArrayD<T> {
    let shape: Vec<usize> =
        (0..tensor.ndim()).map(|axis| before[axis] + tensor.shape()[axis] + after[axis]).collect();
    let mut padded = ArrayD::from_elem(shape, value);
    let centre: Vec<SliceInfoElem> = (0..tensor.ndim())
        .map(|axis| (before[axis]..before[axis] + tensor.shape()[axis]).into())
        .collect();
    padded.slice_mut(centre.as_slice()).assign(tensor);
    padded
}

/// The tensors one after another along a dimension; all their other dimensions agree.
pub fn concat<T: Clone>(tensors: &[&ArrayD<T>], axis: usize) -> ArrayD<T> {
    let mut shape = tensors[0].shape().to_vec();
    shape[axis] = tensors.iter().map(|tensor| tensor.shape()[axis]).sum();
    let outer: usize = shape[..axis].iter().product();
    let mut elements = Vec::with_capacity(shape.iter().product());
    let sources: Vec<_> = tensors.iter().map(|tensor| tensor.as_standard_layout()).collect();
    for index in 0..outer {
        for source in sources.iter().filter_map(|source| source.as_slice()) {
            let run = source.len() / outer;
            elements.extend_from_slice(&source[index * run..][..run]);
        }
    }
    from_elements(&shape, elements)
}

/// A tensor from its elements in row-major order.
///
/// # Panics
/// If there are more or fewer elements than the shape has; callers compute both from one source.
pub(crate) fn from_elements<T>(shape: &[usize], elements: Vec<T>) -> ArrayD<T> {
    let count = elements.len();
    match ArrayD::from_shape_vec(shape, elements) {
        Ok(tensor) => tensor,
        Err(_) => unreachable!("{count} elements made for shape {shape:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(shape: &[usize]) -> ArrayD<i64> {
        from_elements(shape, (0..shape.iter().product::<usize>() as i64).collect())
    }

    fn elements(tensor: &ArrayD<i64>) -> Vec<i64> {
        tensor.iter().copied().collect()
    }

    #[test]
    fn transpose_moves_dimensions() {
        let result = transpose(&counting(&[2, 3]), &[1, 0]);
        assert_eq!(result.shape(), [3, 2]);
        assert_eq!(elements(&result), [0, 3, 1, 4, 2, 5]);
        // Reshape after transpose sees the new row-major order.
        assert_eq!(elements(&reshape(&result, &[6])), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn slice_runs_backwards() {
        let result = slice(&counting(&[2, 5]), 1, 4, -2, 3);
        assert_eq!(elements(&result), [4, 2, 0, 9, 7, 5]);
    }

    #[test]
    fn pad_surrounds() {
        let result = pad(&counting(&[1, 2]), &[1, 0], &[0, 2], 7);
        assert_eq!(result.shape(), [2, 4]);
        assert_eq!(elements(&result), [7, 7, 7, 7, 0, 1, 7, 7]);
    }

    #[test]
    fn concat_along_the_middle() {
        let result = concat(&[&counting(&[2, 1, 2]), &counting(&[2, 2, 2])], 1);
        assert_eq!(result.shape(), [2, 3, 2]);
        assert_eq!(elements(&result), [0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 6, 7]);
    }
}
