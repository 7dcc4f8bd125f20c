//! Softmax and normalisation of rows, on real numbers.

use ndarray::{ArrayD, ArrayViewMut1, Axis};

use crate::tensor::moves::from_elements;

/// Bits of the largest exponential of a softmax over so many elements: what the others lose by
/// rounding is less than a 2048th of their sum, all together.
pub(crate) fn exponential_bits(columns: usize) -> u32 {
    // A circuit has the number of elements in its sums three times, in 62 bits.
    let counted = columns.next_power_of_two().trailing_zeros();
    (10 + counted).max(12).min(45u32.saturating_sub(3 * counted))
}

/// Changes every row, the last dimension being its elements.
fn each_row(
    input: &ArrayD<f64>,
    change: impl FnMut((usize, ArrayViewMut1<'_, f64>)),
) -> ArrayD<f64> {
    let mut result = input.clone();
    let last = Axis(result.ndim().saturating_sub(1));
    result.lanes_mut(last).into_iter().enumerate().for_each(change);
    result
}

/// `e^x / Σ e^x` over what each row sees, 0 elsewhere.
pub(super) fn softmax(input: &ArrayD<f64>, visible: &[bool]) -> ArrayD<f64> {
    each_row(input, |(index, mut row)| {
        let count = row.len();
        let sees = |at: usize| visible.is_empty() || visible[(index * count + at) % visible.len()];
        let seen = row.iter().enumerate().filter(|(at, _)| sees(*at));
        let largest = seen.map(|(_, &x)| x).fold(f64::NEG_INFINITY, f64::max);
        for (at, x) in row.iter_mut().enumerate() {
            *x = if sees(at) { (*x - largest).exp() } else { 0.0 };
        }
        let sum = row.sum();
        row.mapv_inplace(|power| power / sum);
    })
}

/// The largest element of each row that sees any above −∞.
pub(super) fn largest(input: &ArrayD<f64>, visible: &[bool]) -> ArrayD<f64> {
    let last = Axis(input.ndim().saturating_sub(1));
    let rows = input.lanes(last).into_iter().enumerate().map(|(index, row)| {
        let count = row.len();
        let seen = row
            .iter()
            .enumerate()
            .filter(|(at, _)| visible.is_empty() || visible[(index * count + at) % visible.len()]);
        seen.map(|(_, &x)| x).fold(f64::NEG_INFINITY, f64::max)
    });
    let rows: Vec<f64> = rows.filter(|&largest| largest > f64::NEG_INFINITY).collect();
    from_elements(&[rows.len()], rows)
}

/// `factor·d/√(mean d² + epsilon)`; rows of zeros stay what they are.
pub(super) fn normalise(
    input: &ArrayD<f64>,
    centred: bool,
    epsilon: f64,
    factor: f64,
) -> ArrayD<f64> {
    each_row(input, |(_, mut row)| {
        let count = row.len() as f64;
        if centred {
            let mean = row.sum() / count;
            row.mapv_inplace(|x| x - mean);
        }
        let squares: f64 = row.iter().map(|d| d * d).sum();
        let root = (squares / count + epsilon).sqrt();
        if root > 0.0 {
            row.mapv_inplace(|d| factor * d / root);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_normalised_one_by_one() {
        let x = ArrayD::from_shape_vec(vec![2, 2], vec![1.0, 3.0, 0.0, 0.0]).unwrap();
        let y = normalise(&x, true, 3.0, 10.0);
        assert_eq!(y.as_slice(), Some(&[-5.0, 5.0, 0.0, 0.0][..]));
        let y = normalise(&x, false, 0.0, 1.0);
        assert!((y[[0, 1]] - 3.0 / 5f64.sqrt()).abs() < 1e-12 && y[[1, 0]] == 0.0);
        let y = softmax(&x, &[true, true, false, true]);
        let share = 1.0 / (1.0 + 2f64.exp());
        assert!((y[[0, 0]] - share).abs() < 1e-12 && (y.sum() - 2.0).abs() < 1e-12);
        assert_eq!([y[[1, 0]], y[[1, 1]]], [0.0, 1.0]);
    }
}
