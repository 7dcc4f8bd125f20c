//! How far numbers are from those that they should be.

use serde::{Deserialize, Serialize};

/// Numbers that vary by less than this share of the largest one are taken for constant.
const CONSTANT: f64 = 1e-6;
/// So many comparisons make a judgement; of fewer the spread is an accident.
pub(super) const ENOUGH: usize = 8;

/// How far numbers are from those that they should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// The mean absolute difference.
    pub mean: f64,
    /// The largest absolute difference.
    pub largest: f64,
    /// The largest absolute number that should be.
    pub magnitude: f64,
    /// What differences are compared with: the standard deviation of the numbers that should be.
    /// Where these are constant, that of all that they are a part of, or else their size.
    pub spread: f64,
    /// The root mean square difference in units of `spread`: 1 is what a constant, their mean,
    /// would be off by.
    pub error: f64,
    /// Cosine of the angle between both.
    pub cosine: f64,
    /// How many pairs were compared.
    pub count: usize,
}

impl Deviation {
    /// A difference in units of the spread.
    pub fn in_spreads(&self, difference: f64) -> f64 {
        share(difference, self.spread)
    }
}

/// A share of a whole; of nothing, all or none.
pub(super) fn share(part: f64, whole: f64) -> f64 {
    match whole > 0.0 {
        true => part / whole,
        false if part > 0.0 => 1.0,
        false => 0.0,
    }
}

/// Sums over pairs of numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    count: usize,
    largest: f64,
    magnitude: f64,
    /// Sums of differences and of their squares.
    differences: [f64; 2],
    /// The first number, from which others are counted: their mean may be far from zero.
    origin: f64,
    /// Sums of distances from the origin and of their squares.
    distances: [f64; 2],
    /// `Σ expected·found`, `Σ expected²`, `Σ found²`.
    products: [f64; 3],
}

impl Sums {
    pub(super) fn add(&mut self, expected: f64, found: f64) {
        if self.count == 0 {
            self.origin = expected;
        }
        self.count += 1;
        let (difference, distance) = ((expected - found).abs(), expected - self.origin);
        self.largest = self.largest.max(difference);
        self.magnitude = self.magnitude.max(expected.abs());
        let products = [expected * found, expected * expected, found * found];
        for (sums, numbers) in [
            (&mut self.differences[..], &[difference, difference * difference][..]),
            (&mut self.distances[..], &[distance, distance * distance]),
            (&mut self.products[..], &products),
        ] {
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        }
    }

    /// The mean of sums over all pairs.
    fn mean(&self, sum: f64) -> f64 {
        sum / self.count.max(1) as f64
    }

    fn deviates(&self) -> f64 {
        let [sum, squares] = self.distances.map(|sum| self.mean(sum));
        (squares - sum * sum).max(0.0).sqrt()
    }

    /// The standard deviation of what is expected; none if that is constant beside numbers of this
    /// size.
    pub(super) fn spread(&self, magnitude: f64) -> Option<f64> {
        Some(self.deviates()).filter(|&spread| spread > magnitude * CONSTANT)
    }

    pub(super) fn magnitude(&self) -> f64 {
        self.magnitude
    }

    pub(super) fn largest(&self) -> f64 {
        self.largest
    }

    /// The root mean square difference.
    pub(super) fn typical(&self) -> f64 {
        self.mean(self.differences[1]).sqrt()
    }

    /// One where both are zero.
    fn cosine(&self) -> f64 {
        let [product, expected, found] = self.products;
        if expected == 0.0 && found == 0.0 {
            return 1.0;
        }
        // The product of the sums could overflow.
        let size = expected.sqrt() * found.sqrt();
        if size > 0.0 { product / size } else { 0.0 }
    }

    /// What came of it, in units of the numbers' own spread or, where they are constant beside
    /// others of this magnitude, of `fallback`.
    pub(super) fn finish(&self, magnitude: f64, fallback: f64) -> Deviation {
        let spread = self.spread(magnitude).unwrap_or(fallback);
        Deviation {
            mean: self.mean(self.differences[0]),
            largest: self.largest,
            magnitude: self.magnitude,
            spread,
            error: share(self.typical(), spread),
            cosine: self.cosine(),
            count: self.count,
        }
    }

    /// What came of all that there is.
    pub(super) fn whole(&self) -> Deviation {
        self.finish(self.magnitude, self.magnitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviation(pairs: &[(f64, f64)]) -> Deviation {
        let mut sums = Sums::default();
        pairs.iter().for_each(|&(expected, found)| sums.add(expected, found));
        sums.whole()
    }

    #[test]
    fn errors_are_in_units_of_the_standard_deviation() {
        // Far from zero, where sums of squares alone would lose it.
        let off = deviation(&[(1e5 - 1.0, 1e5 - 0.5), (1e5 + 1.0, 1e5 + 1.5)]);
        assert_eq!((off.spread, off.error, off.mean, off.largest), (1.0, 0.5, 0.5, 0.5));
        assert_eq!(off.in_spreads(2.0), 2.0);
        // The mean instead of the numbers, however seldom they differ from it.
        let rare: Vec<(f64, f64)> =
            (0..100).map(|i| (f64::from(i32::from(i == 7)), 0.01)).collect();
        let lost = deviation(&rare);
        assert!((lost.error - 1.0).abs() < 1e-9 && lost.mean < 0.02, "{lost:?}");
    }

    #[test]
    fn a_constant_is_measured_by_its_size() {
        let half = deviation(&[(5.0, 2.5), (5.0, 2.5)]);
        assert!(half.error == 0.5 && half.cosine > 0.999, "{half:?}");
        assert_eq!(deviation(&[(0.0, 0.0)]).error, 0.0);
        assert_eq!(deviation(&[(0.0, 3.0)]).error, 1.0);
    }
}
