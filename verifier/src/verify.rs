//! Verification: recompute the public side, check the evaluations against the constraints, check the opening.

use ff::{BatchInvert, Field, PrimeField};
use pasta_curves::{EqAffine, Fp};

use crate::adjoint::backward;
use crate::argument::Argument;
use crate::error::Rejection;
use crate::field::powers;
use crate::key::{Digest, VerifyingKey};
use crate::multilinear::inner_product;
use crate::opening::{Claim, Equation};
use crate::parameters::Parameters;
use crate::proof::Proof;
use crate::public::{Opened, Public, Rows};
use crate::running_sum::{Point, constraints};
use crate::seal::{CheckedSeal, decode};
use crate::tables::{Tuple, compress_tuple};
use crate::threads::for_each_chunk;
use crate::transcript::Bound;

impl VerifyingKey {
    /// Whether `proof` shows that the network of this key maps the statement's inputs to its outputs. For keys without sealed weights.
    ///
    /// Cost: field work linear in cells and weights, one multi-scalar multiplication of `2^k` plus the commitments.
    pub fn verify(&self, parameters: &Parameters, proof: &Proof) -> Result<(), Rejection> {
        self.verify_sealed(parameters, None, proof)
    }

    /// The same for any key: `seal` is the seal of the model's weights, if they are sealed.
    ///
    /// The cost of sealed weights: field work linear in columns and output channels, a term of the multiplication for each column.
    pub fn verify_sealed(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<(), Rejection> {
        if self.fold_opening(parameters, seal, proof)?.holds() { Ok(()) } else { Err(Rejection::Opening) }
    }

    /// The commitments `C` that the proof's statement and the model's seal say, one per sealed column.
    fn sealed_points(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<Vec<EqAffine>, Rejection> {
        if proof.key != self.digest() {
            return Err(Rejection::OtherKey { expected: self.digest().to_string(), got: proof.key.to_string() });
        }
        if parameters.k() != self.description().k {
            return Err(Rejection::OtherParameters { expected: self.description().k, got: parameters.k() });
        }
        match (seal, self.has_sealed_weights()) {
            (None, true) => return Err(Rejection::SealMissing),
            (Some(_), false) => return Err(Rejection::SealUnexpected),
            (Some(seal), true) => seal.fits(self, parameters)?,
            (None, false) => {}
        }
        let digest = seal.map(CheckedSeal::digest);
        if digest != proof.seal {
            let name = |digest: Option<Digest>| digest.map_or("none".into(), |digest| digest.to_string());
            return Err(Rejection::OtherSeal { expected: name(proof.seal), got: name(digest) });
        }
        proof.statement.check(self)?;
        let values = proof.statement.inputs.iter().chain(&proof.statement.outputs);
        let commitments = values.flat_map(|value| value.commitments()).map(decode);
        let points = commitments.chain(seal.iter().flat_map(|seal| seal.points()).map(|point| Some(*point)));
        points.collect::<Option<_>>().ok_or(Rejection::Encoding { part: "commitments of the statement" })
    }

    /// Everything but the final multi-scalar multiplication.
    fn fold_opening(
        &self,
        parameters: &Parameters,
        seal: Option<&CheckedSeal>,
        proof: &Proof,
    ) -> Result<Equation, Rejection> {
        let layout = self.layout();
        let sealed = self.sealed_points(parameters, seal, proof)?;
        let bound = Bound::new(self, proof.seal, parameters.digest(), &proof.statement);
        let argument = Argument::read(self, &bound, &proof.argument)?;
        let evaluations = argument.evaluations();
        let Argument { challenges, separators, upsilon, x, .. } = argument;
        let [_, lambda] = separators;

        // What the evaluations must be.
        let adjoint = backward(self, &proof.statement, argument.cotangents);
        let rows = Rows::new(argument.point.clone(), layout);
        let public = Public::evaluate(self, &rows, &adjoint, &challenges)?;
        let opened = public.opened(layout, &rows, evaluations, adjoint.target, &challenges, separators)?;
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
        let Argument { mut cells, multiplicities, factors, helpers, messages, sum, quotient, opening, .. } = argument;
        let dense = layout.factor_columns().start.saturating_sub(cells.len());
        let (dense, weights) = sealed.split_at_checked(dense).unwrap_or((&sealed, &[]));
        cells.extend(dense.iter().copied().chain(factors));
        let terms = combination.cells.into_iter().zip(cells);
        let terms = terms.chain(rows.sealed_weights(layout, &adjoint).into_iter().zip(weights.iter().copied()));
        let terms = terms.chain(combination.multiplicities.into_iter().zip(multiplicities));
        let terms = terms.chain(combination.helpers.into_iter().zip(helpers)).collect();
        let here_claims = [
            Claim { terms, values: [combined] },
            Claim { terms: powers(lambda, messages.len()).into_iter().zip(messages).collect(), values: [message] },
            Claim { terms: vec![(Fp::ONE, quotient)], values: [quotient_value] },
        ];
        let both = Claim { terms: vec![(Fp::ONE, sum)], values: [here, next] };
        opening.equation(parameters, &here_claims, &both, [x, x * basis.omega])
    }

    /// The public columns `R_s = 1/(β + t_s)`, one per slot, `u` rows each; none if a denominator is zero.
    ///
    /// Rows of the last slot that no table fills repeat the all-zero tuple, which is always valid.
    pub fn table_inverses(&self, theta: Fp, beta: Fp) -> Option<Vec<Vec<Fp>>> {
        let layout = self.layout();
        let tuples: Vec<(usize, Tuple)> = self.tables().tuples().collect();
        let slots = tuples.chunks(layout.usable.max(1));
        let mut columns: Vec<_> = slots.map(|tuples| (tuples, Vec::new())).collect();
        for_each_chunk(&mut columns, 1, |_, columns| {
            for (tuples, inverses) in columns {
                inverses.extend(tuples.iter().map(|(tag, tuple)| beta + compress_tuple(*tag, *tuple, theta)));
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
        let omega = Fp::ROOT_OF_UNITY.pow_vartime([1u64.checked_shl(Fp::S.saturating_sub(k)).unwrap_or(0)]);
        let vanishing = x.pow_vartime([count]) - Fp::ONE;
        let vanishing_inverse = Option::<Fp>::from(vanishing.invert()).ok_or_else(|| degenerate.clone())?;
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
