//! halo2's multi-point opening and inner product argument, for the two sets of points of this argument.
//!
//! The messages, challenges and equation are those of `halo2_proofs::poly::multiopen::verify_proof`, which accepts the same bytes (a test of the prover
//! holds that). It is spelled out here because halo2's verifier takes its own parameters, whose points it has to decompress one by one: that cost a cold
//! verification more than everything else. Relation: the Halo paper (<https://eprint.iacr.org/2019/1021>), section 3, and the halo2 book on multi-point openings.
//!
//! Polynomials `p_i` are opened at `x`, one more, `s`, at `x` and `ωx`. With `P = Σ_i x_1^(last − i)·p_i` and the line `l` through the two values of `s`, the prover commits
//! to `q = x_2·(P − P(x))/(X − x) + (s − l)/((X − x)(X − ωx))`, shows `P` and `s` at `x_3`, and opens `x_4²·q + x_4·P + s` there.

use ff::{BatchInvert, Field};
use group::Group;
use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptRead};
use pasta_curves::{EqAffine, Fp};

use crate::error::Rejection;
use crate::parameters::Parameters;
use crate::transcript::draw;

/// A commitment as a combination of points, and what its polynomial is claimed to be at some points.
#[derive(Clone, Debug)]
pub struct Claim<const POINTS: usize> {
    /// Coefficients and points.
    pub terms: Vec<(Fp, EqAffine)>,
    /// The values.
    pub values: [Fp; POINTS],
}

/// A combination of points that must be the identity.
#[derive(Clone, Debug, Default)]
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
        bool::from(best_multiexp(&self.scalars, &self.points).is_identity())
    }
}

/// Reads an opening of `here` at `points[0]` and of `both` at both points; gives the equation that holds iff the opening does.
pub fn read<E, T>(
    parameters: &Parameters,
    transcript: &mut T,
    here: &[Claim<1>],
    both: &Claim<2>,
    points: [Fp; 2],
) -> Result<Equation, Rejection>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptRead<EqAffine, E>,
{
    let encoding = |_| Rejection::Encoding { part: "elements of the opening" };
    let degenerate = Rejection::DegenerateChallenge { part: "opening" };
    let (x_1, x_2) = (draw(transcript), draw(transcript));
    let quotient = transcript.read_point().map_err(encoding)?;
    let x_3 = draw(transcript);
    let here_value = transcript.read_scalar().map_err(encoding)?;
    let both_value = transcript.read_scalar().map_err(encoding)?;
    let x_4 = draw(transcript);

    // The quotient at x_3.
    let [x, next] = points;
    let mut inverses = [x_3 - x, x_3 - next, next - x];
    if inverses.iter().any(|difference| bool::from(difference.is_zero())) {
        return Err(degenerate);
    }
    inverses.iter_mut().batch_invert();
    let [from_x, from_next, step] = inverses;
    let claimed = here.iter().fold(Fp::ZERO, |sum, Claim { values: [value], .. }| sum * x_1 + value);
    let [first, second] = both.values;
    let line = first + (second - first) * step * (x_3 - x);
    let quotient_value = x_2 * (here_value - claimed) * from_x + (both_value - line) * from_x * from_next;
    let value = (quotient_value * x_4 + here_value) * x_4 + both_value;

    let mut equation = Equation::default();
    equation.add(x_4.square(), [(Fp::ONE, quotient)]);
    let mut power = x_4;
    for claim in here.iter().rev() {
        equation.add(power, claim.terms.iter().copied());
        power *= x_1;
    }
    equation.add(Fp::ONE, both.terms.iter().copied());
    inner_product(parameters, transcript, &mut equation, x_3, value)?;
    Ok(equation)
}

/// Adds the inner product argument that what stands in `equation` so far commits to a polynomial with this value at `x`.
fn inner_product<E, T>(
    parameters: &Parameters,
    transcript: &mut T,
    equation: &mut Equation,
    x: Fp,
    value: Fp,
) -> Result<(), Rejection>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptRead<EqAffine, E>,
{
    let encoding = |_| Rejection::Encoding { part: "elements of the opening" };
    let mask = transcript.read_point().map_err(encoding)?;
    let (xi, z) = (draw(transcript), draw(transcript));
    equation.add(Fp::ONE, [(xi, mask)]);
    let mut challenges = Vec::new();
    for _ in 0..parameters.k() {
        let left = transcript.read_point().map_err(encoding)?;
        let right = transcript.read_point().map_err(encoding)?;
        let challenge = draw(transcript);
        let inverse = Option::<Fp>::from(challenge.invert());
        let inverse = inverse.ok_or(Rejection::DegenerateChallenge { part: "inner product" })?;
        equation.add(Fp::ONE, [(inverse, left), (challenge, right)]);
        challenges.push(challenge);
    }
    let coefficient = transcript.read_scalar().map_err(encoding)?;
    let blind = transcript.read_scalar().map_err(encoding)?;

    // The folded generator and the folded powers of x: the last challenge belongs to the lowest bit.
    let mut tensor = vec![Fp::ONE];
    let (mut folded, mut power) = (Fp::ONE, x);
    for challenge in challenges.iter().rev() {
        let high: Vec<Fp> = tensor.iter().map(|low| *low * challenge).collect();
        tensor.extend(high);
        folded *= Fp::ONE + *challenge * power;
        power = power.square();
    }
    equation.add(-Fp::ONE, [(coefficient * folded * z, parameters.inner_product()), (blind, parameters.blinding())]);
    let scaled = tensor.into_iter().map(|weight| weight * coefficient);
    let mut generators = scaled.zip(parameters.generators().iter().copied());
    if let Some((weight, generator)) = generators.next() {
        equation.add(-Fp::ONE, [(weight + value, generator)]);
    }
    equation.add(-Fp::ONE, generators);
    Ok(())
}
