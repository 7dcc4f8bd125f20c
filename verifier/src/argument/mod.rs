//! What the bytes of an argument say: every message, and every challenge drawn between them.
//!
//! A verifier reads all of it first, then computes from what it read and from nothing else. So the
//! order in which messages are absorbed and challenges drawn stands in one function, the one that
//! verifies; [`crate::argument::bound`] has it as a table, and a test of the prover's holds real
//! proofs against that table.

pub mod bound;
pub mod combination;
pub mod messages;
pub mod opened;
pub mod opening;
pub mod public;
pub mod row_sum;
pub mod running_sum;

use halo2_proofs::transcript::{
    Blake2bRead, Challenge255, EncodedChallenge, Transcript, TranscriptRead,
};
use pasta_curves::{EqAffine, Fp};

use crate::adjoint::Cotangents;
use crate::argument::bound::{Bound, draw};
use crate::argument::opening::Opening;
use crate::argument::row_sum::{Challenges, Evaluations};
use crate::circuit::key::VerifyingKey;
use crate::error::Rejection;
use crate::wire::proof::argument_bytes;

/// The messages of one proof with the challenges drawn between them.
#[derive(Clone, Debug)]
pub struct Argument {
    /// Commitments to cells.
    pub cells: Vec<EqAffine>,
    /// Commitments to multiplicities.
    pub multiplicities: Vec<EqAffine>,
    /// Commitments to factors.
    pub factors: Vec<EqAffine>,
    /// `ρ, σ, τ`.
    pub cotangents: Cotangents,
    /// Commitments to lookup helpers.
    pub helpers: Vec<EqAffine>,
    /// `θ, β, ζ, y`.
    pub challenges: Challenges,
    /// Commitments to the messages of the row sum, one a round, then to the hidden evaluation.
    pub messages: Vec<EqAffine>,
    /// `r`, the point of the row sum: one challenge a round.
    pub point: Vec<Fp>,
    /// Evaluations of lookups at `r`.
    pub lookups_at: Vec<Fp>,
    /// Evaluations of lookup helpers at `r`.
    pub helpers_at: Vec<Fp>,
    /// Evaluations of factors at `r`.
    pub factors_at: Vec<Fp>,
    /// `γ, λ`.
    pub separators: [Fp; 2],
    /// The commitment to the running sum.
    pub sum: EqAffine,
    /// `υ`.
    pub upsilon: Fp,
    /// The commitment to the quotient.
    pub quotient: EqAffine,
    /// `x`.
    pub x: Fp,
    /// `A`, `M`, `S` at `x`, `S` at `ωx`.
    pub values: [Fp; 4],
    /// How these are opened.
    pub opening: Opening,
}

impl Argument {
    /// Reads the argument of a proof for `key`.
    pub fn read(key: &VerifyingKey, bound: &Bound<'_>, bytes: &[u8]) -> Result<Self, Rejection> {
        let expected = argument_bytes(key);
        if bytes.len() != expected {
            return Err(Rejection::ProofLength { expected, got: bytes.len() });
        }
        let (layout, k) = (key.layout(), key.description().k);
        let (helper_count, factor_count) = (layout.helpers(), layout.factor_columns().len());
        let mut transcript: Blake2bRead<&[u8], EqAffine, Challenge255<EqAffine>> =
            Blake2bRead::init(bytes);
        let from = &mut transcript;
        from.common_scalar(bound.element()).map_err(|_| Rejection::Encoding { part: "binding" })?;

        let cells = points(from, layout.fresh_columns(), "commitments to cells")?;
        let multiplicities = points(from, layout.slots, "commitments to multiplicities")?;
        let (rho, sigma) = (draw(from), draw(from));
        let factors = points(from, factor_count, "commitments to factors")?;
        let (tau, theta, beta) = (draw(from), draw(from), draw(from));
        let helpers = points(from, helper_count, "commitments to lookup helpers")?;
        let (zeta, y) = (draw(from), draw(from));

        // The rounds of the row sum.
        let (mut messages, mut point) = (Vec::new(), Vec::new());
        for _ in 0..k {
            messages.push(read_point(from, "commitments to messages of the row sum")?);
            point.push(draw(from));
        }
        let lookups_at = scalars(from, layout.lookups.len(), "evaluations of lookups")?;
        let helpers_at = scalars(from, helper_count, "evaluations of lookup helpers")?;
        let factors_at = scalars(from, factor_count, "evaluations of factors")?;
        messages.push(read_point(from, "commitment to the hidden evaluation")?);
        let separators = [draw(from), draw(from)];

        let sum = read_point(from, "commitment to the running sum")?;
        let upsilon = draw(from);
        let quotient = read_point(from, "commitment to the quotient")?;
        let x = draw(from);
        let mut values = [Fp::zero(); 4];
        for value in &mut values {
            *value = read_scalar(from, "evaluations of what is opened")?;
        }
        let opening = Opening::read(from, k)?;
        Ok(Self {
            cells,
            multiplicities,
            factors,
            cotangents: Cotangents { rho, sigma, tau },
            helpers,
            challenges: Challenges { theta, beta, zeta, y },
            messages,
            point,
            lookups_at,
            helpers_at,
            factors_at,
            separators,
            sum,
            upsilon,
            quotient,
            x,
            values,
            opening,
        })
    }

    /// What it reveals of columns at `r`.
    pub fn evaluations(&self) -> Evaluations<'_> {
        Evaluations {
            lookups: &self.lookups_at,
            helpers: &self.helpers_at,
            factors: &self.factors_at,
        }
    }
}

/// A point, or the rejection that names the part where there is none.
pub(crate) fn read_point<E, T>(from: &mut T, part: &'static str) -> Result<EqAffine, Rejection>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptRead<EqAffine, E>,
{
    from.read_point().map_err(|_| Rejection::Encoding { part })
}

/// A scalar, likewise.
pub(crate) fn read_scalar<E, T>(from: &mut T, part: &'static str) -> Result<Fp, Rejection>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptRead<EqAffine, E>,
{
    from.read_scalar().map_err(|_| Rejection::Encoding { part })
}

fn points<E, T>(from: &mut T, count: usize, part: &'static str) -> Result<Vec<EqAffine>, Rejection>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptRead<EqAffine, E>,
{
    (0..count).map(|_| read_point(from, part)).collect()
}

fn scalars<E, T>(from: &mut T, count: usize, part: &'static str) -> Result<Vec<Fp>, Rejection>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptRead<EqAffine, E>,
{
    (0..count).map(|_| read_scalar(from, part)).collect()
}
