//! The tables at the challenges: `1/(β + t)` of each tuple, or only sums over them.
//!
//! A tuple is compressed to `t = tag + θ·c₁ + θ²·c₂ + θ³·c₃`: the tag has a power of its own. From
//! one tuple to the next cells change by little, mostly by what they changed by before, so `t` goes
//! on by an addition. And `Σ w/d` is one fraction in the making, three multiplications a term.

use core::ops::Range;

use ff::{BatchInvert, Field};
use pasta_curves::Fp;

use crate::challenges::{Beta, Theta};
use crate::circuit::key::VerifyingKey;
use crate::circuit::tables::{Tables, Tuple};
use crate::field::integer;
use crate::threads::for_each_chunk;

/// A tag as a field element.
pub(crate) fn tag_value(tag: usize) -> Fp {
    Fp::from(u64::try_from(tag).unwrap_or(u64::MAX))
}

/// `θ`, `θ²`, `θ³`, and small multiples of each.
struct Powers([(Fp, Vec<Fp>); 3]);

impl Powers {
    /// Multiples that are at hand.
    const MULTIPLES: usize = 64;

    fn new(theta: Fp) -> Self {
        let multiples = |power: Fp| {
            let mut multiple = -power;
            let next = || {
                multiple += power;
                multiple
            };
            (power, std::iter::repeat_with(next).take(Self::MULTIPLES).collect())
        };
        Self([theta, theta.square(), theta.square() * theta].map(multiples))
    }

    /// `θ·c₁ + θ²·c₂ + θ³·c₃`.
    fn compress(&self, tuple: Tuple) -> Fp {
        let mut sum = Fp::ZERO;
        for (&cell, (power, multiples)) in tuple.iter().zip(&self.0) {
            let size = usize::try_from(cell.unsigned_abs()).unwrap_or(usize::MAX);
            match multiples.get(size) {
                Some(multiple) if cell < 0 => sum -= multiple,
                Some(multiple) => sum += multiple,
                None => sum += *power * integer(cell),
            }
        }
        sum
    }
}

/// Calls `each` with `β + t` of these rows of the concatenation, in order; of rows behind the last
/// table, which repeat the all-zero tuple, it is `β`.
fn denominators(
    tables: &Tables,
    rows: Range<usize>,
    powers: &Powers,
    beta: Fp,
    mut each: impl FnMut(Fp),
) {
    let mut left = rows.len();
    for (tag, content, mut rows) in tables.within(rows) {
        left = left.saturating_sub(rows.len());
        let Some(mut last) = rows.next().map(|row| content.tuple(row)) else { continue };
        let mut value = beta + tag_value(tag) + powers.compress(last);
        let (mut difference, mut step) = ([0; 3], Fp::ZERO);
        each(value);
        for row in rows {
            let tuple = content.tuple(row);
            let change = change(last, tuple);
            if change != difference {
                (difference, step) = (change, powers.compress(change));
            }
            value += step;
            each(value);
            last = tuple;
        }
    }
    (0..left).for_each(|_| each(beta));
}

/// What is added to a tuple's cells to make another's: both are below `2^62`.
#[allow(clippy::arithmetic_side_effects, reason = "differences of integers of 62 bits")]
fn change([a, b, c]: Tuple, [d, e, f]: Tuple) -> Tuple {
    [d - a, e - b, f - c]
}

/// `Σ w_i/d_i` as one fraction. Two terms are added at a time: each pair waits for the one before
/// it with half of its multiplications only.
struct Fraction {
    numerator: Fp,
    denominator: Fp,
    waiting: Option<(Fp, Fp)>,
}

impl Fraction {
    fn new() -> Self {
        Self { numerator: Fp::ZERO, denominator: Fp::ONE, waiting: None }
    }

    fn add(&mut self, weight: Fp, denominator: Fp) {
        match self.waiting.take() {
            None => self.waiting = Some((weight, denominator)),
            Some((other, beside)) => {
                let weight = weight * beside + other * denominator;
                self.join(weight, denominator * beside);
            }
        }
    }

    fn join(&mut self, numerator: Fp, denominator: Fp) {
        self.numerator = self.numerator * denominator + numerator * self.denominator;
        self.denominator *= denominator;
    }

    /// Numerator and denominator.
    fn finish(mut self) -> (Fp, Fp) {
        if let Some((weight, denominator)) = self.waiting.take() {
            self.join(weight, denominator);
        }
        (self.numerator, self.denominator)
    }
}

impl VerifyingKey {
    /// Does something for the rows of every slot, on all cores.
    fn for_each_slot<T: Clone + Send>(
        &self,
        empty: T,
        work: impl Fn(Range<usize>, &mut T) + Sync,
    ) -> Vec<T> {
        let layout = self.layout();
        let mut slots = vec![empty; layout.slots];
        for_each_chunk(&mut slots, 1, |slot, values| {
            let start = slot.saturating_mul(layout.usable);
            let rows = start..start.saturating_add(layout.usable);
            values.iter_mut().for_each(|value| work(rows.clone(), value));
        });
        slots
    }

    /// The denominators `β + t_s` of the public columns, one column per slot, `u` rows each.
    ///
    /// Rows of the last slot that no table fills repeat the all-zero tuple, which is always valid.
    pub fn table_denominators(&self, theta: Theta, beta: Beta) -> Vec<Vec<Fp>> {
        let powers = Powers::new(*theta);
        self.for_each_slot(Vec::new(), |rows, values| {
            values.reserve_exact(rows.len());
            denominators(self.tables(), rows, &powers, *beta, |value| values.push(value));
        })
    }

    /// The public columns `R_s = 1/(β + t_s)`; none if a denominator is zero.
    pub fn table_inverses(&self, theta: Theta, beta: Beta) -> Option<Vec<Vec<Fp>>> {
        inverses(self.table_denominators(theta, beta))
    }

    /// `Σ weights[row]·R_s[row]` of every slot; none if a denominator is zero.
    pub fn table_sums(&self, theta: Theta, beta: Beta, weights: &[Fp]) -> Option<Vec<Fp>> {
        let powers = Powers::new(*theta);
        let sums = self.for_each_slot((Fp::ZERO, Fp::ZERO), |rows, sum| {
            let mut fraction = Fraction::new();
            let mut weights = weights.iter();
            denominators(self.tables(), rows, &powers, *beta, |value| {
                fraction.add(weights.next().copied().unwrap_or(Fp::ZERO), value);
            });
            *sum = fraction.finish();
        });
        let (numerators, mut denominators): (Vec<Fp>, Vec<Fp>) = sums.into_iter().unzip();
        if denominators.iter().any(|denominator| bool::from(denominator.is_zero())) {
            return None;
        }
        denominators.iter_mut().batch_invert();
        Some(numerators.iter().zip(denominators).map(|(n, inverse)| *n * inverse).collect())
    }
}

/// The inverses of columns; none if an element is zero.
pub fn inverses(mut columns: Vec<Vec<Fp>>) -> Option<Vec<Vec<Fp>>> {
    for_each_chunk(&mut columns, 1, |_, columns| {
        columns.iter_mut().for_each(|column| {
            column.iter_mut().batch_invert();
        });
    });
    // What is zero stays zero.
    let degenerate = columns.iter().flatten().any(|value| bool::from(value.is_zero()));
    (!degenerate).then_some(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenges::Challenge;
    use crate::circuit::description::{
        Description, Form, Function, Input, Node, Operator, Output, OutputSource, Quantisation,
        Requantise, Scheme, Visibility,
    };
    use crate::field::multilinear::inner_product;

    /// A key with tables of every kind over several slots: cells go on evenly, by turns, and in
    /// leaps that have no multiple at hand.
    fn key() -> VerifyingKey {
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let values = (0..150).map(|x: i64| match x {
            0..50 => x / 3 - 9,
            50..100 => (x * 7919 % 101 - 50) << 40,
            _ => -(1 << 61) + (x % 2) * ((1 << 62) - 1),
        });
        let functions = vec![Function { minimum: -30, values: values.collect() }];
        let divided =
            |form| Operator::Requantise(Requantise { input: 0, shift: 3, function: 0, form });
        let operators = [Operator::Input(0), divided(Form::Narrow), divided(Form::Wide)];
        let node = |operator| Node { name: String::new(), operator };
        VerifyingKey::new(Description {
            name: String::new(),
            k: 7,
            limb_bits: 3,
            bias_digits: 0,
            functions,
            inputs: vec![Input {
                name: "x".into(),
                shape: vec![3],
                minimum: -1000,
                maximum: 2000,
                quantisation: quantisation.clone(),
                visibility: Visibility::Private,
            }],
            nodes: operators.into_iter().map(node).collect(),
            outputs: vec![Output {
                name: "y".into(),
                shape: vec![3],
                source: OutputSource::Node(2),
                quantisation,
                visibility: Visibility::Public,
            }],
        })
        .unwrap()
    }

    /// `t` by definition.
    fn compressed(tag: usize, tuple: Tuple, theta: Fp) -> Fp {
        let powers = [theta, theta.square(), theta.square() * theta];
        tag_value(tag) + tuple.iter().zip(powers).map(|(c, p)| integer(*c) * p).sum::<Fp>()
    }

    #[test]
    fn inverses_and_their_sums_are_those_of_the_tuples() {
        let (key, theta, beta) = (key(), Fp::from(0x1234_5678).square(), Fp::from(99).square());
        let usable = key.layout().usable;
        let mut inverses: Vec<Fp> = key
            .tables()
            .tuples()
            .map(|(tag, tuple)| (beta + compressed(tag, tuple, theta)).invert().unwrap())
            .collect();
        assert!(inverses.len() > 8 * usable && inverses.len() % usable != 0);
        inverses.resize(key.layout().slots * usable, beta.invert().unwrap());
        let expected: Vec<Vec<Fp>> = inverses.chunks(usable).map(<[Fp]>::to_vec).collect();
        let (theta, beta) = (Challenge::new(theta), Challenge::new(beta));
        assert_eq!(key.table_inverses(theta, beta), Some(expected.clone()));
        let weights: Vec<Fp> =
            (3..).map(|row| Fp::from(row).square().square()).take(usable + 4).collect();
        let sums: Vec<Fp> = expected.iter().map(|slot| inner_product(slot, &weights)).collect();
        assert_eq!(key.table_sums(theta, beta, &weights), Some(sums));
    }

    #[test]
    fn a_denominator_of_zero_is_none() {
        let (key, theta) = (key(), Fp::from(0x1234_5678).square());
        let tuples: Vec<(usize, Tuple)> = key.tables().tuples().collect();
        let weights = vec![Fp::ONE; key.layout().usable];
        for at in [0, 1, 2, 150, tuples.len() / 2, tuples.len() - 1] {
            let (tag, tuple) = tuples[at];
            let beta = Challenge::new(-compressed(tag, tuple, theta));
            assert_eq!(key.table_inverses(Challenge::new(theta), beta), None, "tuple {at}");
            assert_eq!(key.table_sums(Challenge::new(theta), beta, &weights), None, "tuple {at}");
        }
    }
}
