//! Functions of one number that files spell out in several operators.

use super::binary::BinaryOperator;

/// A function as the steps that compute it, the last of which is its value. Steps read the numbers
/// of earlier ones. `A` are functions that have a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Composition<A> {
    steps: Vec<Step<A>>,
}

impl<A> Default for Composition<A> {
    fn default() -> Self {
        Self { steps: Vec::new() }
    }
}

/// One step of a composition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step<A> {
    /// The function's argument.
    Argument,
    Number(f64),
    /// `factor·x + offset`.
    Affine {
        of: usize,
        factor: f64,
        offset: f64,
    },
    Apply(A, usize),
    /// The sum of some, those marked subtracted, and a number.
    Sum(Vec<(usize, bool)>, f64),
    Product(usize, usize),
    Binary(BinaryOperator, usize, usize),
    /// The second where the first is not zero, else the third.
    Select([usize; 3]),
}

impl<A> Composition<A> {
    /// Appends a step; gives its number.
    pub(crate) fn push(&mut self, step: Step<A>) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// The function's value, with what its functions that have a name give.
    pub fn apply(&self, x: f64, apply: impl Fn(&A, f64) -> f64) -> f64 {
        let mut values: Vec<f64> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = match step {
                Step::Argument => x,
                Step::Number(number) => *number,
                Step::Affine { of, factor, offset } => factor * values[*of] + offset,
                Step::Apply(function, of) => apply(function, values[*of]),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_earlier_ones() {
        let mut composition = Composition::<()>::default();
        let x = composition.push(Step::Argument);
        let two = composition.push(Step::Number(2.0));
        let sum = composition.push(Step::Sum(vec![(x, true), (two, false)], 0.5));
        let less = composition.push(Step::Binary(BinaryOperator::Less, x, two));
        composition.push(Step::Select([less, sum, x]));
        assert_eq!(
            [-1.0, 1.0, 2.0, 3.0].map(|x| composition.apply(x, |(), x| x)),
            [3.5, 1.5, 2.0, 3.0]
        );
    }
}
