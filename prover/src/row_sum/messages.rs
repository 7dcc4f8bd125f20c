//! The messages of the row sum: one polynomial a round, committed to instead of shown, and at last
//! the value that is left.

use ff::Field;
use pasta_curves::{EqAffine, Fp};
use zkinfer_verifier::argument::messages::COEFFICIENTS;

use crate::commit::{BlindedColumn, Committer};

/// The sum's polynomial in one variable, coefficients from the constant on.
pub type Message = [Fp; COEFFICIENTS];

/// The messages of the row sum with the blinds of their commitments, as they are sent.
#[derive(Default)]
pub struct Messages {
    rounds: Vec<(Message, Fp)>,
}

impl Messages {
    /// Commits to the next message.
    pub fn commit(&mut self, committer: &Committer<'_>, message: Message, blind: Fp) -> EqAffine {
        let first = self.rounds.len() * COEFFICIENTS;
        self.rounds.push((message, blind));
        committer.commit_few(&committer.parameters.lagrange()[first..], &message, blind)
    }

    /// Commits to the last one, a single value, together with random rows behind the boundary row.
    pub fn commit_last(
        &self,
        committer: &Committer<'_>,
        hidden: Fp,
        random: &[Fp],
        blind: Fp,
    ) -> (EqAffine, BlindedColumn) {
        let mut values = vec![Fp::ZERO; committer.rows - random.len()];
        values[self.rounds.len() * COEFFICIENTS] = hidden;
        values.extend(random);
        let row = committer.parameters.lagrange()[self.rounds.len() * COEFFICIENTS];
        let mut bases = vec![row];
        bases.extend(&committer.parameters.lagrange()[committer.rows - random.len()..]);
        let commitment = committer.commit_few(&bases, &[&[hidden], random].concat(), blind);
        (commitment, BlindedColumn { values, blind })
    }

    /// `M = Σ_i λ^i·M_i`, from the last message on.
    pub fn combine(&self, last: BlindedColumn, lambda: Fp) -> BlindedColumn {
        let scale = lambda.pow_vartime([self.rounds.len() as u64]);
        let BlindedColumn { mut values, mut blind } = last;
        values.iter_mut().for_each(|value| *value *= scale);
        blind *= scale;
        let mut power = Fp::ONE;
        for ((message, message_blind), rows) in
            self.rounds.iter().zip(values.chunks_mut(COEFFICIENTS))
        {
            rows.iter_mut().zip(message).for_each(|(row, coefficient)| *row = power * coefficient);
            blind += power * message_blind;
            power *= lambda;
        }
        BlindedColumn { values, blind }
    }
}
