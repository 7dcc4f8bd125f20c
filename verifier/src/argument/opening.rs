//! halo2's multi-point opening and inner product argument, for the two sets of points of this
//! argument.
//!
//! The messages, challenges and equation are those of
//! `halo2_proofs::poly::multiopen::verify_proof`, which accepts the same bytes (a test of the
//! prover holds that). It is spelled out here because halo2's verifier takes its own parameters,
//! whose points it has to decompress one by one: that cost a cold verification more than everything
//! else. Relation: the Halo paper (<https://eprint.iacr.org/2019/1021>), section 3, and the halo2
//! book on multi-point openings.
//!
//! Polynomials `p_i` are opened at `x`, one more, `s`, at `x` and `ωx`. With `P = Σ_i x_1^(last −
//! i)·p_i` and the line `l` through the two values of `s`, the prover commits to `q = x_2·(P −
//! P(x))/(X − x) + (s − l)/((X − x)(X − ωx))`, shows `P` and `s` at `x_3`, and opens `x_4²·q +
//! x_4·P + s` there.

use ff::{BatchInvert, Field};
use group::Group;
use pasta_curves::{EqAffine, Fp};

use crate::argument::msm;
use crate::argument::reader::Reader;
use crate::argument::schedule::{AwaitsOpeningQuotient, Round};
use crate::challenges::{X1, X2, X3, X4, Xi, Z};
use crate::error::Rejection;
use crate::parameters::Parameters;

/// A commitment as a combination of points, and what its polynomial is claimed to be at some
/// points.
#[derive(Clone, Debug)]
pub struct Claim<const POINTS: usize> {
    /// Coefficients and points.
    pub terms: Vec<(Fp, EqAffine)>,
    /// The values.
    pub values: [Fp; POINTS],
}

/// A combination of points that must be the identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Equation {
    scalars: Vec<Fp>,
    points: Vec<EqAffine>,
}

impl Equation {
    /// Adds `scale·Σ terms`.
    fn add(&mut self, scale: Fp, terms: impl IntoIterator<Item = (Fp, EqAffine)>) {
        for (scalar, point) in terms {
            self.scalars.push(scalar * scale);
            self.points.push(point);
        }
    }

    /// Whether it holds: one multi-scalar multiplication.
    pub fn holds(&self) -> bool {
        bool::from(msm::sum(&self.scalars, &self.points).is_identity())
    }
}

/// What is said and drawn in an opening.
#[derive(Clone, Debug)]
pub struct MultiOpening {
    /// Combines what is opened at one point.
    pub x_1: X1,
    /// Combines the two sets of points.
    pub x_2: X2,
    /// The commitment to `q`.
    pub quotient: EqAffine,
    /// The point at which all is opened.
    pub x_3: X3,
    /// `P` and `s` there.
    pub values: [Fp; 2],
    /// Combines `q`, `P` and `s`.
    pub x_4: X4,
    /// The inner product argument for their combination.
    pub product: InnerProduct,
}

/// What is said and drawn in an inner product argument.
#[derive(Clone, Debug)]
pub struct InnerProduct {
    /// The commitment to the mask.
    pub mask: EqAffine,
    /// Scales the mask.
    pub xi: Xi,
    /// Scales the generator of inner products.
    pub z: Z,
    /// The rounds: two commitments and a challenge each.
    pub rounds: Vec<Round>,
    /// The coefficient that is left, and the blind.
    pub scalars: [Fp; 2],
}

impl MultiOpening {
    /// Reads an opening after `x₁` and `x₂`.
    pub fn read(
        (x_1, x_2): (X1, X2),
        start: AwaitsOpeningQuotient<Reader<'_>>,
    ) -> Result<Self, Rejection> {
        let (quotient, x_3, next) = start.quotient(())?;
        let (values, x_4, next) = next.values(())?;
        let (mask, (xi, z), next) = next.mask(())?;
        let (rounds, next) = next.rounds(|_| Ok([(); 2]))?;
        let (scalars, _) = next.scalars(())?;
        let product = InnerProduct { mask, xi, z, rounds, scalars };
        Ok(Self { x_1, x_2, quotient, x_3, values, x_4, product })
    }

    /// The equation that holds iff `here` at `points[0]` and `both` at both points are opened.
    pub fn equation(
        &self,
        parameters: &Parameters,
        here: &[Claim<1>],
        both: &Claim<2>,
        points: [Fp; 2],
    ) -> Result<Equation, Rejection> {
        let Self { quotient, values: [here_value, both_value], ref product, .. } = *self;
        let (x_1, x_2, x_3, x_4): (Fp, Fp, Fp, Fp) = (*self.x_1, *self.x_2, *self.x_3, *self.x_4);

        // The quotient at x_3.
        let [x, next] = points;
        let mut inverses = [x_3 - x, x_3 - next, next - x];
        if inverses.iter().any(|difference| bool::from(difference.is_zero())) {
            return Err(Rejection::DegenerateChallenge { part: "opening" });
        }
        inverses.iter_mut().batch_invert();
        let [from_x, from_next, step] = inverses;
        let claimed =
            here.iter().fold(Fp::ZERO, |sum, Claim { values: [value], .. }| sum * x_1 + value);
        let [first, second] = both.values;
        let line = first + (second - first) * step * (x_3 - x);
        let quotient_value =
            x_2 * (here_value - claimed) * from_x + (both_value - line) * from_x * from_next;
        let value = (quotient_value * x_4 + here_value) * x_4 + both_value;

        let mut equation = Equation::default();
        equation.add(x_4.square(), [(Fp::ONE, quotient)]);
        let mut power = x_4;
        for claim in here.iter().rev() {
            equation.add(power, claim.terms.iter().copied());
            power *= x_1;
        }
        equation.add(Fp::ONE, both.terms.iter().copied());
        product.add(parameters, &mut equation, x_3, value)?;
        Ok(equation)
    }
}

impl InnerProduct {
    /// Adds that what stands in `equation` so far commits to a polynomial with this value at `x`.
    fn add(
        &self,
        parameters: &Parameters,
        equation: &mut Equation,
        x: Fp,
        value: Fp,
    ) -> Result<(), Rejection> {
        let Self { mask, xi, z, rounds, scalars: [coefficient, blind] } = self;
        equation.add(Fp::ONE, [(**xi, *mask)]);
        for ([left, right], challenge) in rounds {
            let inverse = Option::<Fp>::from(challenge.invert());
            let inverse =
                inverse.ok_or(Rejection::DegenerateChallenge { part: "inner product" })?;
            equation.add(Fp::ONE, [(inverse, *left), (**challenge, *right)]);
        }

        // The folded generator and the folded powers of x: the last challenge belongs to the lowest
        // bit.
        let mut tensor = vec![Fp::ONE];
        let (mut folded, mut power) = (Fp::ONE, x);
        for (_, challenge) in rounds.iter().rev() {
            let high: Vec<Fp> = tensor.iter().map(|low| *low * **challenge).collect();
            tensor.extend(high);
            folded *= Fp::ONE + **challenge * power;
            power = power.square();
        }
        let product = *coefficient * folded * **z;
        equation.add(
            -Fp::ONE,
            [(product, parameters.inner_product()), (*blind, parameters.blinding())],
        );
        let scaled = tensor.into_iter().map(|weight| weight * coefficient);
        let mut generators = scaled.zip(parameters.generators().iter().copied());
        if let Some((weight, generator)) = generators.next() {
            equation.add(-Fp::ONE, [(weight + value, generator)]);
        }
        equation.add(-Fp::ONE, generators);
        Ok(())
    }
}
