//! Operators that put elements in order: ArgMax, ArgMin, TopK. On integers and on real numbers.

use std::cmp::Ordering;

use ndarray::{ArrayD, Axis};

use crate::tensor::moves::from_elements;

/// Most elements times places that are found one after the other.
const MAX_ONE_BY_ONE: usize = 1 << 14;
/// Most lookups of a network.
const MAX_LOOKUPS: usize = 1 << 21;

/// Elements of the runs that a network sorts to find so many places.
pub fn run_length(places: usize) -> usize {
    places.next_power_of_two()
}

/// Whether the first `places` of `length` elements are found by a network: where one after the
/// other takes more lookups.
pub fn is_network(length: usize, places: usize) -> bool {
    length.saturating_mul(places) > MAX_ONE_BY_ONE
        || by_network(length, places) < one_by_one(length, places)
}

/// Whether the first `places` of `length` elements can be found.
pub fn can_be_ordered(length: usize, places: usize) -> bool {
    !is_network(length, places) || by_network(length, places) <= MAX_LOOKUPS
}

/// Lookups of a chain of comparisons for each place, whose losers go on to the next.
fn one_by_one(length: usize, places: usize) -> usize {
    let losers = |places: usize| (0..places).map(|place| length - 1 - place).sum::<usize>();
    losers(places) + losers(places.saturating_sub(1))
}

/// Lookups of sorted runs that are merged two by two: one for each comparison, and one for each key
/// that it keeps.
fn by_network(length: usize, places: usize) -> usize {
    let run = run_length(places);
    let (steps, mut runs) = (run.ilog2() as usize, length.div_ceil(run));
    let sorting =
        |runs: usize, steps: usize| (3 * steps).saturating_mul(runs).saturating_mul(run / 2);
    let mut lookups = sorting(runs, steps * (steps + 1) / 2);
    while runs > 1 {
        lookups = lookups.saturating_add((runs / 2).saturating_mul(2 * run));
        runs = runs.div_ceil(2);
        lookups = lookups.saturating_add(sorting(runs, steps));
    }
    lookups
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_places_are_found_one_after_the_other() {
        // 2 + 1 comparisons and 2 losers.
        assert_eq!(one_by_one(3, 2), 5);
        // Two runs of a pair each, two winners of a merge, and a pair once more.
        assert_eq!(by_network(4, 2), 2 * 3 + 2 * 2 + 3);
        assert!(!is_network(4, 2) && !is_network(8, 8) && !is_network(1000, 1));
        assert!(is_network(28, 28) && is_network(46, 16) && is_network(525, 300));
        assert_eq!((one_by_one(525, 300), by_network(525, 300)), (224_475, 77_056));
    }

    #[test]
    fn an_order_of_very_many_is_refused() {
        assert!(can_be_ordered(1 << 20, 1));
        assert!(can_be_ordered(1000, 1000));
        assert!(!can_be_ordered(1 << 17, 129));
        assert!(!can_be_ordered(usize::MAX, usize::MAX >> 2));
    }
}
