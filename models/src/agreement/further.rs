//! What further samples are off by, at most times, from how far samples differ in what they are off
//! by.
//!
//! A mean over few samples is exceeded by every other mean over few, one time in two. What is
//! promised of a network is about inputs that nobody has seen.

use serde::{Deserialize, Serialize};

use super::deviation::{Deviation, Sums, share};

/// Quantiles of Student's distribution that 19 of 20 stay below, from one degree of freedom on.
const QUANTILES: [f64; 15] = [
    6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771,
    1.761, 1.753,
];
/// The same of more degrees than that: a little above all of them.
const QUANTILE: f64 = 1.75;

/// What 19 of 20 further samples stay within, about; and several together nearly always.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Further {
    /// The root mean square difference, in units of the spread.
    pub error: f64,
    /// The largest absolute difference, in units of the spread.
    pub largest: f64,
    /// Cosine of the angle between both: its sine grows with the error.
    pub cosine: f64,
}

/// The figures of an output, sample by sample.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    typical: Figure,
    largest: Figure,
}

impl Samples {
    pub(super) fn add(&mut self, pairs: impl Iterator<Item = (f64, f64)>) {
        let mut sums = Sums::default();
        pairs.for_each(|(expected, found)| sums.add(expected, found));
        self.typical.add(sums.typical());
        self.largest.add(sums.largest());
    }

    /// What they come to for an output that is off by that on all of them; none of one sample.
    pub(super) fn further(&self, all: &Deviation) -> Option<Further> {
        let in_spreads = |figure: &Figure| Some(share(figure.further()?, all.spread));
        let (error, largest) = (in_spreads(&self.typical)?, in_spreads(&self.largest)?);
        let grows = if all.error > 0.0 { error / all.error } else { 1.0 };
        let cosine = (1.0 - (1.0 - all.cosine) * grows.powi(2)).max(-1.0);
        Some(Further { error, largest, cosine })
    }
}

/// A number that each of several samples has.
#[derive(Clone, Debug, Default)]
struct Figure {
    count: usize,
    mean: f64,
    /// Sum of the squares of the distances from the mean.
    squares: f64,
    largest: f64,
}

impl Figure {
    fn add(&mut self, figure: f64) {
        self.count += 1;
        let distance = figure - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (figure - self.mean);
        self.largest = self.largest.max(figure);
    }

    /// What 19 of 20 more of them stay below; none if there is but one to tell from.
    ///
    /// One more number of a normal distribution is above `mean + t·s·√(1 + 1/n)` in 1 of 20 cases;
    /// one of whatever distribution above the largest of `n` in 1 of `n + 1`.
    fn further(&self) -> Option<f64> {
        let degrees = self.count.checked_sub(1).filter(|&degrees| degrees > 0)?;
        let quantile = QUANTILES.get(degrees - 1).copied().unwrap_or(QUANTILE);
        let deviates = (self.squares / degrees as f64).sqrt();
        let reach = quantile * deviates * (1.0 + 1.0 / self.count as f64).sqrt();
        Some((self.mean + reach).max(self.largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn further(figures: &[f64]) -> Option<f64> {
        let mut figure = Figure::default();
        figures.iter().for_each(|&x| figure.add(x));
        figure.further()
    }

    #[test]
    fn one_sample_tells_nothing_and_equal_ones_all() {
        assert_eq!(further(&[]), None);
        assert_eq!(further(&[3.0]), None);
        assert_eq!(further(&[3.0, 3.0]), Some(3.0));
        // s = 1, and by hand: 2 + 2.920·√(4/3).
        assert!((further(&[1.0, 2.0, 3.0]).unwrap() - 5.371_73).abs() < 1e-4);
        // The largest of many that seldom differ.
        let mut rare = vec![1.0; 40];
        rare[7] = 9.0;
        assert_eq!(further(&rare), Some(9.0));
    }

    /// Numbers of a bell, and some whose logarithms are: of these the long tail costs a little.
    #[test]
    fn nineteen_of_twenty_more_are_below() {
        let mut random = crate::testing::random::Random::new(5);
        let mut bell = || (0..12).map(|_| f64::from(random.real(-0.5, 0.5))).sum::<f64>();
        for (count, wild) in [(4, false), (8, false), (16, false), (8, true), (16, true)] {
            const TRIES: usize = 2000;
            let mut draw = || if wild { (0.5 * bell()).exp() } else { 10.0 + bell() };
            let mut exceeded = 0;
            for _ in 0..TRIES {
                let seen: Vec<f64> = (0..count).map(|_| draw()).collect();
                exceeded += usize::from(draw() > further(&seen).unwrap());
            }
            let share = exceeded as f64 / TRIES as f64;
            let most = if wild { 0.1 } else { 0.065 };
            assert!((0.02..most).contains(&share), "{count} {wild}: {share}");
        }
    }

    #[test]
    fn angles_grow_with_the_error() {
        let mut samples = Samples::default();
        // Differences of 0.1 and 0.3.
        samples.add([(1.0, 1.1), (-1.0, -1.1)].into_iter());
        samples.add([(1.0, 1.3), (-1.0, -1.3)].into_iter());
        let all = Deviation {
            mean: 0.2,
            largest: 0.3,
            magnitude: 1.0,
            spread: 2.0,
            error: 0.1,
            cosine: 0.99,
            count: 4,
        };
        // 0.2 + 6.314·0.1414·√1.5, halved.
        let found = samples.further(&all).unwrap();
        assert!((found.error - 0.646_7).abs() < 1e-3 && found.error == found.largest, "{found:?}");
        assert!((found.cosine - (1.0 - 0.01 * 6.467f64.powi(2))).abs() < 1e-3, "{found:?}");
    }
}
