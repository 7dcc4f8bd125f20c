//! Vectors over rows as polynomials in the bits of the row.
//!
//! A vector `a` over `2^k` rows has one multilinear polynomial `â` in `k` variables that agrees
//! with it where each variable is a bit of the row's number, the lowest first. At any point `r` it
//! is the weighted sum `â(r) = Σ_row E[row]·a[row]` with `E[row] = Π_i (r_i or 1 − r_i)`.

use pasta_curves::Fp;

/// `E`: the weight of every row at a point of `k` coordinates, `2^k` of them.
pub fn weights(point: &[Fp]) -> Vec<Fp> {
    let mut weights = vec![Fp::one()];
    for coordinate in point {
        let high: Vec<Fp> = weights.iter().map(|weight| *weight * coordinate).collect();
        weights.iter_mut().zip(&high).for_each(|(low, high)| *low -= high);
        weights.extend(high);
    }
    weights
}

/// `Σ_row weights[row]·values[row]`; the shorter one counts as zero behind its end.
pub fn inner_product(values: &[Fp], weights: &[Fp]) -> Fp {
    values.iter().zip(weights).map(|(value, weight)| *value * weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_select_a_row_and_interpolate_between_rows() {
        let values: Vec<Fp> = (0..8u64).map(|row| Fp::from(row * row + 3)).collect();
        let [zero, one] = [Fp::zero(), Fp::one()];
        for row in 0..8usize {
            let bits: Vec<Fp> =
                [1, 2, 4].iter().map(|bit| if row & bit > 0 { one } else { zero }).collect();
            assert_eq!(inner_product(&values, &weights(&bits)), values[row]);
        }
        // Linear in each variable.
        let at = |middle: Fp| inner_product(&values, &weights(&[Fp::from(5), middle, Fp::from(9)]));
        assert_eq!(at(Fp::from(7)), at(zero) + Fp::from(7) * (at(one) - at(zero)));
    }
}
