//! The link's Schnorr proof: knowledge of what was added to the sealed columns.

use ff::Field;
use group::Curve;
use halo2_proofs::transcript::{EncodedChallenge, TranscriptWrite};
use pasta_curves::{EqAffine, Fp};
use rand_core::CryptoRng;
use zkinfer_verifier::link::RESPONSES;
use zkinfer_verifier::transcript::draw;

use crate::sealed::{Shifts, ShownColumn};

/// Proves that `Σ_c λ^c·(C′_c − C_c)` is a combination of the generators of blinding rows and blind, from what was added to each column.
pub fn write<E, T>(
    shifts: &Shifts,
    transcript: &mut T,
    columns: &[ShownColumn<'_>],
    rng: &mut impl CryptoRng,
) -> std::io::Result<()>
where
    E: EncodedChallenge<EqAffine>,
    T: TranscriptWrite<EqAffine, E>,
{
    let lambda = draw(transcript);
    let mut total = [Fp::ZERO; RESPONSES];
    for column in columns.iter().rev() {
        total.iter_mut().zip(column.added).for_each(|(total, added)| *total = *total * lambda + added);
    }
    let mask: [Fp; RESPONSES] = std::array::from_fn(|_| Fp::random(&mut *rng));
    transcript.write_point(shifts.point(&mask).to_affine())?;
    let challenge = draw(transcript);
    mask.iter().zip(total).try_for_each(|(mask, total)| transcript.write_scalar(*mask + challenge * total))
}
