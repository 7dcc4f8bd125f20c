//! A proof: the key it is for, its statement, the argument's bytes.

use serde::{Deserialize, Serialize};

use crate::encoding::digest::Digest;
use crate::encoding::digest::model_digest;
use crate::wire::statement::Statement;

/// A statement with the argument that it is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Digest of the verifying key.
    pub key: Digest,
    /// Digest of the model's seal, if its weights are sealed.
    pub seal: Option<Digest>,
    /// Inputs and outputs as far as they are shown.
    pub statement: Statement,
    /// The transcript's messages, as [`Sizes`](crate::argument::schedule::Sizes) counts them.
    pub argument: Vec<u8>,
}

impl Proof {
    /// The model's name: the digest of key and seal.
    pub fn model(&self) -> Digest {
        model_digest(self.key, self.seal)
    }
}
