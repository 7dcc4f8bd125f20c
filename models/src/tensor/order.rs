//! Operators that put elements in order: ArgMax, ArgMin, TopK. On integers and on real numbers.

use std::cmp::Ordering;

use ndarray::{ArrayD, Axis};

use crate::tensor::moves::from_elements;

/// An element that can stand for an index too.
pub(crate) trait Element: Copy + Default + PartialOrd {
    /// An index as an element.
    fn index(index: usize) -> Self;
}

impl Element for i64 {
    fn index(index: usize) -> Self {
        index as Self
    }
}

impl Element for f64 {
    fn index(index: usize) -> Self {
        index as Self
    }
}

/// Falling, or with `smallest` rising order.
fn order<T: Element>(a: T, b: T, smallest: bool) -> Ordering {
    let rising = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    if smallest { rising } else { rising.reverse() }
}

/// Index of the largest (or smallest) element along `axis`.
pub(crate) fn arg_max<T: Element>(
    input: &ArrayD<T>,
    axis: usize,
    select_last: bool,
    smallest: bool,
    shape: &[usize],
) -> ArrayD<i64> {
    let indices = input.lanes(Axis(axis)).into_iter().map(|lane| {
        let mut best = 0;
        for (index, &element) in lane.iter().enumerate() {
            let ahead = order(element, lane[best], smallest);
            if ahead == Ordering::Less || (select_last && ahead == Ordering::Equal) {
                best = index;
            }
        }
        best as i64
    });
    from_elements(shape, indices.collect())
}

/// The first elements of each lane in falling (or rising) order, or their indices; equal ones in
/// their own order.
pub(crate) fn top<T: Element>(
    input: &ArrayD<T>,
    axis: usize,
    smallest: bool,
    indices: bool,
    shape: &[usize],
) -> ArrayD<T> {
    let mut result = ArrayD::from_elem(shape, T::default());
    let lanes = input.lanes(Axis(axis)).into_iter().zip(result.lanes_mut(Axis(axis)));
    for (lane, mut best) in lanes {
        let mut places: Vec<usize> = (0..lane.len()).collect();
        places.sort_by(|&i, &j| order(lane[i], lane[j], smallest));
        for (place, &index) in best.iter_mut().zip(&places) {
            *place = if indices { T::index(index) } else { lane[index] };
        }
    }
    result
}
