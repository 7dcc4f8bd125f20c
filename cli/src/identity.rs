//! Whose model a proof was checked against: what the user demanded, and where key and seal came
//! from.
//!
//! A proof shows that *some* model gave an answer. Whoever sends a proof can send key and seal with
//! it, of any model; so unless an identity was demanded, `verify` says that none was.

use std::fmt;
use std::path::PathBuf;

use serde_json::json;
use zkinfer::foreign;
use zkinfer::verifier::Digest;

use crate::given::Origin;

/// Where a key or seal was found.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub origin: Origin,
}

/// What was demanded of a proof, and what it was checked by instead.
#[derive(Debug)]
pub struct Identity {
    /// The model demanded with `--model`.
    pub model: Option<Digest>,
    /// The public key demanded with `--publisher`.
    pub publisher: Option<String>,
    pub key: Source,
    /// If the weights are sealed.
    pub seal: Option<Source>,
}

/// What demands an identity where none was.
const HINT: &str = "--model DIGEST demands one";

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.model, &self.publisher) {
            (Some(_), None) => return write!(f, "the model demanded"),
            (Some(_), Some(key)) => {
                return write!(f, "the model demanded, by the publisher demanded, key {key}");
            }
            (None, Some(key)) => return write!(f, "a model by the publisher demanded, key {key}"),
            (None, None) => {}
        }
        let key = foreign::path(&self.key.path);
        let Some(seal) = &self.seal else {
            return match self.key.origin {
                Origin::Named => write!(f, "key as named ({key})"),
                Origin::Beside => {
                    write!(f, "not demanded (key taken from beside the proof: {key}; {HINT})")
                }
            };
        };
        let path = foreign::path(&seal.path);
        match (self.key.origin, seal.origin) {
            (Origin::Named, Origin::Named) => write!(f, "key and seal as named ({key}, {path})"),
            (Origin::Named, Origin::Beside) => {
                write!(
                    f,
                    "key as named ({key}), its weights' not demanded (seal taken from beside it: \
                    {path}; {HINT})"
                )
            }
            (Origin::Beside, Origin::Named) => {
                write!(
                    f,
                    "seal as named ({path}), its key's not demanded (taken from beside the proof: \
                    {key}; {HINT})"
                )
            }
            (Origin::Beside, Origin::Beside) => {
                write!(
                    f,
                    "not demanded (key and seal taken from beside the proof: {key}, {path}; {HINT})"
                )
            }
        }
    }
}

impl Identity {
    /// The same for programs: nulls where nothing was demanded.
    pub fn json(&self) -> serde_json::Value {
        let source = |source: &Source, beside: &str| {
            let from = if source.origin == Origin::Named { "named" } else { beside };
            json!({ "path": foreign::json_path(&source.path), "from": from })
        };
        json!({
            "demanded": {
                "model": self.model.map(|model| model.to_string()),
                "publisher": self.publisher,
            },
            "key": source(&self.key, "beside the proof"),
            "seal": self.seal.as_ref().map(|seal| source(seal, "beside the key")),
        })
    }
}
