//! Slices in pieces of a length that compilers know.

/// The whole arrays of a slice, and what is left: `slice::as_chunks`, which compilers before 1.88
/// lack.
pub(crate) fn arrays<T, const N: usize>(slice: &[T]) -> (impl Iterator<Item = &[T; N]>, &[T]) {
    let chunks = slice.chunks_exact(N);
    let rest = chunks.remainder();
    (chunks.filter_map(|chunk| chunk.try_into().ok()), rest)
}
