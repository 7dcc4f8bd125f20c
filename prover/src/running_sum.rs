//! The columns of the running sum: the combination `A` of all columns, the messages `M`, and `S`
//! itself.

use ff::Field;
use pasta_curves::Fp;
use rayon::prelude::*;
use zkinfer_verifier::messages::COEFFICIENTS;

use crate::commit::{Column, Content, Context};
use crate::sealed::{SealedColumn, combine};
use crate::tables::Message;

/// Values on all rows, with the blind of their commitment.
pub struct Blinded {
    /// One per row.
    pub values: Vec<Fp>,
    /// The blind.
    pub blind: Fp,
}

/// What goes into the combination of columns, with coefficients.
#[derive(Default)]
pub struct Terms<'a> {
    integers: Vec<(&'a [i64], Fp)>,
    elements: Vec<(&'a [Fp], Fp)>,
    random: Vec<(&'a [Fp], Fp)>,
    blind: Fp,
}

impl<'a> Terms<'a> {
    /// Adds a column.
    pub fn add(&mut self, column: &'a Column<'_>, coefficient: Fp) {
        match &column.content {
            Content::Small(integers) => self.integers.push((integers, coefficient)),
            Content::Full(elements) => self.elements.push((elements, coefficient)),
        }
        self.random.push((&column.random, coefficient));
        self.blind += column.blind * coefficient;
    }

    /// Adds a column of integers that has no random rows.
    pub fn add_sealed(&mut self, column: &SealedColumn<'a>, coefficient: Fp) {
        self.integers.push((column.integers, coefficient));
        self.blind += column.blind * coefficient;
    }

    /// `A`.
    pub fn combine(&self, context: &Context<'_>) -> Blinded {
        let mut values = combine(context.rows, &self.integers);
        let (usable, behind) = values.split_at_mut(context.usable);
        const CHUNK: usize = 256;
        usable.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
            for (elements, coefficient) in &self.elements {
                let elements = &elements[chunk * CHUNK..];
                values
                    .iter_mut()
                    .zip(elements)
                    .for_each(|(value, element)| *value += *coefficient * element);
            }
        });
        for (random, coefficient) in &self.random {
            behind
                .iter_mut()
                .zip(*random)
                .for_each(|(value, random)| *value += *coefficient * random);
        }
        Blinded { values, blind: self.blind }
    }
}

/// The messages of the row sum with the blinds of their commitments, as they are sent.
#[derive(Default)]
pub struct Messages {
    rounds: Vec<(Message, Fp)>,
}

impl Messages {
    /// Commits to the next message.
    pub fn commit(
        &mut self,
        context: &Context<'_>,
        message: Message,
        blind: Fp,
    ) -> pasta_curves::EqAffine {
        let first = self.rounds.len() * COEFFICIENTS;
        self.rounds.push((message, blind));
        context.commit_few(&context.parameters.lagrange()[first..], &message, blind)
    }

    /// Commits to the last one, a single value, together with random rows behind the boundary row.
    pub fn commit_last(
        &self,
        context: &Context<'_>,
        hidden: Fp,
        random: &[Fp],
        blind: Fp,
    ) -> (pasta_curves::EqAffine, Blinded) {
        let mut values = vec![Fp::ZERO; context.rows - random.len()];
        values[self.rounds.len() * COEFFICIENTS] = hidden;
        values.extend(random);
        let row = context.parameters.lagrange()[self.rounds.len() * COEFFICIENTS];
        let mut bases = vec![row];
        bases.extend(&context.parameters.lagrange()[context.rows - random.len()..]);
        let commitment = context.commit_few(&bases, &[&[hidden], random].concat(), blind);
        (commitment, Blinded { values, blind })
    }

    /// `M = Σ_i λ^i·M_i`, from the last message on.
    pub fn combine(&self, last: Blinded, lambda: Fp) -> Blinded {
        let scale = lambda.pow_vartime([self.rounds.len() as u64]);
        let Blinded { mut values, mut blind } = last;
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
        Blinded { values, blind }
    }
}

/// The running sum `S` of both columns' products with their row weights, up to and in the boundary
/// row, behind which `random` follows.
pub fn running_sum(
    columns: [&[Fp]; 2],
    weights: &[Vec<Fp>; 2],
    boundary: usize,
    random: &[Fp],
) -> Vec<Fp> {
    let mut sum = Fp::ZERO;
    let mut values = vec![sum];
    for row in 0..boundary {
        let products = columns
            .iter()
            .zip(weights)
            .filter_map(|(column, weights)| Some(*column.get(row)? * weights.get(row)?));
        sum += products.sum::<Fp>();
        values.push(sum);
    }
    values.extend(random);
    values
}
