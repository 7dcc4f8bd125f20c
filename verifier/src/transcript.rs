//! The order of messages and challenges, shared by prover and verifier.
//!
//! | round | absorbed | then drawn |
//! |---|---|---|
//! | 0 | hash of version, key, parameters, `k`, `u`, statement; commitments to cells and multiplicities | `ρ, σ, τ, θ, β` |
//! | 1 | commitments to helpers, `φ`, `S`, the random polynomial | `y` |
//! | 2 | commitments to the quotient pieces | `x` |
//! | 3 | evaluations | those of the opening |
//!
//! The hash function, its domain separation and the encodings are halo2's Blake2b transcript.

use ff::FromUniformBytes;
use halo2_proofs::transcript::{EncodedChallenge, Transcript};
use pasta_curves::{EqAffine, Fp};

use crate::adjoint::Cotangents;
use crate::format;
use crate::key::{Digest, VerifyingKey};
use crate::statement::Statement;

/// Version of the argument; a change that alters any proof byte changes it.
const ARGUMENT: &[u8] = b"zkinfer argument 1";

/// Everything a proof must be bound to before its first challenge, as one field element.
pub fn binding(key: &VerifyingKey, parameters: Digest, statement: &Statement) -> Fp {
    let layout = key.layout();
    let usable = u64::try_from(layout.usable).unwrap_or(u64::MAX);
    let statement = format::encode(statement);
    let length = u64::try_from(statement.len()).unwrap_or(u64::MAX);
    let hash = blake2b_simd::Params::new()
        .hash_length(64)
        .personal(b"zkinfer binding.")
        .to_state()
        .update(ARGUMENT)
        .update(&key.digest().0)
        .update(&parameters.0)
        .update(&key.description().k.to_le_bytes())
        .update(&usable.to_le_bytes())
        .update(&length.to_le_bytes())
        .update(&statement)
        .finalize();
    Fp::from_uniform_bytes(hash.as_array())
}

/// Draws `ρ, σ, τ`, then `θ, β`.
pub fn draw_check_challenges<E, T>(transcript: &mut T) -> (Cotangents, [Fp; 2])
where
    E: EncodedChallenge<EqAffine>,
    T: Transcript<EqAffine, E>,
{
    let mut draw = || *transcript.squeeze_challenge_scalar::<()>();
    let cotangents = Cotangents { rho: draw(), sigma: draw(), tau: draw() };
    (cotangents, [draw(), draw()])
}
