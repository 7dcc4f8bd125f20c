//! Elements, points and integers as the words that shaders read.

use std::sync::LazyLock;

use ff::{Field, PrimeField};
use pasta_curves::arithmetic::CurveExt;
use pasta_curves::{Eq, EqAffine, Fp, Fq};

use crate::msm::affine::Point;

/// Words of an element.
pub const ELEMENT: usize = 8;
/// Words of a base: affine coordinates.
pub const BASE: usize = 2 * ELEMENT;
/// Words of a sum: `X`, `Y`, `ZZ`, `ZZZ`.
pub const SUM: usize = 4 * ELEMENT;

/// `2^256` and its inverse.
static RADIX: LazyLock<[Fq; 2]> = LazyLock::new(|| {
    let radix = Fq::from(2).pow([256]);
    [radix, radix.invert().unwrap_or(Fq::ZERO)]
});

fn words(bytes: &[u8; 32]) -> [u32; ELEMENT] {
    let mut words = [0; ELEMENT];
    words
        .iter_mut()
        .zip(bytes.as_chunks().0)
        .for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
    words
}

/// An element's Montgomery form.
pub fn to_device(element: &Fq) -> [u32; ELEMENT] {
    words(&(*element * RADIX[0]).to_repr())
}

/// The element with this Montgomery form; none if it is not canonical.
pub fn from_device(words: &[u32]) -> Option<Fq> {
    let mut bytes = [0; 32];
    bytes
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip(words)
        .for_each(|(bytes, word)| *bytes = word.to_le_bytes());
    Option::<Fq>::from(Fq::from_repr(bytes)).map(|element| element * RADIX[1])
}

/// A base.
pub fn base(point: &EqAffine) -> [u32; BASE] {
    let Point { x, y } = Point::from(point);
    let mut words = [0; BASE];
    words[..ELEMENT].copy_from_slice(&to_device(&x));
    words[ELEMENT..].copy_from_slice(&to_device(&y));
    words
}

/// The point of a base; none if it is not on the curve.
pub fn to_affine(words: &[u32]) -> Option<EqAffine> {
    let (x, y) = (from_device(words.get(..ELEMENT)?)?, from_device(words.get(ELEMENT..BASE)?)?);
    let on_curve = y.square() == x.square() * x + Eq::b() || (x, y) == (Fq::ZERO, Fq::ZERO);
    on_curve.then(|| Point { x, y }.into())
}

/// The point of a sum; none if it is not on the curve, which a device that works never makes it.
pub fn to_point(words: &[u32]) -> Option<Eq> {
    let element = |i: usize| from_device(words.get(i * ELEMENT..(i + 1) * ELEMENT)?);
    let [x, y, zz, zzz] = [element(0)?, element(1)?, element(2)?, element(3)?];
    // x = X/ZZ and y = Y/ZZZ over Z = ZZ·ZZZ.
    let square = zzz.square();
    Eq::new_jacobian(x * zz * square, y * zz.square() * zz * square, zz * zzz).into()
}

/// A scalar below half the words' range.
pub fn scalar(element: &Fp) -> [u32; ELEMENT] {
    words(&element.to_repr())
}

/// An exponent of elements.
pub fn exponent(value: &Fq) -> [u32; ELEMENT] {
    words(&value.to_repr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use group::{Curve, Group};

    #[test]
    fn words_and_back() {
        let point = (Eq::generator() * Fp::from(77)).to_affine();
        assert_eq!(to_affine(&base(&point)), Some(point));
        assert_eq!(to_affine(&base(&EqAffine::default())), Some(EqAffine::default()));
        assert_eq!(to_affine(&[1; BASE]), None, "not on the curve");
        let one = to_device(&Fq::ONE);
        let sum = [base(&point).as_slice(), &one, &one].concat();
        assert_eq!(to_point(&sum), Some(point.into()));
        assert_eq!(to_point(&[0; SUM]), Some(Eq::identity()));
        assert_eq!(to_point(&[u32::MAX; SUM]), None, "not canonical");
        assert_eq!(to_point(&[1; SUM]), None, "not on the curve");
    }
}
