//! The staircase that rounding a multiple makes, and the slopes that give the same one.

use super::ratio::Ratio;

/// What one factor is applied to: integers `low..=high`, results `minimum..=maximum` before the
/// zero point, saturating.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staircase {
    pub(super) ratio: Ratio,
    pub(super) low: i64,
    pub(super) high: i64,
    pub(super) minimum: i64,
    pub(super) maximum: i64,
    /// No accumulator of the circuit is larger in size. With sealed weights that is more than what
    /// the weights make possible: a verifier knows their digits' ranges and nothing else.
    pub(super) reach: i128,
}

/// Bounds of a slope: numerator, denominator, and whether the bound itself is excluded.
pub(super) struct Slopes {
    lower: (i128, i128, bool),
    upper: Option<(i128, i128, bool)>,
}

impl Staircase {
    /// The thresholds: `k`, the smallest integer whose result is above `k` (halves up), and whether
    /// that is a half.
    fn thresholds(&self) -> impl Iterator<Item = (i64, i128, bool)> + '_ {
        (self.minimum..self.maximum).map(|k| {
            let (first, half) = self.ratio.half(k);
            (k, first, half)
        })
    }

    /// The integers on either side of a threshold, as far as they occur.
    fn sides(&self, first: i128) -> (Option<i128>, Option<i128>) {
        let (low, high) = (i128::from(self.low), i128::from(self.high));
        let above = first.max(low);
        let below = (first - 1).min(high);
        ((above <= high).then_some(above), (below >= low).then_some(below))
    }

    /// The slopes whose staircase is this one, halves to even; none if there are none.
    pub(super) fn slopes(&self) -> Option<Slopes> {
        let mut slopes = Slopes { lower: (0, 1, true), upper: None };
        for (k, first, half) in self.thresholds() {
            // A half goes down where `k` is even.
            let first = if half && k % 2 == 0 { first + 1 } else { first };
            let half = i128::from(2 * k + 1);
            let (above, below) = self.sides(first);
            match above {
                Some(0) if half > 0 => return None,
                Some(a) if a > 0 => slopes.raise(half, 2 * a, false),
                Some(a) if a < 0 => slopes.drop(half, 2 * a, false),
                _ => {}
            }
            match below {
                Some(0) if half <= 0 => return None,
                Some(a) if a > 0 => slopes.drop(half, 2 * a, true),
                Some(a) if a < 0 => slopes.raise(half, 2 * a, true),
                _ => {}
            }
        }
        Some(slopes)
    }

    /// Whether multiplier, shift and slack tell halves apart from what is next to them.
    pub(super) fn separates(&self, multiplier: i64, shift: u32, slack: i64) -> bool {
        let z = |a: i128| i128::from(multiplier) * a;
        self.thresholds().all(|(k, first, half)| {
            let level = i128::from(2 * k + 1) << (shift - 1);
            let slack = i128::from(slack);
            let ((above, below), half) = (self.sides(first), if half { first + 1 } else { first });
            let (above_half, below_half) = self.sides(half);
            above.is_none_or(|a| z(a) + slack >= level)
                && below.is_none_or(|a| z(a) + slack < level)
                && above_half.is_none_or(|a| z(a) - slack > level)
                && below_half.is_none_or(|a| z(a) - slack <= level)
        })
    }

    /// Whether accumulator, zero point and half a step have together at most 62 bits.
    pub(super) fn holds(&self, multiplier: i64, shift: u32) -> bool {
        // The zero point is one of the results, or beside them.
        let zero = i128::from(self.minimum).abs() + i128::from(self.maximum).abs() + 1;
        let product = i128::from(multiplier).checked_mul(self.reach);
        product.is_some_and(|product| product < 1 << 61) && zero << shift < 1 << 61
    }

    /// The largest distance of a half from where the multiplier puts it.
    pub(super) fn slack(&self, multiplier: i64, shift: u32) -> i64 {
        let halves = self.thresholds().filter(|&(_, first, half)| {
            half && (i128::from(self.low)..=i128::from(self.high)).contains(&first)
        });
        let distances = halves.map(|(k, first, _)| {
            (i128::from(multiplier) * first - (i128::from(2 * k + 1) << (shift - 1))).abs()
        });
        distances.max().and_then(|most| i64::try_from(most).ok()).unwrap_or(0)
    }
}

impl Slopes {
    /// The slope is at least (`open`: above) `numerator/denominator`.
    fn raise(&mut self, numerator: i128, denominator: i128, open: bool) {
        let bound = positive(numerator, denominator);
        let (a, b, was_open) = self.lower;
        let order = (bound.0 * b).cmp(&(a * bound.1));
        if order.is_gt() || (order.is_eq() && open && !was_open) {
            self.lower = (bound.0, bound.1, open);
        }
    }

    /// The slope is at most (`open`: below) `numerator/denominator`.
    fn drop(&mut self, numerator: i128, denominator: i128, open: bool) {
        let bound = positive(numerator, denominator);
        let tighter = self.upper.is_none_or(|(a, b, was_open)| {
            let order = (bound.0 * b).cmp(&(a * bound.1));
            order.is_lt() || (order.is_eq() && open && !was_open)
        });
        if tighter {
            self.upper = Some((bound.0, bound.1, open));
        }
    }

    /// The multiplier nearest to `ratio` whose slope is within the bounds.
    pub(super) fn multiplier(&self, shift: u32, ratio: Ratio) -> Option<i64> {
        let unit = 1i128 << shift;
        let (a, b, open) = self.lower;
        let least = (a * unit).div_euclid(b) + i128::from(open || (a * unit).rem_euclid(b) != 0);
        let most = match self.upper {
            None => i128::MAX,
            Some((a, b, open)) => {
                (a * unit).div_euclid(b) - i128::from(open && (a * unit).rem_euclid(b) == 0)
            }
        };
        let near = (ratio.real() * unit as f64).round() as i128;
        let least = least.max(1);
        (least <= most)
            .then(|| near.clamp(least, most))
            .and_then(|multiplier| i64::try_from(multiplier).ok())
    }
}

fn positive(numerator: i128, denominator: i128) -> (i128, i128) {
    if denominator < 0 { (-numerator, -denominator) } else { (numerator, denominator) }
}
