//! Small integers in the field.

use pasta_curves::Fp;

/// An integer as an element of the scalar field.
pub fn integer(value: i64) -> Fp {
    let magnitude = Fp::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// `1, base, base², …`, `count` of them.
pub(crate) fn powers(base: Fp, count: usize) -> Vec<Fp> {
    std::iter::successors(Some(Fp::one()), |power| Some(*power * base)).take(count).collect()
}
