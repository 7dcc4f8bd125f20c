//! How large elements of rows may be whose squares are added up.

/// Sums of squares, and products of a reciprocal, stay below.
pub(super) const LIMIT: f64 = (1u64 << 59) as f64;

/// The largest size of an element of rows that a Normalise has room for: a circuit sees `N·x` and
/// `Σ x` of those that are centred.
pub(super) fn room(columns: usize, centred: bool) -> f64 {
    let columns = columns as f64;
    let unit = if centred { 2.0 * columns } else { 1.0 };
    ((LIMIT / columns).sqrt() / unit).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_of_the_largest_elements_fit() {
        for columns in [1, 16, 384, 576, 1 << 14] {
            for centred in [false, true] {
                let unit = if centred { 2.0 * columns as f64 } else { 1.0 };
                let sum = |size: f64| columns as f64 * (unit * size).powi(2);
                let most = room(columns, centred);
                assert!(sum(most) <= LIMIT && sum(most + 1.0) > LIMIT, "{columns} {centred}");
            }
        }
    }
}
