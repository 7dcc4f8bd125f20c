//! Seals that are checked once: range proofs take longer than a proof, and say the same each
//! time.

use zkinfer_verifier::cost::TooCostly;
use zkinfer_verifier::{Budget, CheckedSeal, Cost, Parameters, Rejection, Seal, VerifyingKey};

use crate::cache::Cache;

/// Why a seal is not accepted.
#[derive(Debug)]
pub enum SealRefusal {
    /// It is no seal for this key, or its range proof does not hold.
    Rejected(Rejection),
    /// Checking it may take more than is allowed.
    TooCostly(TooCostly),
}

impl From<Rejection> for SealRefusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Checks a seal's range proofs within a budget, unless `cache` has a record that this user has
/// checked it before, and records that it was. What fits which key, and which seal a proof names,
/// is checked with every proof, recorded or not.
pub fn check_seal(
    seal: Seal,
    key: &VerifyingKey,
    parameters: &Parameters,
    cache: Option<&Cache>,
    budget: Budget,
) -> Result<CheckedSeal, SealRefusal> {
    let digest = seal.record.digest();
    if cache.is_some_and(|cache| cache.has_checked(digest, parameters.digest())) {
        return Ok(seal.trust(digest)?);
    }
    seal.record.fits(key, parameters)?;
    // One after another: time adds up, memory does not.
    let mut cost = Cost { multiplications: 0, bytes: 0 };
    for part in seal.record.range_parts()? {
        let (ranges, _) = seal.record.range_claim(&part)?;
        let Cost { multiplications, bytes } = Cost::of(&ranges);
        cost.multiplications = cost.multiplications.saturating_add(multiplications);
        cost.bytes = cost.bytes.max(bytes);
        cost.within(budget).map_err(SealRefusal::TooCostly)?;
    }
    let checked = seal.check_for(key, parameters)?;
    // A cache that cannot be written costs time, not the result.
    let _ = cache.map(|cache| cache.record_checked(digest, parameters.digest()));
    Ok(checked)
}
