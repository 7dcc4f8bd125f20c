/// Digests of `Params::<EqAffine>::new(k)` for `k` from [`crate::MIN_K`] to [`crate::MAX_K`].
const PINNED: [[u8; 32]; 12] = [[0; 32]; 12];
