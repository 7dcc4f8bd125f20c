//! Whose model a proof was checked against: what was demanded, and where key and seal came from.
//!
//! A proof shows that *some* model gave an answer. Whoever sends a proof can send key and seal with
//! it, of any model; so unless an identity was demanded, none is known.

use std::path::PathBuf;

use zkinfer_verifier::Digest;

use super::given::{Found, Origin};

/// Where a key or seal was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Its path.
    pub path: PathBuf,
    /// Whether it was given.
    pub origin: Origin,
}

impl<T> From<&Found<T>> for Provenance {
    fn from(found: &Found<T>) -> Self {
        Self { path: found.path.clone(), origin: found.origin }
    }
}

/// What was demanded of a proof, and what it was checked by instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The model demanded.
    pub model: Option<Digest>,
    /// The public key of the publisher demanded, in hexadecimal.
    pub publisher: Option<String>,
    /// Where the key came from.
    pub key: Provenance,
    /// Where the seal came from, if the weights are sealed.
    pub seal: Option<Provenance>,
}
