//! What the numbers of a value range over.

use serde::{Deserialize, Serialize};

/// The smallest and largest element that a value takes, zero included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// At most zero.
    pub minimum: f32,
    /// At least zero.
    pub maximum: f32,
}

/// A number in single precision, the largest of which stands for those beyond: two masks that are
/// added up are no more infinite than one.
pub(super) fn single(x: f64) -> f32 {
    if x.is_finite() { x.clamp(f32::MIN.into(), f32::MAX.into()) as f32 } else { x as f32 }
}

impl Range {
    /// The range of nothing but zero.
    pub const ZERO: Self = Self { minimum: 0.0, maximum: 0.0 };

    /// Whether both ends are.
    pub fn is_finite(self) -> bool {
        self.minimum.is_finite() && self.maximum.is_finite()
    }

    /// The range that also covers another.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { minimum: self.minimum.min(other.minimum), maximum: self.maximum.max(other.maximum) }
    }

    /// The range that also covers the elements.
    #[must_use]
    pub fn including(self, elements: impl Iterator<Item = f32>) -> Self {
        elements.fold(self, |range, x| Self {
            minimum: range.minimum.min(x),
            maximum: range.maximum.max(x),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finite_stays_so() {
        assert_eq!([single(-1e39), single(1e39), single(0.5)], [f32::MIN, f32::MAX, 0.5]);
        assert_eq!(single(f64::NEG_INFINITY), f32::NEG_INFINITY);
    }

    #[test]
    fn ranges_include_zero() {
        let range = Range::ZERO.including([2.0, 3.0].into_iter());
        assert_eq!((range.minimum, range.maximum), (0.0, 3.0));
    }
}
