//! The terms of lookups along a line through two rows, at `0, 1, 2, …`.
//!
//! A group's `h·Π f − Σ_j Π_{i≠j} f_i` is the numerator of `h − Σ 1/f`. Sums of fractions are added
//! as a tree, and each has its numerator and denominator at as many points only as their degree
//! takes: further points follow by differences, additions where each would take multiplications.

use ff::Field;
use pasta_curves::Fp;
use zkinfer_verifier::LOOKUPS_PER_HELPER;

/// Points that say all of a group's term, a helper times all its denominators.
pub const POINTS: usize = LOOKUPS_PER_HELPER + 2;

/// A line: its value at 0, and its step.
pub type Line = [Fp; 2];

/// Further points so few that products are cheaper than differences.
const NEAR: usize = 2;

/// Numerator and denominator of `Σ 1/f` at the first points of a line.
struct Fractions {
    numerator: [Fp; POINTS],
    denominator: [Fp; POINTS],
}

impl Fractions {
    /// At so many points, more than there are denominators.
    fn new(denominators: &[Line], points: usize) -> Self {
        let [mut numerator, mut denominator] = [[Fp::ZERO; POINTS]; 2];
        let count = denominators.len();
        let mut known = [count, count + 1];
        match denominators {
            [] => denominator[0] = Fp::ONE,
            [[f, step]] => {
                numerator[0] = Fp::ONE;
                denominator[..2].copy_from_slice(&[*f, *f + step]);
            }
            [[f, f_step], [g, g_step]] => {
                let [next_f, next_g] = [*f + f_step, *g + g_step];
                numerator[..2].copy_from_slice(&[*f + g, next_f + next_g]);
                let last = (next_f + f_step) * (next_g + g_step);
                denominator[..3].copy_from_slice(&[*f * g, next_f * next_g, last]);
            }
            _ => {
                if points <= count + 1 + NEAR {
                    known = [points; 2];
                }
                let (left, right) = denominators.split_at(count.div_ceil(2));
                let [left, right] = [left, right].map(|half| Self::new(half, known[1]));
                let operands = left.numerator.iter().zip(&left.denominator);
                let operands = operands.zip(right.numerator.iter().zip(&right.denominator));
                for (at, ((p, q), (r, s))) in operands.enumerate().take(known[1]) {
                    denominator[at] = *q * s;
                    if at < known[0] {
                        numerator[at] = *p * s + *r * q;
                    }
                }
            }
        }
        extend(&mut numerator[..points], known[0]);
        extend(&mut denominator[..points], known[1]);
        Self { numerator, denominator }
    }
}

/// A polynomial at further points, by the differences of those that are known, which must say all
/// of it.
pub fn extend(values: &mut [Fp], known: usize) {
    if known == 0 || known >= values.len() {
        return;
    }
    // Differences of every order that end at the last known point.
    let mut differences = [Fp::ZERO; POINTS];
    differences[..known].copy_from_slice(&values[..known]);
    for order in 1..known {
        for at in 0..known - order {
            differences[at] = differences[at + 1] - differences[at];
        }
    }
    for value in &mut values[known..] {
        for order in 1..known {
            let lower = differences[order - 1];
            differences[order] += lower;
        }
        *value = differences[known - 1];
    }
}

/// `Σ_g y^(g+1)·(h_g·Π f − Σ_j Π_{i≠j} f_i)` from point `first` on; zero before, as it must be
/// then.
pub fn terms(lookups: &[Line], helpers: &[Line], y: Fp, first: usize) -> [Fp; POINTS] {
    let mut sums = [Fp::ZERO; POINTS];
    let groups = lookups.chunks(LOOKUPS_PER_HELPER).zip(helpers);
    for (group, [helper, step]) in groups.rev() {
        let Fractions { numerator, denominator } = Fractions::new(group, POINTS);
        let mut helper = *helper;
        for (at, sum) in sums.iter_mut().enumerate() {
            if at >= first {
                *sum = (*sum + helper * denominator[at] - numerator[at]) * y;
            }
            helper += step;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkinfer_verifier::argument::row_sum::helper_terms;

    #[test]
    fn polynomials_go_on_by_differences() {
        let cubic = |t: u64| Fp::from(7 * t * t * t + 5 * t + 3);
        let mut values: Vec<Fp> = (0..4).map(cubic).collect();
        values.resize(9, Fp::ZERO);
        extend(&mut values, 4);
        assert_eq!(values, (0..9).map(cubic).collect::<Vec<_>>());
    }

    #[test]
    fn terms_are_those_of_every_point_by_itself() {
        let value = |i: u64| Fp::from(i * i + 3).square().square();
        for count in 0..=2 * LOOKUPS_PER_HELPER as u64 + 3 {
            let lookups: Vec<Line> = (0..count).map(|i| [value(i), -value(i + 40)]).collect();
            let helpers = count.div_ceil(LOOKUPS_PER_HELPER as u64);
            let helpers: Vec<Line> = (0..helpers).map(|i| [value(i + 80), value(i + 90)]).collect();
            let at = |lines: &[Line], t: u64| -> Vec<Fp> {
                lines.iter().map(|[value, step]| *value + *step * Fp::from(t)).collect()
            };
            let y = Fp::from(1009);
            let found = terms(&lookups, &helpers, y, 0);
            for (t, found) in (0..).zip(found) {
                assert_eq!(found, helper_terms(&at(&lookups, t), &at(&helpers, t), y), "{count}");
            }
            let later = terms(&lookups, &helpers, y, 2);
            assert_eq!((&later[..2], &later[2..]), (&[Fp::ZERO; 2][..], &found[2..]));
        }
    }
}
