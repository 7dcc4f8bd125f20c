//! The order of messages and challenges, shared by prover and verifier.
//!
//! | absorbed | then drawn |
//! |---|---|
//! | hash of version, model (key and seal), parameters, `k`, `u`, statement; commitments to cells, multiplicities | `ρ, σ` |
//! | commitments to factors | `τ, θ, β` |
//! | commitments to helpers | `ζ, y` |
//! | commitment to message `i` of the row sum, `k` times | `r_i` |
//! | evaluations of lookups, helpers, factors at `r`; commitment to the hidden evaluation | `γ, λ` |
//! | commitment to the running sum `S` | `υ` |
//! | commitment to the quotient | `x` |
//! | `A`, `M`, `S` at `x`, `S` at `ωx` | those of the opening |
//!
//! The hash function, its domain separation and the encodings are halo2's Blake2b transcript.

use ff::FromUniformBytes;
use halo2_proofs::transcript::{EncodedChallenge, Transcript};
use pasta_curves::{EqAffine, Fp};

use crate::format;
use crate::key::{Digest, VerifyingKey};
use crate::seal::model_digest;
use crate::statement::Statement;

/// Version of the argument; a change that alters any proof byte changes it.
const ARGUMENT: &[u8] = b"zkinfer argument 3";

/// Everything a proof must be bound to before its first challenge, as one field element.
///
/// The seal's digest binds its commitments, the statement holds those of sealed inputs and outputs.
pub fn binding(key: &VerifyingKey, seal: Option<Digest>, parameters: Digest, statement: &Statement) -> Fp {
    let layout = key.layout();
    let usable = u64::try_from(layout.usable).unwrap_or(u64::MAX);
    let statement = format::encode(statement);
    let length = u64::try_from(statement.len()).unwrap_or(u64::MAX);
    let hash = blake2b_simd::Params::new()
        .hash_length(64)
        .personal(b"zkinfer binding.")
        .to_state()
        .update(ARGUMENT)
        .update(&model_digest(key.digest(), seal).0)
        .update(&parameters.0)
        .update(&key.description().k.to_le_bytes())
        .update(&usable.to_le_bytes())
        .update(&length.to_le_bytes())
        .update(&statement)
        .finalize();
    Fp::from_uniform_bytes(hash.as_array())
}

/// Draws the next challenge.
pub fn draw<E, T>(transcript: &mut T) -> Fp
where
    E: EncodedChallenge<EqAffine>,
    T: Transcript<EqAffine, E>,
{
    *transcript.squeeze_challenge_scalar::<()>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::{Description, Input, Node, Operator, Output, OutputSource, Quantisation, Visibility};

    fn key(name: &str, k: u32) -> VerifyingKey {
        let quantisation = Quantisation { scale: 1.0, zero_point: 0 };
        let (source, visibility) = (OutputSource::Node(0), Visibility::Public);
        let description = Description {
            name: name.into(),
            k,
            limb_bits: 1,
            bias_digits: 0,
            inputs: vec![Input { name: "x".into(), shape: vec![2], minimum: 0, maximum: 1, quantisation, visibility }],
            nodes: vec![Node { name: "x".into(), operator: Operator::Input(0) }],
            outputs: vec![Output { name: "y".into(), shape: vec![2], source, quantisation, visibility }],
        };
        VerifyingKey::new(description).unwrap()
    }

    #[test]
    fn every_input_changes_the_binding() {
        let statement = |x: &[i64], y: &[i64]| Statement::public(vec![x.to_vec()], vec![y.to_vec()]);
        let parameters = |byte| Digest([byte; 32]);
        let bindings = [
            binding(&key("a", 7), None, parameters(0), &statement(&[0, 1], &[0, 1])),
            binding(&key("a", 7), Some(Digest([0; 32])), parameters(0), &statement(&[0, 1], &[0, 1])),
            binding(&key("a", 7), Some(Digest([1; 32])), parameters(0), &statement(&[0, 1], &[0, 1])),
            binding(&key("b", 7), None, parameters(0), &statement(&[0, 1], &[0, 1])),
            binding(&key("a", 8), None, parameters(0), &statement(&[0, 1], &[0, 1])),
            binding(&key("a", 7), None, parameters(1), &statement(&[0, 1], &[0, 1])),
            binding(&key("a", 7), None, parameters(0), &statement(&[1, 1], &[0, 1])),
            binding(&key("a", 7), None, parameters(0), &statement(&[0, 1], &[0, 0])),
            binding(&key("a", 7), None, parameters(0), &statement(&[0, 1, 0], &[1])),
        ];
        for (i, a) in bindings.iter().enumerate() {
            assert!(!bindings[..i].contains(a), "binding {i} repeats");
        }
    }
}
