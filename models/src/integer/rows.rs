//! What a Softmax or a Normalise can give: less than the intervals of its factors allow.

use super::graph::{Operator, Requantise};
use super::rounding::shift_half_up;

/// The least and the greatest of what the function of a Softmax's or a Normalise's rescaling is
/// applied to; none of other operators.
///
/// Exponentials `e_j` of a row are at least 0 and `e_j·r ≤ e_j·2^b/Σ e ≤ 2^b`. With `v = Σ c² +
/// epsilon` and `s = ⌊√v⌋`, `|c_j|·r ≤ √v·2^b/s < 2^b·(s + 1)/s ≤ 2^b + 2^b/⌊√epsilon⌋`.
pub fn quotients(operator: &Operator) -> Option<[i64; 2]> {
    let (ends, requantise) = match operator {
        Operator::Softmax { reciprocal_bits, requantise, .. } => {
            ([0, 1 << reciprocal_bits], requantise)
        }
        Operator::Normalise { epsilon, reciprocal_bits, requantise, .. } => {
            let whole = 1i64 << reciprocal_bits;
            let reach = whole + whole / epsilon.isqrt();
            ([-reach, reach], requantise)
        }
        _ => return None,
    };
    let Requantise { shift, zero_point, .. } = requantise;
    Some(ends.map(|end| shift_half_up(end, *shift) + zero_point))
}
