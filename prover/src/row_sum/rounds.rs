//! The rounds that reduce the row sum to one point: the sumcheck protocol (Lund, Fortnow, Karloff,
//! Nisan 1992), its messages committed to instead of shown.

use ff::Field;
use halo2_proofs::arithmetic::eval_polynomial;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use zkinfer_verifier::argument::bound::draw;
use zkinfer_verifier::argument::public::{Public, Rows};
use zkinfer_verifier::circuit::layout::Layout;

use super::messages::Messages;
use super::summand::Summand;
use crate::commit::Committer;

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
    /// `û` and `v̂` in turn.
    pub factors: Vec<Fp>,
    /// The part that is linear in columns which are not evaluated by themselves.
    pub hidden: Fp,
    /// Public columns.
    pub public: Public,
}

impl Reduced {
    /// Sends and answers every round.
    pub fn new<E, T>(
        layout: &Layout,
        committer: &Committer<'_>,
        mut summand: Summand,
        transcript: &mut T,
        target: Fp,
        rng: &mut impl CryptoRng,
    ) -> std::io::Result<Self>
    where
        E: EncodedChallenge<EqAffine>,
        T: TranscriptWrite<EqAffine, E>,
    {
        let (mut messages, mut point, mut total) = (Messages::default(), Vec::new(), target);
        while summand.weight.len() > 1 {
            let message = summand.message(total);
            transcript.write_point(messages.commit(committer, message, Fp::random(&mut *rng)))?;
            let challenge = draw(transcript);
            total = eval_polynomial(&message, challenge);
            summand.fold(challenge);
            point.push(challenge);
        }
        let folded = |tables: &[Vec<Fp>]| tables.iter().map(|table| table[0]).collect::<Vec<_>>();
        let (linear, bilinear) = (&summand.linear, &summand.bilinear);
        let (columns, slots) = (layout.factor_columns().end, layout.slots);
        let rows = Rows::new(point, layout);
        // The last one is the sum of helpers, which are evaluated.
        let hidden = linear[..linear.len() - 1]
            .iter()
            .map(|[values, coefficients]| values[0] * coefficients[0])
            .sum();
        let coefficients: Vec<Fp> =
            linear.iter().map(|[_, coefficients]| coefficients[0]).collect();
        Ok(Self {
            messages,
            lookups: folded(&summand.lookups),
            helpers: folded(&summand.helpers),
            factors: bilinear.iter().flat_map(|[u, v, _]| [u[0], v[0]]).collect(),
            hidden,
            public: Public {
                weight: summand.weight[0],
                active: rows.active(layout),
                tags: rows.tags(layout),
                kappa: coefficients[..columns].to_vec(),
                separators: bilinear.iter().map(|[_, _, separator]| separator[0]).collect(),
                inverses: coefficients[columns..][..slots].to_vec(),
            },
            rows,
        })
    }
}
