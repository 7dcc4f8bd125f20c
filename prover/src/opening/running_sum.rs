//! The running sum `S` of what is opened.

use ff::Field;
use pasta_curves::Fp;

/// The running sum `S` of both columns' products with their row weights, up to and in the boundary
/// row, behind which `random` follows.
pub fn running_sum(
    columns: [&[Fp]; 2],
    weights: &[Vec<Fp>; 2],
    boundary: usize,
    random: &[Fp],
) -> Vec<Fp> {
    let mut sum = Fp::ZERO;
    let mut values = vec![sum];
    for row in 0..boundary {
        let products = columns
            .iter()
            .zip(weights)
            .filter_map(|(column, weights)| Some(*column.get(row)? * weights.get(row)?));
        sum += products.sum::<Fp>();
        values.push(sum);
    }
    values.extend(random);
    values
}
