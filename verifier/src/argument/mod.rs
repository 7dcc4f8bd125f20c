//! What the bytes of an argument say: every message, and every challenge drawn between them.
//!
//! | module | knows |
//! |---|---|
//! | [`bound`] | what a proof is bound to before anything is sent |
//! | [`schedule`] | the order of messages and challenges, for both sides |
//! | [`reader`] | the verifier's side of it |
//! | [`row_sum`] | every constraint as one sum over rows, once for prover and verifier |
//! | [`messages`] | what holds between the hidden messages of the row sum |
//! | `tables` | the tables at the challenges |
//! | [`public`] | the public columns at the point of the row sum |
//! | [`combination`], [`opened`] | which combination of all columns is opened, and to what |
//! | [`running_sum`] | the one polynomial constraint that is left |
//! | `msm` | sums of multiples of points |
//! | [`opening`] | halo2's multi-point opening |
//! | [`stage`] | what making one consists of, by name |
//!
//! A verifier reads all of it first, then computes from what it read and from nothing else. A test
//! of the prover's holds real proofs against the table in `docs/argument/overview.md`.

pub mod bound;
pub mod combination;
pub mod messages;
mod msm;
pub mod opened;
pub mod opening;
pub mod public;
pub mod reader;
pub mod row_sum;
pub mod running_sum;
pub mod schedule;
pub mod stage;
pub mod tables;

use pasta_curves::{EqAffine, Fp};

use crate::argument::bound::Bound;
use crate::argument::opening::MultiOpening;
use crate::argument::reader::Reader;
use crate::argument::row_sum::Evaluations;
use crate::argument::schedule::{Sizes, Start};
use crate::challenges::{
    Coordinate, Gamma, Lambda, LinearChallenges, LookupChallenges, Upsilon, X,
};
use crate::circuit::key::VerifyingKey;
use crate::error::Rejection;

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
    pub linear: LinearChallenges,
    /// Commitments to lookup helpers.
    pub helpers: Vec<EqAffine>,
    /// `θ, β, ζ, y`.
    pub lookup: LookupChallenges,
    /// Commitments to the messages of the row sum, one a round, then to the hidden evaluation.
    pub messages: Vec<EqAffine>,
    /// `r`, the point of the row sum: one challenge a round.
    pub point: Vec<Coordinate>,
    /// Evaluations of lookups at `r`.
    pub lookups_at: Vec<Fp>,
    /// Evaluations of lookup helpers at `r`.
    pub helpers_at: Vec<Fp>,
    /// Evaluations of operands and factors at `r`.
    pub factors_at: Vec<Fp>,
    /// `γ`.
    pub gamma: Gamma,
    /// `λ`.
    pub lambda: Lambda,
    /// The commitment to the running sum.
    pub sum: EqAffine,
    /// `υ`.
    pub upsilon: Upsilon,
    /// The commitment to the quotient.
    pub quotient: EqAffine,
    /// `x`.
    pub x: X,
    /// `A`, `M`, `S` at `x`, `S` at `ωx`.
    pub values: [Fp; 4],
    /// How these are opened.
    pub opening: MultiOpening,
}

impl Argument {
    /// Reads the argument of a proof for `key`.
    pub fn read(key: &VerifyingKey, bound: &Bound<'_>, bytes: &[u8]) -> Result<Self, Rejection> {
        let sizes = Sizes::of(key);
        let (expected, got) = (sizes.bytes(), bytes.len());
        if got != expected {
            return Err(Rejection::ProofLength { expected, got });
        }
        let start = Start::new(Reader::new(bytes, bound)?, sizes);
        let ([cells, multiplicities], (rho, sigma), next) = start.cells((), ())?;
        let (factors, (tau, theta, beta), next) = next.factors(())?;
        let (helpers, (zeta, y), next) = next.helpers(())?;
        let (mut messages, point, next) = next.rounds(|_| Ok(()))?;
        let (evaluations, (gamma, lambda), next) = next.evaluations([(); 3], ())?;
        let (sum, upsilon, next) = next.running_sum(())?;
        let (quotient, x, next) = next.quotient(())?;
        let (values, combiners, next) = next.values(())?;
        let opening = MultiOpening::read(combiners, next)?;

        let ([lookups_at, helpers_at, factors_at], hidden) = evaluations;
        messages.push(hidden);
        Ok(Self {
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
