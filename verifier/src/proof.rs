//! A proof: the key it is for, its statement, the argument's bytes, and how many those must be.

use serde::{Deserialize, Serialize};

use crate::QUOTIENT_PIECES;
use crate::key::{Digest, VerifyingKey};
use crate::layout::Layout;
use crate::link::RESPONSES;
use crate::seal::model_digest;
use crate::statement::Statement;

/// Bytes of a compressed point or a scalar.
const ELEMENT: usize = 32;

/// A statement with the argument that it is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Digest of the verifying key.
    pub key: Digest,
    /// Digest of the model's seal, if its weights are sealed.
    pub seal: Option<Digest>,
    /// Inputs and outputs as far as they are shown.
    pub statement: Statement,
    /// The transcript's messages, as [`elements`] counts them.
    pub argument: Vec<u8>,
}

impl Proof {
    /// The model's name: the digest of key and seal.
    pub fn model(&self) -> Digest {
        model_digest(self.key, self.seal)
    }
}

/// How many points and scalars each part of an argument has, in order.
pub fn elements(layout: &Layout, k: u32) -> Vec<(&'static str, usize)> {
    let (cells, slots, helpers) = (layout.columns(), layout.slots, layout.helpers());
    let dense = layout.factor_columns().end;
    let (sealed, factors) = (layout.sealed_columns().count(), layout.factor_columns().len());
    let link = |count: usize| if sealed > 0 { count } else { 0 };
    let rounds = usize::try_from(k).unwrap_or(0);
    vec![
        ("commitments to cells", layout.fresh_columns()),
        ("commitments to re-randomised columns", sealed),
        ("commitments to multiplicities", slots),
        ("commitments to factors", factors),
        ("message of the link", link(1)),
        ("responses of the link", link(RESPONSES)),
        ("commitments to lookup helpers", helpers),
        ("commitments to running sums", 2),
        ("commitment to the random polynomial", 1),
        ("commitments to quotient pieces", QUOTIENT_PIECES),
        ("evaluations of cells", dense),
        ("combined evaluation of sealed weights", usize::from(cells > dense)),
        ("evaluations of multiplicities", slots),
        ("evaluations of lookup helpers", helpers),
        ("evaluations of running sums", 4),
        ("evaluation of the random polynomial", 1),
        // halo2's multi-point opening: a commitment, an evaluation for each of the two point sets.
        ("commitment to the opening quotient", 1),
        ("evaluations of the opening", 2),
        // halo2's inner product argument: a mask, two points a round, two scalars.
        ("commitment to the opening mask", 1),
        ("rounds of the inner product argument", rounds.saturating_mul(2)),
        ("scalars of the inner product argument", 2),
    ]
}

/// Bytes of an argument for this key.
pub fn argument_bytes(key: &VerifyingKey) -> usize {
    let parts = elements(key.layout(), key.description().k);
    parts.iter().fold(0usize, |sum, (_, count)| sum.saturating_add(*count)).saturating_mul(ELEMENT)
}
