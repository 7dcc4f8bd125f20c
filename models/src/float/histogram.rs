//! How often a value has numbers of each size: in bounded memory, whatever the numbers, and the
//! same in whatever order they come.

use serde::{Deserialize, Serialize};

use super::range::Range;

/// Bins per power of two, and bits of the number that say which.
const BINS: usize = 1 << MANTISSA;
const MANTISSA: u32 = 5;
/// Bits of single precision behind sign, exponent and those.
const DROPPED: u32 = 23 - MANTISSA;
/// Signs and exponents.
const PAGES: usize = 1 << 9;
/// Numbers beyond this that stand far apart from all others are masks.
const MASK: f64 = -1000.0;
/// How far: by this factor.
const APART: f64 = 8.0;

/// Numbers counted by sign, exponent and five bits more: each bin spans a 32nd of its power of two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// For each sign and exponent, nothing yet or its bins.
    pages: Vec<Vec<u64>>,
}

/// Numbers that are counted together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The smallest of them, or a bound of it.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// How many.
    pub count: u64,
}

impl Bin {
    /// What stands for them.
    pub fn middle(&self) -> f64 {
        f64::midpoint(self.low, self.high)
    }
}

impl Histogram {
    /// Counts more numbers; those that are not finite are left out.
    pub fn add(&mut self, numbers: impl Iterator<Item = f32>) {
        if self.pages.is_empty() {
            self.pages = vec![Vec::new(); PAGES];
        }
        for number in numbers.filter(|x| x.is_finite()) {
            // Both zeros are one.
            let place = ((number + 0.0).to_bits() >> DROPPED) as usize;
            let page = &mut self.pages[place / BINS];
            if page.is_empty() {
                *page = vec![0; BINS];
            }
            page[place % BINS] += 1;
        }
    }

    /// Counts what another has counted.
    pub fn join(&mut self, other: &Self) {
        if self.pages.is_empty() {
            self.pages.clone_from(&other.pages);
            return;
        }
        for (page, other) in self.pages.iter_mut().zip(&other.pages) {
            if page.is_empty() {
                page.clone_from(other);
                continue;
            }
            page.iter_mut().zip(other).for_each(|(count, other)| *count += other);
        }
    }

    /// The bins that hold anything, from the smallest number to the largest. Zero is one of its
    /// own.
    pub fn bins(&self) -> Vec<Bin> {
        let pages = self.pages.iter().enumerate();
        let counts = pages.flat_map(|(page, bins)| {
            bins.iter().enumerate().map(move |(index, &count)| (page * BINS + index, count))
        });
        let bin = |(place, count): (usize, u64)| {
            let near = f64::from(f32::from_bits((place as u32) << DROPPED));
            let last = f32::from_bits(((place as u32) << DROPPED) | ((1 << DROPPED) - 1));
            // What is too small for an exponent is nothing.
            let far = if near == 0.0 { 0.0 } else { f64::from(last) };
            Bin { low: near.min(far), high: near.max(far), count }
        };
        let mut bins: Vec<Bin> = counts.filter(|&(_, count)| count > 0).map(bin).collect();
        bins.sort_by(|a, b| a.low.total_cmp(&b.low));
        bins
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.pages.iter().flatten().sum()
    }

    /// The bins, what lies beyond a range counted at its ends.
    pub fn within(&self, range: Range) -> Vec<Bin> {
        let clamp = |x: f64| x.max(range.minimum.into()).min(range.maximum.into());
        let bins = self.bins().into_iter();
        bins.map(|bin| Bin { low: clamp(bin.low), high: clamp(bin.high), ..bin }).collect()
    }

    /// The smallest number that is no mask: of those that do not stand far below all others.
    pub fn least(&self) -> Option<f64> {
        let bins = self.bins();
        let apart = |pair: &[Bin]| pair[0].high < MASK && pair[0].high < APART * pair[1].low;
        let gap = bins.windows(2).rposition(apart);
        bins.get(gap.map_or(0, |gap| gap + 1)).map(|bin| bin.low)
    }
}

/// The range of bins, zero included, without so many of the numbers at either end.
pub(crate) fn without(bins: &[Bin], dropped: u64) -> Range {
    let (first, last) = (outermost(bins.iter(), dropped), outermost(bins.iter().rev(), dropped));
    Range {
        minimum: first.map_or(0.0, |bin| bin.low as f32).min(0.0),
        maximum: last.map_or(0.0, |bin| bin.high as f32).max(0.0),
    }
}

/// The first bin that is left when so many numbers are dropped.
fn outermost<'b>(mut bins: impl Iterator<Item = &'b Bin>, dropped: u64) -> Option<&'b Bin> {
    let mut left = dropped;
    bins.find(|bin| {
        let kept = bin.count > left;
        left = left.saturating_sub(bin.count);
        kept
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(numbers: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        histogram.add(numbers.iter().copied());
        histogram
    }

    #[test]
    fn bins_are_in_order_and_hold_their_numbers() {
        let bins = of(&[3.0, -1.5, 0.0, -0.0, 1e-30, 2.99, f32::INFINITY, f32::NAN]).bins();
        let counts: Vec<u64> = bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [1, 2, 1, 1, 1]);
        assert!(bins[0].low <= -1.5 && bins[0].high >= -1.5 && bins[0].high < -1.45);
        assert_eq!((bins[1].low, bins[1].high), (0.0, 0.0));
        assert!(bins.windows(2).all(|pair| pair[0].high <= pair[1].low), "{bins:?}");
    }

    #[test]
    fn a_share_is_left_out_on_either_side() {
        let numbers: Vec<f32> = (1..=1000).map(|x| x as f32).collect();
        let range = without(&of(&numbers).bins(), 10);
        assert!((990.0..1010.0).contains(&range.maximum) && range.minimum == 0.0, "{range:?}");
        let mut wild = numbers;
        wild.extend([1e9, -1e9]);
        let range = without(&of(&wild).bins(), 2);
        assert!(range.maximum < 1010.0 && range.minimum == 0.0, "{range:?}");
        assert_eq!(without(&[], 1), Range::ZERO);
    }

    #[test]
    fn what_lies_beyond_a_range_is_at_its_ends() {
        let range = Range { minimum: -8.0, maximum: 5.0 };
        let bins = of(&[-1e9, -1e9, -3.0, 4.0]).within(range);
        assert_eq!(bins[0], Bin { low: -8.0, high: -8.0, count: 2 });
        assert_eq!(without(&bins, 1).minimum, -8.0);
    }

    #[test]
    fn masks_stand_apart() {
        assert_eq!(of(&[-4.0, 5.0]).least(), of(&[-1e9, -1e9, -4.0, 5.0]).least());
        assert!(of(&[-1e4, 1.0]).least().unwrap() > 0.9);
        // Large numbers among others are no masks, nor are small ones.
        assert!(of(&[-2000.0, -1500.0, -900.0]).least().unwrap() <= -2000.0);
        assert!(of(&[-900.0, 1.0]).least().unwrap() <= -900.0);
        assert_eq!(Histogram::default().least(), None);
    }

    proptest! {
        #[test]
        fn the_order_of_numbers_makes_no_difference(
            mut numbers in prop::collection::vec(-1e6f32..1e6, 1..50),
        ) {
            let histogram = of(&numbers);
            let range = Range::ZERO.including(numbers.iter().copied());
            let all = without(&histogram.bins(), 0);
            prop_assert!(all.minimum <= range.minimum && all.maximum >= range.maximum);
            prop_assert!(all.maximum <= range.maximum * 1.04 + 1e-30);
            let (left, right) = numbers.split_at(numbers.len() / 2);
            let mut joined = Histogram::default();
            joined.join(&of(left));
            joined.join(&of(right));
            prop_assert_eq!(&joined, &histogram);
            numbers.reverse();
            prop_assert_eq!(of(&numbers), histogram);
        }
    }
}
