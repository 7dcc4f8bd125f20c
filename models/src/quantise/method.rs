//! Which part of a value's numbers its range covers.

use serde::{Deserialize, Serialize};

use crate::float::histogram::{self, Bin, Histogram};
use crate::float::range::Range;

/// How a range is chosen for what calibration met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// All of it.
    #[default]
    MinMax,
    /// So many per cent of the numbers; of the others one half may lie beyond either end.
    Percentile(f64),
    /// The range over which rounding and saturation together have the least square error.
    Mse,
    /// The range whose integers keep most of the distribution: least Kullback–Leibler divergence.
    Entropy,
}

/// Times that both ends are moved, in turns.
const ROUNDS: usize = 3;
/// Ends that are tried, from the outermost: three powers of two and more.
const ENDS: usize = 128;

impl Method {
    /// The range of what is in the histogram, `all` of it or less, in so many steps.
    pub(super) fn range(self, histogram: &Histogram, all: Range, steps: f64) -> Range {
        let within = |range: Range| Range {
            minimum: range.minimum.max(all.minimum),
            maximum: range.maximum.min(all.maximum),
        };
        match self {
            Self::MinMax => all,
            Self::Percentile(share) => {
                let bins = histogram.within(all);
                let count: u64 = bins.iter().map(|bin| bin.count).sum();
                let dropped = count as f64 * (1.0 - share / 100.0) / 2.0;
                within(histogram::without(&bins, dropped as u64))
            }
            Self::Mse => {
                let sums = Sums::new(histogram.within(all));
                within(least(all, &sums.bins, |low, high| sums.error(low, high, steps)))
            }
            Self::Entropy => {
                let bins = histogram.within(all);
                within(least(all, &bins, |low, high| divergence(&bins, low, high, steps)))
            }
        }
    }

    /// The name, as the command line has it.
    pub fn name(self) -> String {
        match self {
            Self::MinMax => "minmax".into(),
            Self::Percentile(share) => format!("percentile={share}"),
            Self::Mse => "mse".into(),
            Self::Entropy => "entropy".into(),
        }
    }
}

/// The range with the least cost: one end is moved with the other fixed, then the other.
fn least(all: Range, bins: &[Bin], cost: impl Fn(f64, f64) -> f64) -> Range {
    let (mut low, mut high) = (f64::from(all.minimum), f64::from(all.maximum));
    let ends = |ends: &mut dyn Iterator<Item = f64>| -> Vec<f64> { ends.take(ENDS).collect() };
    let below = bins.iter().map(|bin| bin.low).filter(|&x| x < 0.0);
    let above = bins.iter().rev().map(|bin| bin.high).filter(|&x| x > 0.0);
    let (lows, highs) = (ends(&mut below.into_iter()), ends(&mut above.into_iter()));
    // The first of equal ones: the outermost.
    let best = |ends: &[f64], now: f64, cost: &dyn Fn(f64) -> f64| {
        let mut best = (now, cost(now));
        for &end in ends {
            let cost = cost(end);
            if cost < best.1 {
                best = (end, cost);
            }
        }
        best.0
    };
    for _ in 0..ROUNDS {
        let before = (low, high);
        high = best(&highs, high, &|high| cost(low, high));
        low = best(&lows, low, &|low| cost(low, high));
        if before == (low, high) {
            break;
        }
    }
    Range { minimum: low as f32, maximum: high as f32 }
}

/// Bins with sums of everything before each, so that a range's error takes two look-ups.
struct Sums {
    bins: Vec<Bin>,
    /// Number of numbers that are not zero, their sum, that of their squares.
    before: Vec<[f64; 3]>,
}

impl Sums {
    fn new(bins: Vec<Bin>) -> Self {
        let mut before = vec![[0.0; 3]];
        for bin in &bins {
            let (count, x) = (bin.count as f64, bin.middle());
            let count = if x == 0.0 { 0.0 } else { count };
            let [n, sum, squares] = before[before.len() - 1];
            before.push([n + count, sum + count * x, squares + count * x * x]);
        }
        Self { bins, before }
    }

    /// Sum of square errors: steps²/12 for what is rounded, the distance for what saturates.
    fn error(&self, low: f64, high: f64, steps: f64) -> f64 {
        let first = self.bins.partition_point(|bin| bin.middle() < low);
        let last = self.bins.partition_point(|bin| bin.middle() <= high).max(first);
        let all = self.before[self.bins.len()];
        let above: [f64; 3] = std::array::from_fn(|index| all[index] - self.before[last][index]);
        let beyond = |[n, sum, squares]: [f64; 3], end: f64| {
            (squares - 2.0 * end * sum + end * end * n).max(0.0)
        };
        let rounded = self.before[last][0] - self.before[first][0];
        let step = (high - low) / steps;
        beyond(self.before[first], low) + beyond(above, high) + rounded * step * step / 12.0
    }
}

/// Kullback–Leibler divergence between the numbers, saturated to a range, and what the integers of
/// the range tell of them: how many fall to each step, spread evenly over the bins of the step that
/// hold any. Zeros are exact and left out.
fn divergence(bins: &[Bin], low: f64, high: f64, steps: f64) -> f64 {
    let step = (high - low) / steps;
    if step <= 0.0 {
        return f64::INFINITY;
    }
    let kept = |bin: &&Bin| (low..=high).contains(&bin.middle()) && bin.middle() != 0.0;
    let inside: Vec<&Bin> = bins.iter().filter(kept).collect();
    let total: u64 = bins.iter().filter(|bin| bin.middle() != 0.0).map(|bin| bin.count).sum();
    let covered: u64 = inside.iter().map(|bin| bin.count).sum();
    let beyond = |side: &dyn Fn(f64) -> bool| -> u64 {
        bins.iter().filter(|bin| side(bin.middle())).map(|bin| bin.count).sum()
    };
    let (below, above) = (beyond(&|x| x < low), beyond(&|x| x > high));
    if covered == 0 {
        return if total == 0 { 0.0 } else { f64::INFINITY };
    }
    let place = |bin: &Bin| (bin.middle() / step).round();
    let width = |bin: &Bin| (bin.high - bin.low).max(f64::MIN_POSITIVE);
    let mut sum = 0.0;
    let last = inside.len() - 1;
    let mut index = 0;
    while index < inside.len() {
        let here = place(inside[index]);
        let count = inside[index..].iter().take_while(|bin| place(bin) == here).count();
        let group = &inside[index..index + count];
        let mass: u64 = group.iter().map(|bin| bin.count).sum();
        let widths: f64 = group.iter().map(|bin| width(bin)).sum();
        for (offset, bin) in group.iter().enumerate() {
            let at = index + offset;
            let ends = (if at == 0 { below } else { 0 }) + (if at == last { above } else { 0 });
            let real = (bin.count + ends) as f64 / total as f64;
            let told = mass as f64 * width(bin) / widths / covered as f64;
            sum += real * (real / told).ln();
        }
        index += count;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bell of ten thousand numbers around zero, and one far away.
    fn bell(outlier: f32) -> (Histogram, Range) {
        let reals = crate::testing::random::Random::new(1).reals(120_000, -0.5, 0.5);
        let bell = reals.chunks(12).map(|twelve| twelve.iter().sum());
        let numbers: Vec<f32> = bell.chain([outlier]).collect();
        let mut histogram = Histogram::default();
        histogram.add(numbers.iter().copied());
        (histogram, Range::ZERO.including(numbers.into_iter()))
    }

    #[test]
    fn min_max_is_everything() {
        let (histogram, all) = bell(100.0);
        assert_eq!(Method::MinMax.range(&histogram, all, 255.0), all);
    }

    #[test]
    fn percentiles_leave_few_out() {
        let (histogram, all) = bell(100.0);
        let range = Method::Percentile(99.9).range(&histogram, all, 255.0);
        assert!(range.maximum < 5.0 && range.minimum >= all.minimum, "{range:?}");
        assert_eq!(Method::Percentile(100.0).range(&histogram, all, 255.0), all);
    }

    #[test]
    fn square_errors_weigh_an_outlier_against_steps() {
        let (histogram, all) = bell(100.0);
        // One number in ten thousand: 100² or so against (100/255)²/12 for each of the others.
        let coarse = Method::Mse.range(&histogram, all, 255.0);
        assert!(coarse.maximum > 50.0, "{coarse:?}");
        let four_bits = Method::Mse.range(&histogram, all, 15.0);
        assert!(four_bits.maximum < coarse.maximum, "{four_bits:?}");
        let (histogram, all) = bell(12.0);
        let cut = Method::Mse.range(&histogram, all, 15.0);
        assert!(cut.maximum < 6.0, "{cut:?}");
    }

    #[test]
    fn the_least_error_is_least_among_all_pairs_of_ends() {
        let (histogram, all) = bell(12.0);
        let sums = Sums::new(histogram.bins());
        let found = Method::Mse.range(&histogram, all, 15.0);
        let cost = |range: Range| sums.error(range.minimum.into(), range.maximum.into(), 15.0);
        for low in histogram.bins().iter().map(|bin| bin.low).filter(|&low| low < -1.0) {
            for high in histogram.bins().iter().map(|bin| bin.high).filter(|&high| high > 1.0) {
                let other = Range { minimum: low as f32, maximum: high as f32 };
                assert!(cost(found) <= cost(other) * 1.02, "{found:?} {other:?}");
            }
        }
    }

    #[test]
    fn entropy_cuts_what_would_take_the_steps_of_all_others() {
        let (histogram, all) = bell(100.0);
        let range = Method::Entropy.range(&histogram, all, 255.0);
        assert!(range.maximum < 20.0 && range.maximum > 2.0, "{range:?}");
        let bins = histogram.bins();
        let cost = |high: f64| divergence(&bins, all.minimum.into(), high, 255.0);
        assert!(cost(4.0) < cost(100.0) && cost(4.0) < cost(0.5));
    }

    #[test]
    fn nothing_is_a_range_too() {
        for method in [Method::MinMax, Method::Percentile(99.0), Method::Mse, Method::Entropy] {
            assert_eq!(method.range(&Histogram::default(), Range::ZERO, 255.0), Range::ZERO);
        }
    }
}
