//! Verification: recompute the public side, check the evaluations against the constraints, check
//! the opening.

mod seal;

use ff::{BatchInvert, Field, PrimeField};
use pasta_curves::{EqAffine, Fp};

use crate::adjoint::backward;
use crate::argument::Argument;
use crate::argument::bound::Bound;
use crate::argument::opened::Opened;
use crate::argument::opening::{Claim, Equation};
use crate::argument::public::{Public, Rows};
use crate::argument::running_sum::{Point, constraints};
use crate::circuit::key::VerifyingKey;
use crate::circuit::tables::{Tuple, compress_tuple};
use crate::encoding::digest::Digest;
use crate::error::Rejection;
use crate::field::multilinear::inner_product;
use crate::field::powers;
use crate::parameters::Parameters;
use crate::threads::for_each_chunk;
use crate::wire::commitment::decode;
use crate::wire::proof::Proof;
use crate::wire::seal::CheckedSeal;
use crate::wire::statement::Statement;

impl VerifyingKey {
    /// Whether `proof` shows that the network of this key maps the statement's inputs to its
    /// outputs. For keys without sealed weights.
    ///
    /// Cost: field work linear in cells and weights, one multi-scalar multiplication of `2^k` plus
    /// the commitments.
    pub fn verify(&self, parameters: &Parameters, proof: &Proof) -> Result<(), Rejection> {
        self.verify_sealed(parameters, None, proof)
    }

    /// The same for any key: `seal` is the seal of the model's weights, if they are sealed.
    ///
    /// The cost of sealed weights: field work linear in columns and output channels, a term of the
    /// multiplication for each column.
    pub fn verify_sealed(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<(), Rejection> {
        if self.fold_opening(parameters, seal, proof)?.holds() {
            Ok(())
        } else {
            Err(Rejection::Opening)
        }
    }

    /// The commitments `C` that the proof's statement and the model's seal say, one per sealed
    /// column.
    fn sealed_points(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<Vec<EqAffine>, Rejection> {
        if proof.key != self.digest() {
            return Err(Rejection::OtherKey {
                expected: self.digest().to_string(),
                got: proof.key.to_string(),
            });
        }
        if parameters.k() != self.description().k {
            return Err(Rejection::OtherParameters {
                expected: self.description().k,
                got: parameters.k(),
            });
        }
        match (seal, self.has_sealed_weights()) {
            (None, true) => return Err(Rejection::SealMissing),
            (Some(_), false) => return Err(Rejection::SealUnexpected),
            (Some(seal), true) => seal.fits(self, parameters)?,
            (None, false) => {}
        }
        let digest = seal.map(CheckedSeal::digest);
        if digest != proof.seal {
            let name =
                |digest: Option<Digest>| digest.map_or("none".into(), |digest| digest.to_string());
            return Err(Rejection::OtherSeal { expected: name(proof.seal), got: name(digest) });
        }
        proof.statement.check(self)?;
        let values = proof.statement.inputs.iter().chain(&proof.statement.outputs);
        let commitments = values.flat_map(|value| value.commitments()).map(decode);
        let points =
            commitments.chain(seal.iter().flat_map(|seal| seal.points()).map(|point| Some(*point)));
        points
            .collect::<Option<_>>()
            .ok_or(Rejection::Encoding { part: "commitments of the statement" })
    }

    /// Everything but the final multi-scalar multiplication.
    fn fold_opening(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<Equation, Rejection> {
        let sealed = self.sealed_points(parameters, seal, proof)?;
        let bound = Bound::new(self, proof.seal, parameters.digest(), &proof.statement);
        self.equation(
            parameters,
            &sealed,
            &proof.statement,
            Argument::read(self, &bound, &proof.argument)?,
        )
    }

    /// What must hold of an argument that has been read, with the commitments `sealed` of its
    /// statement and seal.
    fn equation(
        &self,
        parameters: &Parameters,
        sealed: &[EqAffine],
        statement: &Statement,
        argument: Argument,
    ) -> Result<Equation, Rejection> {
        let layout = self.layout();
        let evaluations = argument.evaluations();
        let Argument { challenges, separators, upsilon, x, .. } = argument;
        let [_, lambda] = separators;

        // What the evaluations must be.
        let adjoint = backward(self, statement, argument.cotangents);
        let rows = Rows::new(argument.point.clone(), layout);
        let public = Public::evaluate(self, &rows, &adjoint, &challenges)?;
        let opened =
            public.opened(layout, &rows, evaluations, adjoint.target, &challenges, separators)?;
        let value = opened.value();
        let Opened { combination, equations } = opened;

        // Their opening.
        let [combined, message, here, next] = argument.values;
        let basis = Basis::new(self.description().k, x)?;
        let row = Point {
            sum: [here, next],
            combination: combined,
            messages: message,
            weight: inner_product(&rows.weights, &basis.values),
            message_weight: inner_product(&equations.weights, &basis.values),
            active: basis.values.iter().take(layout.boundary()).sum(),
            first: basis.at(0),
            boundary: basis.at(layout.boundary()),
        };
        let quotient_value = constraints(&row, value, upsilon) * basis.vanishing_inverse;
        let Argument {
            mut cells,
            multiplicities,
            factors,
            helpers,
            messages,
            sum,
            quotient,
            opening,
            ..
        } = argument;
        let dense = layout.factor_columns().start.saturating_sub(cells.len());
        let (dense, weights) = sealed.split_at_checked(dense).unwrap_or((sealed, &[]));
        cells.extend(dense.iter().copied().chain(factors));
        let terms = combination.cells.into_iter().zip(cells);
        let terms = terms
            .chain(rows.sealed_weights(layout, &adjoint).into_iter().zip(weights.iter().copied()));
        let terms = terms.chain(combination.multiplicities.into_iter().zip(multiplicities));
        let terms = terms.chain(combination.helpers.into_iter().zip(helpers)).collect();
        let here_claims = [
            Claim { terms, values: [combined] },
            Claim {
                terms: powers(lambda, messages.len()).into_iter().zip(messages).collect(),
                values: [message],
            },
            Claim { terms: vec![(Fp::ONE, quotient)], values: [quotient_value] },
        ];
        let both = Claim { terms: vec![(Fp::ONE, sum)], values: [here, next] };
        opening.equation(parameters, &here_claims, &both, [x, x * basis.omega])
    }

    /// The public columns `R_s = 1/(β + t_s)`, one per slot, `u` rows each; none if a denominator
    /// is zero.
    ///
    /// Rows of the last slot that no table fills repeat the all-zero tuple, which is always valid.
    pub fn table_inverses(&self, theta: Fp, beta: Fp) -> Option<Vec<Vec<Fp>>> {
        let layout = self.layout();
        let tuples: Vec<(usize, Tuple)> = self.tables().tuples().collect();
        let slots = tuples.chunks(layout.usable.max(1));
        let mut columns: Vec<_> = slots.map(|tuples| (tuples, Vec::new())).collect();
        for_each_chunk(&mut columns, 1, |_, columns| {
            for (tuples, inverses) in columns {
                inverses.extend(
                    tuples.iter().map(|(tag, tuple)| beta + compress_tuple(*tag, *tuple, theta)),
                );
                inverses.resize(layout.usable, beta);
                inverses.iter_mut().batch_invert();
            }
        });
        // What is zero stays zero.
        let inverses: Vec<Vec<Fp>> = columns.into_iter().map(|(_, inverses)| inverses).collect();
        let degenerate = inverses.iter().flatten().any(|value| bool::from(value.is_zero()));
        (!degenerate).then_some(inverses)
    }
}

/// The Lagrange basis of the domain at `x`.
struct Basis {
    values: Vec<Fp>,
    omega: Fp,
    vanishing_inverse: Fp,
}

impl Basis {
    /// `l_i(x) = ω^i·(x^n − 1) / (n·(x − ω^i))`.
    fn new(k: u32, x: Fp) -> Result<Self, Rejection> {
        let degenerate = Rejection::DegenerateChallenge { part: "evaluation point in the domain" };
        let count = 1u64.checked_shl(k).unwrap_or(0);
        let omega =
            Fp::ROOT_OF_UNITY.pow_vartime([1u64.checked_shl(Fp::S.saturating_sub(k)).unwrap_or(0)]);
        let vanishing = x.pow_vartime([count]) - Fp::ONE;
        let vanishing_inverse =
            Option::<Fp>::from(vanishing.invert()).ok_or_else(|| degenerate.clone())?;
        let scale = vanishing * Option::<Fp>::from(Fp::from(count).invert()).ok_or(degenerate)?;
        let roots = powers(omega, usize::try_from(count).unwrap_or(0));
        // x is no n-th root of unity, so no denominator is zero.
        let mut values: Vec<Fp> = roots.iter().map(|root| x - root).collect();
        values.iter_mut().batch_invert();
        values.iter_mut().zip(roots).for_each(|(value, root)| *value *= scale * root);
        Ok(Self { values, omega, vanishing_inverse })
    }

    fn at(&self, row: usize) -> Fp {
        self.values.get(row).copied().unwrap_or(Fp::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use group::GroupEncoding;

    use super::*;
    use crate::circuit::description::{
        Contract, Description, Form, Function, Input, Node, Operator, Output, OutputSource,
        Quantisation, Requantise, Visibility, Weights,
    };
    use crate::wire::proof::elements;
    use crate::wire::statement::Value;

    /// A requantised contraction of a private input with sealed weights: lookups, helpers, factors,
    /// matrices with rows and columns.
    fn key() -> VerifyingKey {
        let node = |name: &str, operator| Node { name: name.into(), operator };
        let (name, shape) = ("x".to_owned(), vec![2, 1, 3]);
        let quantisation = Quantisation { scale: 1.0, zero_point: 0 };
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
        let requantise =
            Requantise { input: 1, limbs: 2, function: Function::clamp(-4, 3), form: Form::Wide };
        let description = Description {
            name: "small".into(),
            k: 7,
            limb_bits: 4,
            bias_digits: 1,
            inputs: vec![Input {
                name,
                shape,
                minimum: -4,
                maximum: 3,
                quantisation,
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
                quantisation,
                visibility: Visibility::Public,
            }],
        };
        VerifyingKey::new(description).unwrap()
    }

    /// The name of a part of an argument, and where it is.
    type Part<T> = (&'static str, fn(&mut Argument) -> &mut T);

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
        for (part, count) in elements(key.layout(), 7) {
            for _ in 0..count {
                let number = bytes.len() / 32;
                if part.starts_with("evaluations") || part.starts_with("scalars") {
                    bytes.extend(Fp::from(number as u64 + 1000).to_repr());
                } else {
                    bytes.extend(parameters.generators()[number].to_bytes());
                }
            }
        }
        let bound = Bound::new(&key, None, parameters.digest(), &statement);
        let read = || Argument::read(&key, &bound, &bytes).unwrap();
        let equation = |argument| key.equation(&parameters, &sealed, &statement, argument).unwrap();
        let honest = equation(read());
        let counts = |what: &str, change: &dyn Fn(&mut Argument)| {
            let mut argument = read();
            change(&mut argument);
            assert_ne!(equation(argument), honest, "{what}");
        };
        let other = parameters.generators()[100];

        // Every field of the argument stands here.
        let Argument { ref messages, ref point, ref opening, .. } = read();
        let (messages, rounds) = (messages.len(), opening.product.rounds.len());
        assert_eq!((messages, point.len(), rounds), (8, 7, 7));
        let points: [Part<[EqAffine]>; 5] = [
            ("cells", |argument| &mut argument.cells),
            ("multiplicities", |argument| &mut argument.multiplicities),
            ("factors", |argument| &mut argument.factors),
            ("helpers", |argument| &mut argument.helpers),
            ("messages", |argument| &mut argument.messages),
        ];
        for (name, list) in points {
            let count = list(&mut read()).len();
            assert!(count > 0, "{name}");
            (0..count).for_each(|at| counts(name, &|argument| list(argument)[at] = other));
        }
        let scalars: [Part<[Fp]>; 8] = [
            ("r", |argument| &mut argument.point),
            ("lookups", |argument| &mut argument.lookups_at),
            ("helpers", |argument| &mut argument.helpers_at),
            ("factors", |argument| &mut argument.factors_at),
            ("γ, λ", |argument| &mut argument.separators),
            ("values", |argument| &mut argument.values),
            ("values of the opening", |argument| &mut argument.opening.values),
            ("scalars of the inner product", |argument| &mut argument.opening.product.scalars),
        ];
        for (name, list) in scalars {
            let count = list(&mut read()).len();
            assert!(count > 0, "{name}");
            (0..count).for_each(|at| counts(name, &|argument| list(argument)[at] += Fp::ONE));
        }
        let challenges: [Part<Fp>; 15] = [
            ("ρ", |argument| &mut argument.cotangents.rho),
            ("σ", |argument| &mut argument.cotangents.sigma),
            ("τ", |argument| &mut argument.cotangents.tau),
            ("θ", |argument| &mut argument.challenges.theta),
            ("β", |argument| &mut argument.challenges.beta),
            ("ζ", |argument| &mut argument.challenges.zeta),
            ("y", |argument| &mut argument.challenges.y),
            ("υ", |argument| &mut argument.upsilon),
            ("x", |argument| &mut argument.x),
            ("x₁", |argument| &mut argument.opening.x_1),
            ("x₂", |argument| &mut argument.opening.x_2),
            ("x₃", |argument| &mut argument.opening.x_3),
            ("x₄", |argument| &mut argument.opening.x_4),
            ("ξ", |argument| &mut argument.opening.product.xi),
            ("z", |argument| &mut argument.opening.product.z),
        ];
        for (name, challenge) in challenges {
            counts(name, &|argument| *challenge(argument) += Fp::ONE);
        }
        let single: [Part<EqAffine>; 4] = [
            ("S", |argument| &mut argument.sum),
            ("the quotient", |argument| &mut argument.quotient),
            ("the opening's quotient", |argument| &mut argument.opening.quotient),
            ("the opening's mask", |argument| &mut argument.opening.product.mask),
        ];
        for (name, point) in single {
            counts(name, &|argument| *point(argument) = other);
        }
        for round in 0..rounds {
            counts("u", &|argument| argument.opening.product.rounds[round].1 += Fp::ONE);
            for side in 0..2 {
                counts("L, R", &|argument| argument.opening.product.rounds[round].0[side] = other);
            }
        }
        for column in 0..sealed.len() {
            let mut sealed = sealed.clone();
            sealed[column] = other;
            assert_ne!(
                key.equation(&parameters, &sealed, &statement, read()).unwrap(),
                honest,
                "sealed column {column}"
            );
        }
    }
}
