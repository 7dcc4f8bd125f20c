//! Sealing: commitments to secret tensors, the proofs of their ranges, [one after
//! another](Sealing), and [what opens them again](Opening). See `docs/sealed.md`.

mod commit;
mod opening;
mod parts;

use rand_core::CryptoRng;
use zkinfer_verifier::circuit::sheet::SealedTensor;
use zkinfer_verifier::{Parameters, Seal};

pub use commit::{commit, prove_range};
pub use opening::Opening;
pub use parts::Sealing;

use crate::columns::Tensors;
use crate::error::ProveError;

/// Seals tensors: commits to them under fresh randomness and proves that every integer is in its
/// declared range.
pub fn seal(
    parameters: &Parameters,
    tensors: &[SealedTensor],
    integers: impl Into<Tensors>,
    rng: &mut impl CryptoRng,
) -> Result<(Seal, Opening), ProveError> {
    let mut sealing = Sealing::start(parameters, tensors, integers, rng)?;
    while sealing.next(rng)?.is_some() {}
    let tensors = sealing.tensors().to_vecs();
    let (seal, mut opening) = sealing.finish();
    opening.tensors = tensors;
    Ok((seal, opening))
}
