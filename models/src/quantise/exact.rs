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

use super::staircase::{Slopes, Staircase};
use crate::integer::graph::Ties;

/// No shift is made larger than this.
const SHIFT_LIMIT: u32 = 48;
/// Most operand pairs of a sum that are tried out.
const MAX_PAIRS: usize = 1 << 18;
/// The shift of sums with more pairs, whose halves go up.
const FINE_SHIFT: u32 = 40;

/// Multipliers that share a shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) multipliers: Vec<i64>,
    pub(super) shift: u32,
    pub(super) ties: Ties,
}

/// Multipliers for factors that share a shift. Where none that holds is exact (results of 16 bits,
/// weights of many), the finest that there are.
pub(super) fn fit(staircases: &[Staircase]) -> Fit {
    let fits = |fit: &Fit| {
        let mut pairs = fit.multipliers.iter().zip(staircases);
        pairs.all(|(&multiplier, stairs)| stairs.holds(multiplier, fit.shift))
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
    use super::super::ratio::Ratio;
    use super::*;
    use crate::integer::rounding::{shift_half_even, shift_half_up};
    use proptest::prelude::*;

    fn apply(fit: &Fit, index: usize, a: i64) -> i64 {
        rounded(fit, fit.multipliers[index] * a)
    }

    fn rounded(fit: &Fit, z: i64) -> i64 {
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
        let stairs = Staircase {
            ratio,
            low: -reach,
            high: reach,
            minimum: -128,
            maximum: 127,
            reach: reach.into(),
        };
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

    /// Most scales of networks need at most 44 bits, and each more is half as likely.
    #[test]
    fn the_shift_is_the_smallest_that_is_exact() {
        let [x, w, y] = [0.003_262_120_3_f32, 0.000_510_212_5, 0.122_377_58].map(f64::from);
        let fit = check(Ratio::new(&[x, w], y), 5_000_000);
        assert_eq!((fit.multipliers[0], fit.shift, fit.ties), (478_518_799, 45, Ties::Up));
    }

    proptest! {
        #[test]
        fn scales_of_networks_round_exactly(x in 0.001f32..0.1, w in 0.0005f32..0.02,
            y in 0.005f32..0.3) {
            let ratio = Ratio::new(&[f64::from(x), f64::from(w)], y.into());
            let fit = check(ratio, 5_000_000);
            prop_assert_eq!(fit.ties, Ties::Up);
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
                    prop_assert_eq!(rounded(&fit, z).clamp(-128, 127),
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

    /// A verifier takes sealed weights for the largest that their digits make.
    #[test]
    fn multipliers_hold_for_all_that_accumulators_can_reach() {
        let ratio = Ratio::new(&[0.000_174_285_92, 0.005_587_332], 0.000_110_966_66);
        let (low, high) = (-(1 << 32), 1 << 32);
        let (minimum, maximum) = (-32_768, 32_767);
        for bits in [33, 45, 52] {
            let reach = 1i128 << bits;
            let fit = fit(&[Staircase { ratio, low, high, minimum, maximum, reach }]);
            assert!(i128::from(fit.multipliers[0]) * reach < 1 << 61, "{fit:?}");
            // As fine as that allows.
            let near = fit.multipliers[0] as f64 / f64::from(fit.shift).exp2() / ratio.real();
            assert!((near - 1.0).abs() < f64::from(bits - 60).exp2(), "{near} {fit:?}");
        }
    }

    #[test]
    fn equal_scales_round_halves_to_even() {
        let terms = [Term { scale: 0.25, low: -128, high: 127 }; 2];
        let fit = sum(&terms, &[], 0.5, -128, 127);
        assert_eq!(fit, Fit { multipliers: vec![1, 1], shift: 1, ties: Ties::Even { slack: 0 } });
    }
}
