//! What is opened of columns and messages, and what it must sum to.

use pasta_curves::Fp;

use crate::argument::combination::Combination;
use crate::argument::messages::{Equations, Separators, equations};
use crate::argument::public::{Public, Rows};
use crate::argument::row_sum::{Evaluations, known_part};
use crate::challenges::{Gamma, Lambda, LookupChallenges};
use crate::circuit::layout::Layout;
use crate::error::Rejection;

/// What is opened of columns and messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Of columns.
    pub combination: Combination,
    /// Of messages.
    pub equations: Equations,
}

impl Opened {
    /// What the running sum must end with.
    pub fn value(&self) -> Fp {
        self.combination.value + self.equations.value
    }
}

impl Public {
    /// What is opened, from the evaluations that the proof reveals and the total of the row sum.
    pub fn opened(
        &self,
        layout: &Layout,
        rows: &Rows,
        evaluations: Evaluations<'_>,
        target: Fp,
        challenges: &LookupChallenges,
        (gamma, lambda): (Gamma, Lambda),
    ) -> Result<Opened, Rejection> {
        let known = known_part(evaluations, self, challenges);
        let combination = Combination::new(layout, self, evaluations, challenges, gamma);
        let separators = Separators { gamma, first: combination.next, lambda };
        let equations = equations(&rows.point, target, known, separators)
            .ok_or(Rejection::DegenerateChallenge { part: "messages" })?;
        Ok(Opened { combination, equations })
    }
}
