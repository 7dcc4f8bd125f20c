//! What a proof is bound to before its first challenge.
//!
//! The hash function, its domain separation and the encodings of what is absorbed later are halo2's
//! Blake2b transcript.

use ff::FromUniformBytes;
use pasta_curves::Fp;

use crate::circuit::key::VerifyingKey;
use crate::encoding::digest::Digest;
use crate::encoding::digest::model_digest;
use crate::encoding::encode;
use crate::wire::statement::Statement;

/// Version of the argument. It changes with every proof byte, and when a check is added that what
/// was accepted before may fail: what an earlier version has checked does not count for a later
/// one.
pub const VERSION: u32 = 5;

/// Everything that a proof is bound to before its first challenge.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The argument's version.
    pub version: u32,
    /// The model: digest of key and seal. The key's digest covers the whole description, the seal's
    /// its commitments.
    pub model: Digest,
    /// Digest of the commitment parameters.
    pub parameters: Digest,
    /// `n = 2^k` rows.
    pub k: u32,
    /// Usable rows `u`.
    pub usable: usize,
    /// Public integers, and commitments to sealed inputs and outputs.
    pub statement: &'a Statement,
}

impl<'a> Bound<'a> {
    /// What a proof of this statement by this model is bound to.
    pub fn new(
        key: &VerifyingKey,
        seal: Option<Digest>,
        parameters: Digest,
        statement: &'a Statement,
    ) -> Self {
        let model = model_digest(key.digest(), seal);
        let (k, usable) = (key.description().k, key.layout().usable);
        Self { version: VERSION, model, parameters, k, usable, statement }
    }

    /// All of it as one field element, by hash.
    pub fn element(&self) -> Fp {
        let Self { version, model, parameters, k, usable, statement } = self;
        let statement = encode(*statement);
        let integer = |length: usize| u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes();
        let hash = blake2b_simd::Params::new()
            .hash_length(64)
            .personal(b"zkinfer binding.")
            .to_state()
            .update(format!("zkinfer argument {version}").as_bytes())
            .update(&model.0)
            .update(&parameters.0)
            .update(&k.to_le_bytes())
            .update(&integer(*usable))
            .update(&integer(statement.len()))
            .update(&statement)
            .finalize();
        Fp::from_uniform_bytes(hash.as_array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::description::{
        Description, Input, Node, Operator, Output, OutputSource, Quantisation, Scheme, Visibility,
    };

    fn key(name: &str, k: u32) -> VerifyingKey {
        let quantisation = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });
        let (source, visibility) = (OutputSource::Node(0), Visibility::Public);
        let description = Description {
            name: name.into(),
            k,
            limb_bits: 1,
            bias_digits: 0,
            functions: Vec::new(),
            inputs: vec![Input {
                name: "x".into(),
                shape: vec![2],
                minimum: 0,
                maximum: 1,
                quantisation: quantisation.clone(),
                visibility,
            }],
            nodes: vec![Node { name: "x".into(), operator: Operator::Input(0) }],
            outputs: vec![Output {
                name: "y".into(),
                shape: vec![2],
                source,
                quantisation: quantisation.clone(),
                visibility,
            }],
        };
        VerifyingKey::new(description).unwrap()
    }

    #[test]
    fn every_input_changes_the_binding() {
        let statement =
            |x: &[i64], y: &[i64]| Statement::public(vec![x.to_vec()], vec![y.to_vec()]);
        let parameters = |byte| Digest([byte; 32]);
        let bind = |key: &VerifyingKey, seal, parameters, statement: &Statement| {
            Bound::new(key, seal, parameters, statement).element()
        };
        let bindings = [
            bind(&key("a", 7), None, parameters(0), &statement(&[0, 1], &[0, 1])),
            bind(&key("a", 7), Some(Digest([0; 32])), parameters(0), &statement(&[0, 1], &[0, 1])),
            bind(&key("a", 7), Some(Digest([1; 32])), parameters(0), &statement(&[0, 1], &[0, 1])),
            bind(&key("b", 7), None, parameters(0), &statement(&[0, 1], &[0, 1])),
            bind(&key("a", 8), None, parameters(0), &statement(&[0, 1], &[0, 1])),
            bind(&key("a", 7), None, parameters(1), &statement(&[0, 1], &[0, 1])),
            bind(&key("a", 7), None, parameters(0), &statement(&[1, 1], &[0, 1])),
            bind(&key("a", 7), None, parameters(0), &statement(&[0, 1], &[0, 0])),
            bind(&key("a", 7), None, parameters(0), &statement(&[0, 1, 0], &[1])),
        ];
        for (i, a) in bindings.iter().enumerate() {
            assert!(!bindings[..i].contains(a), "binding {i} repeats");
        }
    }
}
