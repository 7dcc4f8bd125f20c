//! Intervals of integers, and linear forms over them whose bounds cannot overflow without being
//! noticed.
//!
//! A bound that saturated on its way and came back would be too small for what it bounds, and a
//! field equation would no longer be one of integers. So every step of a [`Bounds`] is checked, not
//! only its end.

/// Bound on the size of any integer in the circuit.
const LIMIT: u64 = 1 << 62;

/// Integers from `minimum` to `maximum`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Smallest.
    pub minimum: i64,
    /// Largest.
    pub maximum: i64,
}

impl Interval {
    /// The interval, if it is not empty and inside `±2^62`.
    pub fn new(minimum: i64, maximum: i64) -> Option<Self> {
        let small = minimum.unsigned_abs() < LIMIT && maximum.unsigned_abs() < LIMIT;
        (small && minimum <= maximum).then_some(Self { minimum, maximum })
    }

    /// Number of integers, at least 1.
    #[allow(clippy::arithmetic_side_effects, reason = "65 bits in 128")]
    pub fn count(&self) -> i128 {
        i128::from(self.maximum.abs_diff(self.minimum)) + 1
    }

    /// The smallest interval with both.
    pub fn union(self, other: Self) -> Self {
        Self { minimum: self.minimum.min(other.minimum), maximum: self.maximum.max(other.maximum) }
    }

    /// The smallest interval with it and `value`.
    pub fn with(self, value: i64) -> Self {
        self.union(Self { minimum: value, maximum: value })
    }

    /// The smallest interval with all values; none of none.
    pub fn of(values: &[i64]) -> Option<Self> {
        let (minimum, maximum) = (values.iter().min()?, values.iter().max()?);
        Some(Self { minimum: *minimum, maximum: *maximum })
    }

    /// `⌊x / 2^shift⌋` of all its elements.
    pub fn shifted(self, shift: u32) -> Self {
        let shift = shift.min(63);
        Self { minimum: self.minimum >> shift, maximum: self.maximum >> shift }
    }
}

/// What a linear form under construction lies in: 128 bits, and none as soon as one step leaves
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    minimum: i128,
    maximum: i128,
}

impl From<Interval> for Bounds {
    fn from(interval: Interval) -> Self {
        Self { minimum: interval.minimum.into(), maximum: interval.maximum.into() }
    }
}

impl From<i64> for Bounds {
    fn from(value: i64) -> Self {
        Interval { minimum: value, maximum: value }.into()
    }
}

impl Bounds {
    /// A sum of one element of each.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (minimum, maximum) =
            (self.minimum.checked_add(other.minimum)?, self.maximum.checked_add(other.maximum)?);
        Some(Self { minimum, maximum })
    }

    /// `factor` times an element.
    pub fn times(self, factor: i64) -> Option<Self> {
        let (a, b) =
            (self.minimum.checked_mul(factor.into())?, self.maximum.checked_mul(factor.into())?);
        Some(Self { minimum: a.min(b), maximum: a.max(b) })
    }

    /// An element times one of `factors`.
    pub(crate) fn times_any(self, factors: Interval) -> Option<Self> {
        Some(self.times(factors.minimum)?.union(self.times(factors.maximum)?))
    }

    /// A sum of `count` elements.
    pub fn repeated(self, count: usize) -> Option<Self> {
        let count = i128::try_from(count).ok()?;
        let (minimum, maximum) =
            (self.minimum.checked_mul(count)?, self.maximum.checked_mul(count)?);
        Some(Self { minimum, maximum })
    }

    /// The smallest bounds of both.
    pub fn union(self, other: Self) -> Self {
        Self { minimum: self.minimum.min(other.minimum), maximum: self.maximum.max(other.maximum) }
    }

    /// The interval, if it is inside `±2^62`.
    pub fn interval(self) -> Option<Interval> {
        Interval::new(i64::try_from(self.minimum).ok()?, i64::try_from(self.maximum).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: Interval = Interval { minimum: -3, maximum: 5 };

    #[test]
    fn bounds_are_those_of_the_form() {
        let bounds = Bounds::from(ENDS);
        let interval = |bounds: Option<Bounds>| {
            bounds.and_then(Bounds::interval).map(|i| (i.minimum, i.maximum))
        };
        assert_eq!(interval(bounds.times(-2)), Some((-10, 6)));
        assert_eq!(interval(bounds.plus(7.into())), Some((4, 12)));
        assert_eq!(interval(bounds.repeated(4)), Some((-12, 20)));
        assert_eq!(
            interval(bounds.times_any(Interval { minimum: -1, maximum: 2 })),
            Some((-6, 10))
        );
        assert_eq!((ENDS.count(), ENDS.with(9).maximum, ENDS.shifted(1).minimum), (9, 9, -2));
    }

    #[test]
    fn an_overflow_on_the_way_is_not_undone_by_what_follows() {
        let large = Bounds::from(i64::MIN).times(i64::MIN).unwrap();
        let beyond =
            large.plus(large).and_then(|sum| sum.plus(large)).and_then(|sum| sum.plus(large));
        assert_eq!(beyond, None, "2^126 four times");
        assert_eq!(large.times(4), None);
        assert_eq!(large.repeated(3), None);
        assert_eq!(large.interval(), None);
    }

    #[test]
    fn integers_have_less_than_62_bits() {
        let largest = (1i64 << 62) - 1;
        assert!(Interval::new(-largest, largest).is_some());
        assert_eq!(Interval::new(0, largest + 1), None);
        assert_eq!(Interval::new(-largest - 1, 0), None);
        assert_eq!(Interval::new(1, 0), None);
        assert!(Bounds::from(largest).interval().is_some());
        assert_eq!(Bounds::from(largest).plus(1.into()).unwrap().interval(), None);
    }
}
