//! Commitments as they stand in seals and statements.

use group::GroupEncoding;
use pasta_curves::EqAffine;

/// A compressed curve point.
pub type Commitment = [u8; 32];

/// Decodes a commitment; the identity, which commits to nothing hidden, is refused.
pub fn decode(commitment: &Commitment) -> Option<EqAffine> {
    let point: EqAffine = Option::from(EqAffine::from_bytes(commitment))?;
    (point != EqAffine::default()).then_some(point)
}
