//! What the messages of an argument must be: recomputed from the public side, and held against the
//! commitments by their opening.

use ff::Field;
use pasta_curves::{EqAffine, Fp};

use super::basis::Basis;
use crate::adjoint::{Adjoint, backward_at};
use crate::argument::Argument;
use crate::argument::opened::Opened;
use crate::argument::opening::{Claim, Equation};
use crate::argument::public::{Public, Rows};
use crate::argument::running_sum::{ColumnsAt, constraints};
use crate::circuit::key::VerifyingKey;
use crate::error::Rejection;
use crate::field::multilinear::inner_product;
use crate::field::powers;
use crate::parameters::Parameters;
use crate::wire::statement::CheckedStatement;

/// What follows from the key, the statement and the challenges.
pub(super) struct Expected {
    adjoint: Adjoint<Fp>,
    rows: Rows,
    opened: Opened,
}

impl Expected {
    /// The public side of an argument that has been read.
    pub(super) fn of(
        key: &VerifyingKey,
        statement: &CheckedStatement<'_>,
        argument: &Argument,
    ) -> Result<Self, Rejection> {
        let rows = Rows::new(&argument.point, key.layout());
        let adjoint = backward_at(key, statement.statement(), argument.linear, &rows.weights);
        let public = Public::evaluate(key, &rows, &adjoint, &argument.lookup)?;
        let opened = public.opened(
            key.layout(),
            &rows,
            argument.evaluations(),
            adjoint.target,
            &argument.lookup,
            (argument.gamma, argument.lambda),
        )?;
        Ok(Self { adjoint, rows, opened })
    }

    /// The equation that holds if commitments open to what is expected; `sealed` are those of
    /// statement and seal.
    pub(super) fn opening(
        self,
        key: &VerifyingKey,
        parameters: &Parameters,
        sealed: &[EqAffine],
        argument: Argument,
    ) -> Result<Equation, Rejection> {
        let [combined, message, here, next] = argument.values;
        let (x, basis) = (argument.x, Basis::new(key.description().k, *argument.x)?);
        let quotient = self.quotient(key, &argument, &basis);
        let messages = powers(*argument.lambda, argument.messages.len()).into_iter();
        let messages = messages.zip(argument.messages.iter().copied()).collect();
        let committed = vec![(Fp::ONE, argument.quotient)];
        let sum = Claim { terms: vec![(Fp::ONE, argument.sum)], values: [here, next] };
        let opening = argument.opening.clone();
        let claims = [
            Claim { terms: self.combination(key, sealed, argument), values: [combined] },
            Claim { terms: messages, values: [message] },
            Claim { terms: committed, values: [quotient] },
        ];
        opening.equation(parameters, &claims, &sum, [*x, *x * basis.omega])
    }

    /// The quotient at `x`, from the constraints there.
    fn quotient(&self, key: &VerifyingKey, argument: &Argument, basis: &Basis) -> Fp {
        let ([combination, messages, here, next], boundary) =
            (argument.values, key.layout().boundary());
        let row = ColumnsAt {
            sum: [here, next],
            combination,
            messages,
            weight: inner_product(&self.rows.weights, &basis.values),
            message_weight: inner_product(&self.opened.equations.weights, &basis.values),
            active: basis.values.iter().take(boundary).sum(),
            first: basis.at(0),
            boundary: basis.at(boundary),
        };
        constraints(&row, self.opened.value(), *argument.upsilon) * basis.vanishing_inverse
    }

    /// The commitment to `A` as a combination of those to columns.
    fn combination(
        self,
        key: &VerifyingKey,
        sealed: &[EqAffine],
        argument: Argument,
    ) -> Vec<(Fp, EqAffine)> {
        let (layout, coefficients) = (key.layout(), self.opened.combination);
        let Argument { mut cells, multiplicities, factors, helpers, .. } = argument;
        let dense = layout.factor_columns().start.saturating_sub(cells.len());
        let (dense, weights) = sealed.split_at_checked(dense).unwrap_or((sealed, &[]));
        cells.extend(dense.iter().copied().chain(factors));
        let kappa = self.rows.sealed_weights(layout, &self.adjoint);
        let terms = coefficients.cells.into_iter().zip(cells);
        let terms = terms.chain(kappa.into_iter().zip(weights.iter().copied()));
        let terms = terms.chain(coefficients.multiplicities.into_iter().zip(multiplicities));
        terms.chain(coefficients.helpers.into_iter().zip(helpers)).collect()
    }
}

#[cfg(test)]
mod tests {
    use ff::PrimeField;
    use group::GroupEncoding;

    use super::*;
    use crate::argument::bound::Bound;
    use crate::argument::opening::{InnerProduct, MultiOpening};
    use crate::argument::schedule::Sizes;
    use crate::challenges::{Challenge, LinearChallenges, LookupChallenges, Name};
    use crate::circuit::description::{
        Contract, Description, Form, Function, Input, Node, Operator, Output, OutputSource,
        Quantisation, Requantise, Scheme, Visibility, Weights,
    };
    use crate::wire::statement::{Statement, Value};

    /// A requantised contraction of a private input with sealed weights: lookups, helpers, factors,
    /// matrices with rows and columns.
    fn key() -> VerifyingKey {
        let node = |name: &str, operator| Node { name: name.into(), operator };
        let (name, shape) = ("x".to_owned(), vec![2, 1, 3]);
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let contract = Contract {
            input: 0,
            rows: 2,
            groups: 1,
            kernel: [1, 1],
            strides: [1, 1],
            pads: [0; 4],
            dilations: [1, 1],
            weights: Weights::Sealed,
            row_factors: vec![1, 2],
            column_factors: vec![],
            bias: vec![3, -4],
        };
        let requantise = Requantise { input: 1, shift: 8, function: 0, form: Form::Wide };
        let description = Description {
            name: "small".into(),
            k: 7,
            limb_bits: 4,
            bias_digits: 1,
            functions: vec![Function::clamp(-4, 3)],
            inputs: vec![Input {
                name,
                shape,
                minimum: -4,
                maximum: 3,
                quantisation: quantisation.clone(),
                visibility: Visibility::Private,
            }],
            nodes: vec![
                node("x", Operator::Input(0)),
                node("contraction", Operator::Contract(contract)),
                node("clamp", Operator::Requantise(requantise)),
            ],
            outputs: vec![Output {
                name: "y".into(),
                shape: vec![2, 3],
                source: OutputSource::Node(2),
                quantisation: quantisation.clone(),
                visibility: Visibility::Public,
            }],
        };
        VerifyingKey::new(description).unwrap()
    }

    /// What can be changed in an argument.
    enum Slot<'a> {
        Point(&'a mut EqAffine),
        Scalar(&'a mut Fp),
        Challenge(&'a mut dyn Bump),
    }

    trait Bump {
        fn bump(&mut self);
    }

    impl<N: Name> Bump for Challenge<N> {
        fn bump(&mut self) {
            *self = Challenge::new(**self + Fp::ONE);
        }
    }

    /// Every element of an argument with the name of its part. No field is left out.
    fn slots(argument: &mut Argument) -> Vec<(&'static str, Slot<'_>)> {
        let Argument {
            cells,
            multiplicities,
            factors,
            linear: LinearChallenges { rho, sigma, tau },
            helpers,
            lookup: LookupChallenges { theta, beta, zeta, y },
            messages,
            point,
            lookups_at,
            helpers_at,
            factors_at,
            gamma,
            lambda,
            sum,
            upsilon,
            quotient,
            x,
            values,
            opening,
        } = argument;
        let MultiOpening { x_1, x_2, quotient: folded, x_3, values: at_x_3, x_4, product } =
            opening;
        let InnerProduct { mask, xi, z, rounds, scalars } = product;
        let single = [
            ("S", sum),
            ("the quotient", quotient),
            ("the opening's quotient", folded),
            ("the opening's mask", mask),
        ];
        let mut slots: Vec<_> =
            single.into_iter().map(|(name, point)| (name, Slot::Point(point))).collect();
        let points = [
            ("cells", cells),
            ("multiplicities", multiplicities),
            ("factors", factors),
            ("helpers", helpers),
            ("messages", messages),
        ];
        for (name, list) in points {
            assert!(!list.is_empty(), "{name}");
            slots.extend(list.iter_mut().map(|point| (name, Slot::Point(point))));
        }
        let evaluations: [(_, &mut [Fp]); 6] = [
            ("lookups", lookups_at),
            ("helpers", helpers_at),
            ("factors", factors_at),
            ("values", values),
            ("values of the opening", at_x_3),
            ("scalars of the inner product", scalars),
        ];
        for (name, list) in evaluations {
            assert!(!list.is_empty(), "{name}");
            slots.extend(list.iter_mut().map(|scalar| (name, Slot::Scalar(scalar))));
        }
        let challenges: [(_, &mut dyn Bump); 17] = [
            ("ρ", rho),
            ("σ", sigma),
            ("τ", tau),
            ("θ", theta),
            ("β", beta),
            ("ζ", zeta),
            ("y", y),
            ("γ", gamma),
            ("λ", lambda),
            ("υ", upsilon),
            ("x", x),
            ("x₁", x_1),
            ("x₂", x_2),
            ("x₃", x_3),
            ("x₄", x_4),
            ("ξ", xi),
            ("z", z),
        ];
        let challenge = |(name, challenge)| (name, Slot::Challenge(challenge));
        slots.extend(challenges.map(challenge));
        assert_eq!((point.len(), rounds.len()), (7, 7));
        slots.extend(point.iter_mut().map(|r| ("r", Slot::Challenge(r))));
        for ([left, right], challenge) in rounds {
            slots.extend([("L", Slot::Point(left)), ("R", Slot::Point(right))]);
            slots.push(("u", Slot::Challenge(challenge)));
        }
        slots
    }

    #[test]
    fn each_message_and_each_challenge_counts() {
        // Any argument will do: what the equation says must change with everything that was read.
        let (key, parameters) = (key(), Parameters::derive_for_verifying(7).unwrap());
        let statement = Statement {
            inputs: vec![Value::Private],
            outputs: vec![Value::Public(vec![1, -2, 3, 0, 1, 2])],
        };
        let sealed =
            parameters.generators().iter().copied().take(key.layout().sealed_columns().count());
        let sealed: Vec<EqAffine> = sealed.collect();
        let mut bytes = Vec::new();
        for (part, count) in Sizes::of(&key).parts() {
            for _ in 0..count {
                let number = bytes.len() / 32;
                if part.is_scalars() {
                    bytes.extend(Fp::from(number as u64 + 1000).to_repr());
                } else {
                    bytes.extend(parameters.generators()[number].to_bytes());
                }
            }
        }
        let bound = Bound::new(&key, None, parameters.digest(), &statement);
        let read = || Argument::read(&key, &bound, &bytes).unwrap();
        let opening = |sealed: &[EqAffine], argument: Argument| {
            let checked = statement.check(&key).unwrap();
            let expected = Expected::of(&key, &checked, &argument).unwrap();
            expected.opening(&key, &parameters, sealed, argument).unwrap()
        };
        let equation = |argument| opening(&sealed, argument);
        let honest = equation(read());
        let other = parameters.generators()[100];
        for at in 0..slots(&mut read()).len() {
            let mut argument = read();
            let (name, slot) = slots(&mut argument).swap_remove(at);
            match slot {
                Slot::Point(point) => *point = other,
                Slot::Scalar(scalar) => *scalar += Fp::ONE,
                Slot::Challenge(challenge) => challenge.bump(),
            }
            assert_ne!(equation(argument), honest, "{name}");
        }
        for column in 0..sealed.len() {
            let mut sealed = sealed.clone();
            sealed[column] = other;
            assert_ne!(opening(&sealed, read()), honest, "sealed column {column}");
        }
    }
}
