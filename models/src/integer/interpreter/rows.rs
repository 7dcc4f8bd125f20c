//! Softmax and Normalise: operators on rows, the last dimension.

use ndarray::{ArrayD, ArrayViewMut1, Axis};

/// Changes every row.
fn each_row(
    input: &ArrayD<i64>,
    change: impl FnMut((usize, ArrayViewMut1<'_, i64>)),
) -> ArrayD<i64> {
    let mut z = input.clone();
    let last = Axis(z.ndim().saturating_sub(1));
    z.lanes_mut(last).into_iter().enumerate().for_each(change);
    z
}

/// `e_j·⌊2^reciprocal_bits / Σ e⌋`.
pub(super) struct Softmax<'a> {
    pub(super) exponentials: &'a [i64],
    pub(super) reciprocal_bits: u32,
}

impl Softmax<'_> {
    pub(super) fn of(&self, scores: &ArrayD<i64>, visible: &[bool]) -> ArrayD<i64> {
        let columns = scores.shape().last().copied().unwrap_or(1);
        let last = self.exponentials.len() as i64 - 1;
        each_row(scores, |(row, mut scores)| {
            let sees = |column: usize| {
                visible.is_empty() || visible[(row * columns + column) % visible.len()]
            };
            let seen = scores.iter().enumerate().filter(|(column, _)| sees(*column));
            let largest = seen.map(|(_, score)| *score).max().unwrap_or(0);
            for (column, score) in scores.iter_mut().enumerate() {
                let distance = (largest - *score).min(last);
                *score = if sees(column) { self.exponentials[distance as usize] } else { 0 };
            }
            let reciprocal = (1 << self.reciprocal_bits) / scores.sum();
            scores.mapv_inplace(|exponential| exponential * reciprocal);
        })
    }
}

/// `c_j·⌊2^reciprocal_bits / √(Σ c² + epsilon)⌋`.
pub(super) struct Normalise {
    pub(super) centred: bool,
    pub(super) multiplier: i64,
    pub(super) epsilon: i64,
    pub(super) reciprocal_bits: u32,
}

impl Normalise {
    pub(super) fn of(&self, input: &ArrayD<i64>) -> ArrayD<i64> {
        each_row(input, |(_, mut row)| {
            if self.centred {
                let (count, sum) = (row.len() as i64, row.sum());
                row.mapv_inplace(|x| count * x - sum);
            }
            row *= self.multiplier;
            let squares: i64 = row.iter().map(|c| c * c).sum();
            let root = (squares + self.epsilon).isqrt();
            row *= (1 << self.reciprocal_bits) / root;
        })
    }
}
