//! The challenges of the argument, each of a type of its own, so that none can stand for another.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use pasta_curves::Fp;

/// What a challenge is called.
pub trait Name {
    /// Its letter, as `docs/argument/` spells it.
    const LETTER: &'static str;
}

/// A field element that nobody knew before what stands above it was sent.
pub struct Challenge<N>(Fp, PhantomData<N>);

impl<N: Name> Challenge<N> {
    /// For those who draw: a transcript, the judge's hash, a test.
    pub fn new(value: Fp) -> Self {
        Self(value, PhantomData)
    }
}

impl<N> Deref for Challenge<N> {
    type Target = Fp;

    fn deref(&self) -> &Fp {
        &self.0
    }
}

impl<N> Clone for Challenge<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Challenge<N> {}

impl<N> PartialEq for Challenge<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<N: Name> fmt::Debug for Challenge<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:?}", N::LETTER, self.0)
    }
}

macro_rules! challenges {
    ($($(#[$doc:meta])* $name:ident $letter:literal)*) => {
        /// What the types of challenges differ in.
        pub mod names {
            $(
                #[doc = concat!("`", $letter, "`.")]
                #[derive(Debug)]
                pub enum $name {}

                impl super::Name for $name {
                    const LETTER: &'static str = $letter;
                }
            )*
        }
        $($(#[$doc])* pub type $name = Challenge<names::$name>;)*
    };
}

challenges! {
    /// Powers along the first dimension of each equation.
    Rho "ρ"
    /// Powers along the others.
    Sigma "σ"
    /// Separates the equations from each other.
    Tau "τ"
    /// Compresses tuples.
    Theta "θ"
    /// Shifts compressed tuples.
    Beta "β"
    /// Weighs rows.
    Zeta "ζ"
    /// Separates the terms of the row sum.
    Y "y"
    /// A coordinate of the row sum's point.
    Coordinate "r"
    /// Separates the evaluations at that point.
    Gamma "γ"
    /// Separates the messages of the row sum.
    Lambda "λ"
    /// Separates the constraints on the running sum.
    Upsilon "υ"
    /// The point at which its columns are opened.
    X "x"
    /// Combines what is opened at one point.
    X1 "x₁"
    /// Combines the two sets of points.
    X2 "x₂"
    /// The point at which all is opened.
    X3 "x₃"
    /// Combines what is opened there.
    X4 "x₄"
    /// Scales the mask of the inner product argument.
    Xi "ξ"
    /// Scales its generator of inner products.
    Z "z"
    /// Folds vectors in a round of it.
    U "u"
}

/// Challenges of the linear equations: the adjoint check.
#[derive(Clone, Copy, Debug)]
pub struct LinearChallenges {
    /// `ρ`.
    pub rho: Rho,
    /// `σ`.
    pub sigma: Sigma,
    /// `τ`.
    pub tau: Tau,
}

/// Challenges of the lookups, and of the sum over rows that joins them with the linear equations.
#[derive(Clone, Copy, Debug)]
pub struct LookupChallenges {
    /// `θ`.
    pub theta: Theta,
    /// `β`.
    pub beta: Beta,
    /// `ζ`.
    pub zeta: Zeta,
    /// `y`.
    pub y: Y,
}

impl LookupChallenges {
    /// `y^(H+1)`, the weight of the lookups' balance with so many helpers.
    pub fn balance(&self, helpers: usize) -> Fp {
        use ff::Field;
        self.y.pow_vartime([u64::try_from(helpers).unwrap_or(u64::MAX)]) * *self.y
    }
}
