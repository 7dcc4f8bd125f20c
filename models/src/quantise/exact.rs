//! Multipliers and shifts that round exactly as the file's own scales demand.
//!
//! ONNX rounds `r·a` to the nearest integer, halves to even, where `a` is an integer and the factor
//! `r` a quotient of products of float32 scales. Over the finitely many `a` that can occur and
//! whose result does not saturate, this is a staircase: it rises from `k` to `k + 1` at one
//! threshold each. `⌊(m·a + 2^(shift−1)) / 2^shift⌋` is the same staircase if and only if
//! `m/2^shift` lies in an interval that the thresholds give, so the smallest shift with a
//! multiplier in the interval is exact, not approximate. `docs/quantisation.md` has the derivation.
//!
//! Where halves themselves occur, no such line may exist: they go up from odd and down from even
//! integers. Then the multiplier is near enough to `r` for all halves to be told apart from their
//! neighbours, and [`Ties::Even`] rounds them.

use crate::integer::graph::Ties;

/// No shift is made larger than this.
const SHIFT_LIMIT: u32 = 48;
/// Most operand pairs of a sum that are tried out.
const MAX_PAIRS: usize = 1 << 18;
/// The shift of sums with more pairs, whose halves go up.
const FINE_SHIFT: u32 = 40;

/// A positive factor as a quotient of integers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    numerator: i128,
    denominator: i128,
}

/// What one factor is applied to: integers `low..=high`, results `minimum..=maximum` before the
/// zero point, saturating.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staircase {
    pub(super) ratio: Ratio,
    pub(super) low: i64,
    pub(super) high: i64,
    pub(super) minimum: i64,
    pub(super) maximum: i64,
}

/// Multipliers that share a shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) multipliers: Vec<i64>,
    pub(super) shift: u32,
    pub(super) ties: Ties,
}

/// `mantissa·2^exponent` with an odd mantissa.
fn parts(x: f64) -> (i128, i32) {
    let bits = x.to_bits();
    let fraction = (bits & ((1 << 52) - 1)) as i128;
    let biased = ((bits >> 52) & 0x7ff) as i32;
    let (mantissa, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
    let zeros = if mantissa == 0 { 0 } else { mantissa.trailing_zeros() };
    (mantissa >> zeros, exponent + zeros as i32)
}

fn greatest_common_divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Ratio {
    /// `product / divisor`. Exact for float32 scales; factors below 2^−50 and scales with more bits
    /// lose their last ones.
    pub(super) fn new(product: &[f64], divisor: f64) -> Self {
        let (mut numerator, mut exponent) = (1i128, 0);
        for &factor in product {
            let (mantissa, power) = parts(factor);
            numerator *= mantissa;
            exponent += power;
            while numerator >= 1 << 58 {
                numerator >>= 1;
                exponent += 1;
            }
        }
        let (mut denominator, power) = parts(divisor);
        exponent -= power;
        let common = greatest_common_divisor(numerator, denominator).max(1);
        (numerator, denominator) = (numerator / common, denominator / common);
        while denominator >= 1 << 30 {
            (denominator, numerator) = (denominator >> 1, (numerator >> 1).max(1));
        }
        while exponent < -70 && numerator > 1 {
            numerator >>= 1;
            exponent += 1;
        }
        let up = exponent.clamp(0, 60);
        let down = (-exponent).clamp(0, 70);
        Self { numerator: numerator << up, denominator: denominator << down }
    }

    fn real(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The smallest integer `a` with `a·ratio ≥ k + 1/2`, and whether it is equal.
    fn half(self, k: i64) -> (i128, bool) {
        let (half, unit) = (i128::from(2 * k + 1) * self.denominator, 2 * self.numerator);
        let floor = half.div_euclid(unit);
        if half.rem_euclid(unit) == 0 { (floor, true) } else { (floor + 1, false) }
    }
}

/// Bounds of a slope: numerator, denominator, and whether the bound itself is excluded.
struct Slopes {
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
    fn slopes(&self) -> Option<Slopes> {
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
    fn separates(&self, multiplier: i64, shift: u32, slack: i64) -> bool {
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

    /// Whether the product with every integer has at most 60 bits.
    fn holds(&self, multiplier: i64) -> bool {
        let reach = i128::from(self.low.abs().max(self.high.abs()));
        i128::from(multiplier) * reach < 1 << 60
    }

    /// The largest distance of a half from where the multiplier puts it.
    fn slack(&self, multiplier: i64, shift: u32) -> i64 {
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
    fn multiplier(&self, shift: u32, ratio: Ratio) -> Option<i64> {
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

/// Multipliers for factors that share a shift. Where none within 60 bits is exact (results of 16
/// bits, weights of many), the finest that there are.
pub(super) fn fit(staircases: &[Staircase]) -> Fit {
    let fits = |fit: &Fit| {
        fit.multipliers.iter().zip(staircases).all(|(&multiplier, stairs)| stairs.holds(multiplier))
    };
    let exact = lines(staircases).filter(fits).or_else(|| halves(staircases).filter(fits));
    exact.unwrap_or_else(|| {
        let near =
            |shift: u32| Fit { multipliers: nearest(staircases, shift), shift, ties: Ties::Up };
        (0..=SHIFT_LIMIT).rev().map(near).find(fits).unwrap_or_else(|| near(0))
    })
}

/// The multipliers nearest to the factors, none of them zero.
fn nearest(staircases: &[Staircase], shift: u32) -> Vec<i64> {
    let near = |stairs: &Staircase| {
        (stairs.ratio.real() * f64::from(shift).exp2()).round().max(1.0) as i64
    };
    staircases.iter().map(near).collect()
}

fn lines(staircases: &[Staircase]) -> Option<Fit> {
    let slopes: Vec<Slopes> = staircases.iter().map(Staircase::slopes).collect::<Option<_>>()?;
    (0..=SHIFT_LIMIT).find_map(|shift| {
        let multipliers = slopes
            .iter()
            .zip(staircases)
            .map(|(slopes, stairs)| slopes.multiplier(shift, stairs.ratio));
        Some(Fit { multipliers: multipliers.collect::<Option<_>>()?, shift, ties: Ties::Up })
    })
}

fn halves(staircases: &[Staircase]) -> Option<Fit> {
    (1..=SHIFT_LIMIT).find_map(|shift| {
        let multipliers = nearest(staircases, shift);
        let pairs = || staircases.iter().zip(&multipliers);
        let slack = pairs().map(|(stairs, &multiplier)| stairs.slack(multiplier, shift)).max()?;
        let small = slack == 0 || slack.checked_mul(4)? < 1 << shift;
        let exact = small
            && pairs().all(|(stairs, &multiplier)| stairs.separates(multiplier, shift, slack));
        exact.then_some(Fit { multipliers, shift, ties: Ties::Even { slack } })
    })
}

/// An operand of a sum: its scale with its sign, and its integers with the zero point subtracted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) scale: f64,
    pub(super) low: i64,
    pub(super) high: i64,
}

/// Multipliers of `Σ scale_j·x_j + constant`, divided by `divisor` and rounded to
/// `minimum..=maximum`: exact for two terms, or one and few constants.
pub(super) fn sum(
    terms: &[Term],
    constants: &[f64],
    divisor: f64,
    minimum: i64,
    maximum: i64,
) -> Fit {
    let multipliers = |shift: u32| -> Vec<i64> {
        let power = f64::from(shift).exp2();
        let steps = terms.iter().map(|term| (term.scale / divisor * power).round() as i64);
        // No term may vanish.
        steps
            .zip(terms)
            .map(|(steps, term)| if steps == 0 { term.scale.signum() as i64 } else { steps })
            .collect()
    };
    // Whether the sum has at most 60 bits.
    let holds = |multipliers: &[i64]| {
        let reach = |term: &Term| i128::from(term.low.abs().max(term.high.abs()));
        let products =
            terms.iter().zip(multipliers).map(|(term, &m)| i128::from(m).abs() * reach(term));
        products.sum::<i128>() < 1 << 60
    };
    let finest = || {
        let shift = (1..=FINE_SHIFT).rev().find(|&shift| holds(&multipliers(shift))).unwrap_or(1);
        Fit { multipliers: multipliers(shift), shift, ties: Ties::Up }
    };
    let mut distinct: Vec<f64> = if constants.is_empty() { vec![0.0] } else { constants.to_vec() };
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    let pairs = terms
        .iter()
        .map(|term| (term.high - term.low) as usize + 1)
        .try_fold(distinct.len(), usize::checked_mul);
    if pairs.is_none_or(|pairs| pairs > MAX_PAIRS) {
        return finest();
    }
    let cases = cases(terms, &distinct, divisor, minimum, maximum);
    for shift in 1..=SHIFT_LIMIT {
        let multipliers = multipliers(shift);
        if !holds(&multipliers) {
            break;
        }
        for ties in [Ties::Up, Ties::Even { slack: 0 }] {
            if let Some(ties) = agrees(&cases, &multipliers, shift, ties, divisor, minimum, maximum)
            {
                return Fit { multipliers, shift, ties };
            }
        }
    }
    finest()
}

/// What a constant is in units of `2^−shift` steps.
pub(super) fn constant(real: f64, divisor: f64, shift: u32) -> i64 {
    (real / divisor * f64::from(shift).exp2()).round() as i64
}

/// One choice of operands.
struct Case {
    operands: Vec<i64>,
    constant: f64,
    /// The result before saturation, halves to even.
    result: i64,
    /// Whether it was a half.
    half: bool,
}

fn cases(terms: &[Term], constants: &[f64], divisor: f64, minimum: i64, maximum: i64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &constant in constants {
        let mut operands: Vec<i64> = terms.iter().map(|term| term.low).collect();
        loop {
            // Exact: float32 scales times short integers, their exponents close.
            let real = terms
                .iter()
                .zip(&operands)
                .fold(constant, |sum, (term, &x)| sum + term.scale * x as f64);
            let below = (real / divisor - 0.5).round();
            let half =
                [below - 1.0, below, below + 1.0].into_iter().any(|k| (k + 0.5) * divisor == real);
            let nearest = (real / divisor).round_ties_even();
            // Saturated results only have to stay saturated.
            let result = nearest.clamp((minimum - 1) as f64, (maximum + 1) as f64) as i64;
            cases.push(Case {
                operands: operands.clone(),
                constant,
                result: result.clamp(minimum, maximum),
                half,
            });
            let Some(next) = (0..terms.len()).find(|&index| operands[index] < terms[index].high)
            else {
                break;
            };
            operands[next] += 1;
            (0..next).for_each(|index| operands[index] = terms[index].low);
        }
    }
    cases
}

/// The rounding of ties under which every case comes out right, its slack filled in.
fn agrees(
    cases: &[Case],
    multipliers: &[i64],
    shift: u32,
    ties: Ties,
    divisor: f64,
    minimum: i64,
    maximum: i64,
) -> Option<Ties> {
    let z = |case: &Case| {
        let products = case.operands.iter().zip(multipliers).map(|(x, multiplier)| x * multiplier);
        products.sum::<i64>() + constant(case.constant, divisor, shift)
    };
    let unit = 1i64 << shift;
    let ties = match ties {
        Ties::Up => Ties::Up,
        Ties::Even { .. } => {
            let distance = |case: &Case| (z(case).rem_euclid(unit) - unit / 2).abs();
            let slack = cases.iter().filter(|case| case.half).map(distance).max()?;
            if slack > 0 && 4 * slack >= unit {
                return None;
            }
            Ties::Even { slack }
        }
    };
    let round = |z: i64| match ties {
        Ties::Up => crate::integer::rounding::shift_half_up(z, shift),
        Ties::Even { slack } => crate::integer::rounding::shift_half_even(z, shift, slack),
    };
    cases.iter().all(|case| round(z(case)).clamp(minimum, maximum) == case.result).then_some(ties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integer::rounding::{shift_half_even, shift_half_up};
    use proptest::prelude::*;

    fn apply(fit: &Fit, index: usize, a: i64) -> i64 {
        let z = fit.multipliers[index] * a;
        match fit.ties {
            Ties::Up => shift_half_up(z, fit.shift),
            Ties::Even { slack } => shift_half_even(z, fit.shift, slack),
        }
    }

    /// Rounding of the exact quotient, by 128-bit integers.
    fn exact(a: i64, ratio: Ratio) -> i64 {
        let (n, d) = (i128::from(a) * ratio.numerator, ratio.denominator);
        let (below, rest) = (n.div_euclid(d), 2 * n.rem_euclid(d));
        let up = rest > d || (rest == d && below % 2 != 0);
        i64::try_from(below + i128::from(up)).unwrap()
    }

    fn check(ratio: Ratio, reach: i64) -> Fit {
        let stairs = Staircase { ratio, low: -reach, high: reach, minimum: -128, maximum: 127 };
        let fit = fit(&[stairs]);
        let points = (-2000..=2000).chain((-reach..=reach).step_by((reach / 5000).max(1) as usize));
        for a in points.filter(|a| a.abs() <= reach) {
            assert_eq!(
                apply(&fit, 0, a).clamp(-128, 127),
                exact(a, ratio).clamp(-128, 127),
                "{a} {fit:?}"
            );
        }
        fit
    }

    #[test]
    fn powers_of_two_have_ties() {
        let fit = check(Ratio::new(&[0.5], 16.0), 10_000);
        assert_eq!((fit.multipliers[0], fit.shift, fit.ties), (1, 5, Ties::Even { slack: 0 }));
    }

    #[test]
    fn other_fractions_with_ties() {
        for (product, divisor) in [([1.0], 6.0), ([5.0], 14.0), ([3.0], 100.0), ([7.0], 2.0)] {
            let fit = check(Ratio::new(&product, divisor), 30_000);
            assert!(matches!(fit.ties, Ties::Even { .. }), "{fit:?}");
        }
        assert_eq!(check(Ratio::new(&[1.0], 9.0), 30_000).ties, Ties::Up);
    }

    proptest! {
        #[test]
        fn scales_of_networks_round_exactly(x in 0.001f32..0.1, w in 0.0005f32..0.02,
            y in 0.005f32..0.3) {
            let ratio = Ratio::new(&[f64::from(x), f64::from(w)], y.into());
            let fit = check(ratio, 5_000_000);
            prop_assert_eq!(fit.ties, Ties::Up);
            prop_assert!(fit.shift <= 44, "{:?}", fit);
        }

        #[test]
        fn sums_round_exactly(a in 0.001f32..0.1, b in 0.001f32..0.1, y in 0.002f32..0.2) {
            let [a, b, y] = [a, b, y].map(f64::from);
            let terms = [Term { scale: a, low: -20, high: 25 }, Term { scale: -b, low: -30,
                high: 10 }];
            let fit = sum(&terms, &[], y, -128, 127);
            for i in -20..=25 {
                for j in -30..=10 {
                    let real = (a * i as f64 - b * j as f64) / y;
                    let z = fit.multipliers[0] * i + fit.multipliers[1] * j;
                    prop_assert_eq!(shift_half_up(z, fit.shift).clamp(-128, 127),
                        real.round_ties_even().clamp(-128.0, 127.0) as i64);
                }
            }
        }
    }

    #[test]
    fn sums_of_wide_operands_stay_within_60_bits() {
        let terms = [Term { scale: 1.0, low: -32_768, high: 32_767 }; 3];
        let fit = sum(&terms, &[], 0.001, -32_768, 32_767);
        assert!(fit.shift > 20 && fit.multipliers[0] < 1 << 45, "{fit:?}");
    }

    #[test]
    fn equal_scales_round_halves_to_even() {
        let terms = [Term { scale: 0.25, low: -128, high: 127 }; 2];
        let fit = sum(&terms, &[], 0.5, -128, 127);
        assert_eq!(fit, Fit { multipliers: vec![1, 1], shift: 1, ties: Ties::Even { slack: 0 } });
    }
}
