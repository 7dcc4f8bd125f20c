//! Functions of one number that files spell out in several operators.

use super::activation::Activation;
use super::binary::BinaryOperator;

/// A function as the steps that compute it, the last of which is its value. Steps read the numbers
/// of earlier ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Composition {
    steps: Vec<Step>,
}

/// One step of a composition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// The function's argument.
    Argument,
    Number(f64),
    /// `factor·x + offset`.
    Affine {
        of: usize,
        factor: f64,
        offset: f64,
    },
    Apply(Activation, usize),
    /// The sum of some, those marked subtracted, and a number.
    Sum(Vec<(usize, bool)>, f64),
    Product(usize, usize),
    Binary(BinaryOperator, usize, usize),
    /// The second where the first is not zero, else the third.
    Select([usize; 3]),
}

impl Composition {
    /// Appends a step; gives its number.
    pub(crate) fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// The function's value.
    pub fn apply(&self, x: f64) -> f64 {
        let mut values: Vec<f64> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = match step {
                Step::Argument => x,
                Step::Number(number) => *number,
                Step::Affine { of, factor, offset } => factor * values[*of] + offset,
                Step::Apply(activation, of) => activation.apply(values[*of]),
                Step::Sum(terms, number) => {
                    let signed = terms.iter().map(|&(of, subtract)| match subtract {
                        true => -values[of],
                        false => values[of],
                    });
                    signed.sum::<f64>() + number
                }
                Step::Product(a, b) => values[*a] * values[*b],
                Step::Binary(operator, a, b) => operator.apply(values[*a], values[*b]),
                Step::Select([condition, yes, no]) => {
                    values[if values[*condition] == 0.0 { *no } else { *yes }]
                }
            };
            values.push(value);
        }
        values.last().copied().unwrap_or(x)
    }

    /// The function that has a name and these values, or this one.
    pub(crate) fn named(self) -> Activation {
        /// Numbers of single precision that exporters write, such as √2.
        const SAME: f64 = 2e-6;
        /// Arguments that are tried, 8 to a unit on both sides of zero.
        const TRIED: i32 = 192;
        let same = |known: &Activation| {
            (-TRIED..=TRIED).all(|index| {
                let x = f64::from(index) / 8.0;
                (known.apply(x) - self.apply(x)).abs() <= SAME * x.abs().max(1.0)
            })
        };
        let share = self.apply(1.0);
        // x·σ(αx) at 1.
        let alpha = (share / (1.0 - share)).ln() as f32;
        let known = [
            Activation::Gelu { tanh: false },
            Activation::Gelu { tanh: true },
            Activation::Swish { alpha: (alpha * 1e4).round() / 1e4 },
            Activation::Mish,
            Activation::Softplus,
            Activation::HardSwish,
            Activation::Sigmoid,
            Activation::Softsign,
            Activation::Elu { alpha: 1.0, gamma: 1.0 },
            Activation::Relu,
        ];
        match known.into_iter().find(same) {
            Some(known) => known,
            None => Activation::Composed(Box::new(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::activation::Plain;

    /// `number·x·(1 + erf(x/√2))`.
    fn gelu(number: f64) -> Composition {
        let mut composition = Composition::default();
        let x = composition.push(Step::Argument);
        let factor = f64::from(0.707_106_77f32);
        let scaled = composition.push(Step::Affine { of: x, factor, offset: 0.0 });
        let erf = composition.push(Step::Apply(Activation::Plain(Plain::Erf), scaled));
        let more = composition.push(Step::Sum(vec![(erf, false)], 1.0));
        let product = composition.push(Step::Product(x, more));
        composition.push(Step::Affine { of: product, factor: number, offset: 0.0 });
        composition
    }

    #[test]
    fn functions_are_known_by_their_values() {
        assert_eq!(gelu(0.5).named(), Activation::Gelu { tanh: false });
        let Activation::Composed(other) = gelu(0.501).named() else { panic!("it is another") };
        assert!((other.apply(1.0) - 1.002 * gelu(0.5).apply(1.0)).abs() < 1e-12);
    }

    #[test]
    fn steps_read_earlier_ones() {
        let mut composition = Composition::default();
        let x = composition.push(Step::Argument);
        let two = composition.push(Step::Number(2.0));
        let sum = composition.push(Step::Sum(vec![(x, true), (two, false)], 0.5));
        let less = composition.push(Step::Binary(BinaryOperator::Less, x, two));
        composition.push(Step::Select([less, sum, x]));
        assert_eq!([-1.0, 1.0, 2.0, 3.0].map(|x| composition.apply(x)), [3.5, 1.5, 2.0, 3.0]);
    }
}
