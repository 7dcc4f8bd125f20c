//! The rounds of the argument: what is sent in which order, and what is drawn after it.
//!
//! Each state of the protocol is a type with one method, which takes the messages that are due and
//! gives the challenges that depend on them, and the next state. So no message can be forgotten or
//! sent out of order, and no challenge drawn before what it must bind. A [`Party`] says what
//! sending means: the prover writes messages that it has, the verifier reads them, and
//! [`Sizes::steps`] lists them.
//!
//! The hash function, its domain separation and the encodings are halo2's Blake2b transcript.

use core::fmt;

use pasta_curves::{EqAffine, Fp};

use crate::challenges::{
    Beta, Challenge, Coordinate, Gamma, Lambda, Name, Rho, Sigma, Tau, Theta, U, Upsilon, X, X1,
    X2, X3, X4, Xi, Y, Z, Zeta,
};
use crate::circuit::key::VerifyingKey;

/// Bytes of a compressed point or a scalar.
const ELEMENT: usize = 32;

/// A message, or messages of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "`name` says what they are")]
pub enum Part {
    Cells,
    Multiplicities,
    Factors,
    Helpers,
    Messages,
    LookupsAt,
    HelpersAt,
    FactorsAt,
    Hidden,
    RunningSum,
    Quotient,
    Values,
    OpeningQuotient,
    OpeningValues,
    OpeningMask,
    Sides,
    LastScalars,
}

impl Part {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cells => "commitments to cells",
            Self::Multiplicities => "commitments to multiplicities",
            Self::Factors => "commitments to factors",
            Self::Helpers => "commitments to lookup helpers",
            Self::Messages => "commitments to messages of the row sum",
            Self::LookupsAt => "evaluations of lookups",
            Self::HelpersAt => "evaluations of lookup helpers",
            Self::FactorsAt => "evaluations of operands and factors",
            Self::Hidden => "commitment to the hidden evaluation",
            Self::RunningSum => "commitment to the running sum",
            Self::Quotient => "commitment to the quotient",
            Self::Values => "evaluations of what is opened",
            Self::OpeningQuotient => "commitment to the opening quotient",
            Self::OpeningValues => "evaluations of the opening",
            Self::OpeningMask => "commitment to the opening mask",
            Self::Sides => "rounds of the inner product argument",
            Self::LastScalars => "scalars of the inner product argument",
        }
    }

    /// Whether it is scalars, not points.
    pub fn is_scalars(self) -> bool {
        match self {
            Self::LookupsAt
            | Self::HelpersAt
            | Self::FactorsAt
            | Self::Values
            | Self::OpeningValues
            | Self::LastScalars => true,
            Self::Cells
            | Self::Multiplicities
            | Self::Factors
            | Self::Helpers
            | Self::Messages
            | Self::Hidden
            | Self::RunningSum
            | Self::Quotient
            | Self::OpeningQuotient
            | Self::OpeningMask
            | Self::Sides => false,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who takes part in the argument: what a message is before it is sent, and how it is.
pub trait Party {
    /// Why a message cannot be sent.
    type Error;
    /// Several points: for a prover these, for a verifier nothing.
    type Points<'m>;
    /// One point.
    type Point;
    /// Several scalars.
    type Scalars<'m>;

    /// Sends as many points as the schedule says.
    fn points(
        &mut self,
        part: Part,
        count: usize,
        message: Self::Points<'_>,
    ) -> Result<Vec<EqAffine>, Self::Error>;

    /// Sends a point.
    fn point(&mut self, part: Part, message: Self::Point) -> Result<EqAffine, Self::Error>;

    /// Sends as many scalars as the schedule says.
    fn scalars(
        &mut self,
        part: Part,
        count: usize,
        message: Self::Scalars<'_>,
    ) -> Result<Vec<Fp>, Self::Error>;

    /// Draws the next challenge.
    fn draw<N: Name>(&mut self) -> Challenge<N>;
}

/// Sends `N` scalars.
fn array<P: Party, const N: usize>(
    party: &mut P,
    part: Part,
    message: P::Scalars<'_>,
) -> Result<[Fp; N], P::Error> {
    let scalars = party.scalars(part, N, message)?;
    Ok(core::array::from_fn(|at| scalars.get(at).copied().unwrap_or(Fp::zero())))
}

/// How many messages of each kind an argument has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Columns of cells that are committed to for this proof.
    pub cells: usize,
    /// Columns of multiplicities.
    pub multiplicities: usize,
    /// Columns of factors.
    pub factors: usize,
    /// Columns that are multiplied with each other: of operands and of factors.
    pub multiplied: usize,
    /// Columns of helpers.
    pub helpers: usize,
    /// Lookups.
    pub lookups: usize,
    /// Rounds: `k`.
    pub rounds: u32,
}

/// A step of the argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many elements are sent.
    Sent(Part, usize),
    /// A challenge is drawn, by its letter.
    Drawn(&'static str),
}

impl Sizes {
    /// Those of proofs for a key.
    pub fn of(key: &VerifyingKey) -> Self {
        let layout = key.layout();
        Self {
            cells: layout.fresh_columns(),
            multiplicities: layout.slots,
            factors: layout.factor_columns().len(),
            multiplied: layout.multiplied_columns().count(),
            helpers: layout.helpers(),
            lookups: layout.lookups.len(),
            rounds: key.description().k,
        }
    }

    /// Every step in order.
    pub fn steps(self) -> Vec<Step> {
        let Ok(steps) = follow(self);
        steps
    }

    /// How many points and scalars each part has, in the order in which parts begin.
    pub fn parts(self) -> Vec<(Part, usize)> {
        let mut parts: Vec<(Part, usize)> = Vec::new();
        for step in self.steps() {
            let Step::Sent(part, count) = step else { continue };
            match parts.iter_mut().find(|(found, _)| *found == part) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => parts.push((part, count)),
            }
        }
        parts
    }

    /// Bytes of an argument.
    pub fn bytes(self) -> usize {
        let elements = self.parts().iter().fold(0usize, |sum, (_, n)| sum.saturating_add(*n));
        elements.saturating_mul(ELEMENT)
    }
}

/// Nobody: what would be sent and drawn.
struct Recorder(Vec<Step>);

impl Party for Recorder {
    type Error = core::convert::Infallible;
    type Points<'m> = ();
    type Point = ();
    type Scalars<'m> = ();

    fn points(&mut self, part: Part, count: usize, (): ()) -> Result<Vec<EqAffine>, Self::Error> {
        self.0.push(Step::Sent(part, count));
        Ok(Vec::new())
    }

    fn point(&mut self, part: Part, (): ()) -> Result<EqAffine, Self::Error> {
        self.0.push(Step::Sent(part, 1));
        Ok(EqAffine::default())
    }

    fn scalars(&mut self, part: Part, count: usize, (): ()) -> Result<Vec<Fp>, Self::Error> {
        self.0.push(Step::Sent(part, count));
        Ok(Vec::new())
    }

    fn draw<N: Name>(&mut self) -> Challenge<N> {
        self.0.push(Step::Drawn(N::LETTER));
        Challenge::new(Fp::zero())
    }
}

fn follow(sizes: Sizes) -> Result<Vec<Step>, core::convert::Infallible> {
    let (_, _, next) = Start::new(Recorder(Vec::new()), sizes).cells((), ())?;
    let (_, _, next) = next.factors(())?;
    let (_, _, next) = next.helpers(())?;
    let (_, _, next) = next.rounds(|_| Ok(()))?;
    let (_, _, next) = next.evaluations([(); 3], ())?;
    let (_, _, next) = next.running_sum(())?;
    let (_, _, next) = next.quotient(())?;
    let (_, _, next) = next.values(())?;
    let (_, _, next) = next.quotient(())?;
    let (_, _, next) = next.values(())?;
    let (_, _, next) = next.mask(())?;
    let (_, next) = next.rounds(|_| Ok([(); 2]))?;
    let (_, Recorder(steps)) = next.scalars(())?;
    Ok(steps)
}

/// What a round sent, what was drawn after it, and the state that comes next.
pub type Sent<M, D, Next, P> = Result<(M, D, Next), <P as Party>::Error>;

/// Before anything is sent, but for what the party is bound to.
pub struct Start<P> {
    party: P,
    sizes: Sizes,
}

/// Commitments to cells and to multiplicities.
pub type Cells = [Vec<EqAffine>; 2];
/// Evaluations of lookups, helpers, and operands and factors, and the commitment to the hidden one.
pub type Evaluations = ([Vec<Fp>; 3], EqAffine);

impl<P: Party> Start<P> {
    /// An argument of these sizes. What it is bound to ([`Bound`](crate::argument::bound::Bound))
    /// has been absorbed.
    pub fn new(party: P, sizes: Sizes) -> Self {
        Self { party, sizes }
    }

    /// Sends commitments to cells and to multiplicities.
    pub fn cells(
        mut self,
        cells: P::Points<'_>,
        multiplicities: P::Points<'_>,
    ) -> Sent<Cells, (Rho, Sigma), AwaitsFactors<P>, P> {
        let Self { party, sizes } = &mut self;
        let cells = party.points(Part::Cells, sizes.cells, cells)?;
        let counts = party.points(Part::Multiplicities, sizes.multiplicities, multiplicities)?;
        let drawn = (party.draw(), party.draw());
        Ok(([cells, counts], drawn, AwaitsFactors(self)))
    }
}

/// After `ρ` and `σ`, of which factors are made.
pub struct AwaitsFactors<P>(Start<P>);

impl<P: Party> AwaitsFactors<P> {
    /// Sends commitments to factors.
    pub fn factors(
        self,
        factors: P::Points<'_>,
    ) -> Sent<Vec<EqAffine>, (Tau, Theta, Beta), AwaitsHelpers<P>, P> {
        let Start { mut party, sizes } = self.0;
        let factors = party.points(Part::Factors, sizes.factors, factors)?;
        let drawn = (party.draw(), party.draw(), party.draw());
        Ok((factors, drawn, AwaitsHelpers(Start { party, sizes })))
    }
}

/// After `θ` and `β`, of which helpers are made.
pub struct AwaitsHelpers<P>(Start<P>);

impl<P: Party> AwaitsHelpers<P> {
    /// Sends commitments to helpers.
    pub fn helpers(
        self,
        helpers: P::Points<'_>,
    ) -> Sent<Vec<EqAffine>, (Zeta, Y), AwaitsRowSum<P>, P> {
        let Start { mut party, sizes } = self.0;
        let helpers = party.points(Part::Helpers, sizes.helpers, helpers)?;
        let drawn = (party.draw(), party.draw());
        Ok((helpers, drawn, AwaitsRowSum(Start { party, sizes })))
    }
}

/// After `ζ` and `y`, which say what is summed.
pub struct AwaitsRowSum<P>(Start<P>);

impl<P: Party> AwaitsRowSum<P> {
    /// Sends a commitment a round; `message` makes each from the challenge before it.
    pub fn rounds(
        self,
        mut message: impl FnMut(Option<Coordinate>) -> Result<P::Point, P::Error>,
    ) -> Sent<Vec<EqAffine>, Vec<Coordinate>, AwaitsEvaluations<P>, P> {
        let Start { mut party, sizes } = self.0;
        let (mut messages, mut point) = (Vec::new(), Vec::new());
        for _ in 0..sizes.rounds {
            messages.push(party.point(Part::Messages, message(point.last().copied())?)?);
            point.push(party.draw());
        }
        Ok((messages, point, AwaitsEvaluations(Start { party, sizes })))
    }
}

/// After the point of the row sum.
pub struct AwaitsEvaluations<P>(Start<P>);

impl<P: Party> AwaitsEvaluations<P> {
    /// Sends evaluations of lookups, helpers, and operands and factors, and a commitment to what
    /// stays hidden.
    pub fn evaluations(
        self,
        [lookups, helpers, factors]: [P::Scalars<'_>; 3],
        hidden: P::Point,
    ) -> Sent<Evaluations, (Gamma, Lambda), AwaitsRunningSum<P>, P> {
        let Start { mut party, sizes } = self.0;
        let lookups = party.scalars(Part::LookupsAt, sizes.lookups, lookups)?;
        let helpers = party.scalars(Part::HelpersAt, sizes.helpers, helpers)?;
        let factors = party.scalars(Part::FactorsAt, sizes.multiplied, factors)?;
        let hidden = party.point(Part::Hidden, hidden)?;
        let drawn = (party.draw(), party.draw());
        let next = AwaitsRunningSum(Start { party, sizes });
        Ok((([lookups, helpers, factors], hidden), drawn, next))
    }
}

/// After `γ` and `λ`, which say what is opened.
pub struct AwaitsRunningSum<P>(Start<P>);

impl<P: Party> AwaitsRunningSum<P> {
    /// Sends the commitment to the running sum.
    pub fn running_sum(self, sum: P::Point) -> Sent<EqAffine, Upsilon, AwaitsQuotient<P>, P> {
        let Start { mut party, sizes } = self.0;
        let sum = party.point(Part::RunningSum, sum)?;
        let upsilon = party.draw();
        Ok((sum, upsilon, AwaitsQuotient(Start { party, sizes })))
    }
}

/// After `υ`, of which the quotient is made.
pub struct AwaitsQuotient<P>(Start<P>);

impl<P: Party> AwaitsQuotient<P> {
    /// Sends the commitment to the quotient.
    pub fn quotient(self, quotient: P::Point) -> Sent<EqAffine, X, AwaitsValues<P>, P> {
        let Start { mut party, sizes } = self.0;
        let quotient = party.point(Part::Quotient, quotient)?;
        let x = party.draw();
        Ok((quotient, x, AwaitsValues(Start { party, sizes })))
    }
}

/// After `x`.
pub struct AwaitsValues<P>(Start<P>);

impl<P: Party> AwaitsValues<P> {
    /// Sends `A`, `M`, `S` at `x`, `S` at `ωx`.
    pub fn values(
        self,
        values: P::Scalars<'_>,
    ) -> Sent<[Fp; 4], (X1, X2), AwaitsOpeningQuotient<P>, P> {
        let Start { mut party, sizes } = self.0;
        let values = array(&mut party, Part::Values, values)?;
        let (drawn, next) = AwaitsOpeningQuotient::start(party, sizes.rounds);
        Ok((values, drawn, next))
    }
}

/// After `x₁` and `x₂`, of which the opening's quotient is made.
pub struct AwaitsOpeningQuotient<P> {
    party: P,
    rounds: u32,
}

impl<P: Party> AwaitsOpeningQuotient<P> {
    /// An opening by itself, of polynomials with `2^rounds` coefficients.
    pub fn start(mut party: P, rounds: u32) -> ((X1, X2), Self) {
        let drawn = (party.draw(), party.draw());
        (drawn, Self { party, rounds })
    }

    /// Sends the commitment to the opening's quotient.
    pub fn quotient(mut self, quotient: P::Point) -> Sent<EqAffine, X3, AwaitsOpeningValues<P>, P> {
        let quotient = self.party.point(Part::OpeningQuotient, quotient)?;
        let x_3 = self.party.draw();
        Ok((quotient, x_3, AwaitsOpeningValues(self)))
    }
}

/// After `x₃`.
pub struct AwaitsOpeningValues<P>(AwaitsOpeningQuotient<P>);

impl<P: Party> AwaitsOpeningValues<P> {
    /// Sends what is opened there, one value for each set of points.
    pub fn values(self, values: P::Scalars<'_>) -> Sent<[Fp; 2], X4, AwaitsMask<P>, P> {
        let AwaitsOpeningQuotient { mut party, rounds } = self.0;
        let values = array(&mut party, Part::OpeningValues, values)?;
        let x_4 = party.draw();
        Ok((values, x_4, AwaitsMask { party, rounds }))
    }
}

/// Before the inner product argument, by which one polynomial is opened.
pub struct AwaitsMask<P> {
    party: P,
    rounds: u32,
}

impl<P: Party> AwaitsMask<P> {
    /// An inner product argument by itself, over `2^rounds` coefficients.
    pub fn new(party: P, rounds: u32) -> Self {
        Self { party, rounds }
    }

    /// Sends the commitment to the mask.
    pub fn mask(mut self, mask: P::Point) -> Sent<EqAffine, (Xi, Z), AwaitsSides<P>, P> {
        let mask = self.party.point(Part::OpeningMask, mask)?;
        let drawn = (self.party.draw(), self.party.draw());
        Ok((mask, drawn, AwaitsSides(self)))
    }
}

/// After `ξ` and `z`.
pub struct AwaitsSides<P>(AwaitsMask<P>);

/// The commitments `L` and `R` of a round of the inner product argument, and its challenge.
pub type Round = ([EqAffine; 2], U);

impl<P: Party> AwaitsSides<P> {
    /// Sends two commitments a round; `sides` makes them from the challenge before.
    pub fn rounds(
        self,
        mut sides: impl FnMut(Option<U>) -> Result<[P::Point; 2], P::Error>,
    ) -> Result<(Vec<Round>, AwaitsScalars<P>), P::Error> {
        let AwaitsMask { mut party, rounds: count } = self.0;
        let mut rounds: Vec<Round> = Vec::new();
        for _ in 0..count {
            let [left, right] = sides(rounds.last().map(|(_, challenge)| *challenge))?;
            let left = party.point(Part::Sides, left)?;
            let right = party.point(Part::Sides, right)?;
            rounds.push(([left, right], party.draw()));
        }
        Ok((rounds, AwaitsScalars(party)))
    }
}

/// After the last challenge.
pub struct AwaitsScalars<P>(P);

impl<P: Party> AwaitsScalars<P> {
    /// Sends the coefficient that is left, and the blind. The party goes its way.
    pub fn scalars(mut self, scalars: P::Scalars<'_>) -> Result<([Fp; 2], P), P::Error> {
        let scalars = array(&mut self.0, Part::LastScalars, scalars)?;
        Ok((scalars, self.0))
    }
}
