//! The rounds that reduce the row sum to one point: the sumcheck protocol (Lund, Fortnow, Karloff,
//! Nisan 1992), its messages committed to instead of shown.

use ff::Field;
use halo2_proofs::arithmetic::eval_polynomial;
use pasta_curves::Fp;
use rand_core::CryptoRng;
use zkinfer_verifier::argument::public::{Public, Rows};
use zkinfer_verifier::argument::row_sum::Evaluations;
use zkinfer_verifier::argument::schedule::{AwaitsEvaluations, AwaitsRowSum};
use zkinfer_verifier::circuit::layout::Layout;

use super::messages::{Message, Messages};
use super::summand::Summand;
use crate::commit::Committer;
use crate::error::ProveError;
use crate::writer::Writer;

/// The row sum at one point.
pub struct Reduced {
    /// The point, with the weights of rows there.
    pub rows: Rows,
    /// The rounds' messages.
    pub messages: Messages,
    /// `f̂`.
    pub lookups: Vec<Fp>,
    /// `ĥ`.
    pub helpers: Vec<Fp>,
    /// `û` and `v̂` in turn, of operands and of factors.
    pub factors: Vec<Fp>,
    /// The part that is linear in columns which are not evaluated by themselves.
    pub hidden: Fp,
    /// Public columns.
    pub public: Public,
}

impl Reduced {
    /// What is shown of columns at the point.
    pub fn evaluations(&self) -> Evaluations<'_> {
        let Self { lookups, helpers, factors, .. } = self;
        Evaluations { lookups, helpers, factors }
    }

    /// Sends and answers every round.
    pub(crate) fn new(
        layout: &Layout,
        committer: &Committer<'_>,
        mut summand: Summand<'_>,
        start: AwaitsRowSum<Writer>,
        target: Fp,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, AwaitsEvaluations<Writer>), ProveError> {
        let (mut messages, mut total) = (Messages::default(), target);
        let mut message: Option<Message> = None;
        let (_, point, next) = start.rounds(|challenge| {
            if let (Some(message), Some(challenge)) = (&message, challenge) {
                total = eval_polynomial(message, *challenge);
                summand.fold(*challenge);
            }
            let polynomial = *message.insert(summand.message(total));
            Ok(messages.commit(committer, polynomial, Fp::random(&mut *rng)))
        })?;
        point.last().into_iter().for_each(|challenge| summand.fold(**challenge));
        let folded = |tables: &[Vec<Fp>]| tables.iter().map(|table| table[0]).collect::<Vec<_>>();
        let (linear, bilinear) = (&summand.linear, &summand.bilinear);
        let sealed = summand.sheets.iter().flat_map(|sheet| &sheet.tables);
        let (columns, slots) = (layout.factor_columns().end, layout.slots);
        let rows = Rows::new(&point, layout);
        // The last one is the sum of helpers, which are evaluated.
        let hidden = linear[..linear.len() - 1]
            .iter()
            .chain(sealed)
            .map(|[values, coefficients]| values[0] * coefficients[0])
            .sum();
        let coefficients: Vec<Fp> =
            linear.iter().map(|[_, coefficients]| coefficients[0]).collect();
        let reduced = Self {
            messages,
            lookups: folded(&summand.lookups),
            helpers: folded(&summand.helpers),
            factors: summand.multiplied_at(),
            hidden,
            public: Public {
                weight: summand.weight[0],
                active: rows.active(layout),
                tags: rows.tags(layout),
                kappa: coefficients[..columns].to_vec(),
                separators: bilinear.iter().map(|product| product.separator[0]).collect(),
                inverses: coefficients[columns..][..slots].to_vec(),
            },
            rows,
        };
        Ok((reduced, next))
    }
}
