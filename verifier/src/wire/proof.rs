//! A proof: the key it is for, its statement, the argument's bytes, and how many those must be.

use serde::{Deserialize, Serialize};

use crate::circuit::key::VerifyingKey;
use crate::circuit::layout::Layout;
use crate::encoding::digest::Digest;
use crate::encoding::digest::model_digest;
use crate::wire::statement::Statement;

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
    let (slots, helpers, factors) = (layout.slots, layout.helpers(), layout.factor_columns().len());
    let rounds = usize::try_from(k).unwrap_or(0);
    vec![
        ("commitments to cells", layout.fresh_columns()),
        ("commitments to multiplicities", slots),
        ("commitments to factors", factors),
        ("commitments to lookup helpers", helpers),
        ("commitments to messages of the row sum", rounds),
        ("evaluations of lookups", layout.lookups.len()),
        ("evaluations of lookup helpers", helpers),
        ("evaluations of factors", factors),
        ("commitment to the hidden evaluation", 1),
        ("commitment to the running sum", 1),
        ("commitment to the quotient", 1),
        ("evaluations of what is opened", 4),
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
