//! Work on disjoint parts of data: on all cores with the feature `parallel`, one after the other
//! without it. Results are the same.

/// Calls `work` with every chunk of `size` values (the last may be shorter) and its index.
pub(crate) fn for_each_chunk<T: Send>(
    values: &mut [T],
    size: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let size = size.max(1);
    #[cfg(feature = "parallel")]
    if values.len() > size {
        use rayon::prelude::*;
        return values
            .par_chunks_mut(size)
            .enumerate()
            .for_each(|(index, chunk)| work(index, chunk));
    }
    values.chunks_mut(size).enumerate().for_each(|(index, chunk)| work(index, chunk));
}

/// Does both.
pub(crate) fn join<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "parallel")]
    return rayon::join(a, b);
    #[cfg(not(feature = "parallel"))]
    (a(), b())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_met_once_with_the_index_of_its_chunk() {
        for count in [0, 1, 7, 8, 9, 1000] {
            let mut values = vec![1usize; count];
            for_each_chunk(&mut values, 8, |index, chunk| {
                chunk.iter_mut().for_each(|value| *value += index)
            });
            assert!(values.iter().enumerate().all(|(at, &value)| value == 1 + at / 8));
        }
    }
}
