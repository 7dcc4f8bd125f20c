//! Products of stacks of matrices.

use ndarray::{Array2, ArrayD, ArrayView2, Axis, Ix2, LinalgScalar};

use super::moves::{from_elements, reshape};

/// `Σ_t a[.., m, t]·b[.., t, n]`; the dimensions before are the same in both, as whoever built the
/// graph has checked.
pub(crate) fn product<T: LinalgScalar>(a: &ArrayD<T>, b: &ArrayD<T>) -> ArrayD<T> {
    stacked(a, b, |left, right| left.dot(&right))
}

/// The same where the rows of the first hold at most a 1 beside zeros: the rows of the second that
/// they choose, be there infinite numbers in others.
pub(crate) fn chosen(a: &ArrayD<f64>, b: &ArrayD<f64>) -> ArrayD<f64> {
    stacked(a, b, |left, right| {
        let mut rows = Array2::zeros((left.nrows(), right.ncols()));
        for (mut row, ones) in rows.rows_mut().into_iter().zip(left.rows()) {
            if let Some(place) = ones.iter().position(|&one| one != 0.0) {
                row.assign(&right.row(place));
            }
        }
        rows
    })
}

fn stacked<T: LinalgScalar>(
    a: &ArrayD<T>,
    b: &ArrayD<T>,
    multiply: impl Fn(ArrayView2<'_, T>, ArrayView2<'_, T>) -> Array2<T>,
) -> ArrayD<T> {
    let ([batches @ .., rows, terms], [.., columns]) = (a.shape(), b.shape()) else {
        return ArrayD::zeros(a.shape());
    };
    let count = batches.iter().product();
    let (left, right) =
        (reshape(a, &[count, *rows, *terms]), reshape(b, &[count, *terms, *columns]));
    let mut elements = Vec::with_capacity(count * rows * columns);
    for (left, right) in left.axis_iter(Axis(0)).zip(right.axis_iter(Axis(0))) {
        if let (Ok(left), Ok(right)) =
            (left.into_dimensionality::<Ix2>(), right.into_dimensionality::<Ix2>())
        {
            elements.extend(multiply(left, right));
        }
    }
    from_elements(&[batches, &[*rows, *columns]].concat(), elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_product_for_each_index_of_the_dimensions_before() {
        let a = from_elements(&[2, 1, 1, 3], vec![1, 2, 3, 4, 5, 6]);
        let b = from_elements(&[2, 1, 3, 2], (1..=12).collect());
        assert_eq!(product(&a, &b), from_elements(&[2, 1, 1, 2], vec![22, 28, 139, 154]));
    }
}
