//! Whose model a proof was checked against, as people and programs read it. Unless an identity was
//! demanded, that none was is said.

use serde_json::json;
use zkinfer::foreign;
use zkinfer::verification::{Identity, Origin, Provenance};

/// What demands an identity where none was.
const HINT: &str = "--model DIGEST demands one";

/// What people read.
pub fn text(identity: &Identity) -> String {
    match (identity.model, &identity.publisher) {
        (Some(_), None) => return "the model demanded".into(),
        (Some(_), Some(key)) => {
            return format!("the model demanded, by the publisher demanded, key {key}");
        }
        (None, Some(key)) => return format!("a model by the publisher demanded, key {key}"),
        (None, None) => {}
    }
    let key = foreign::path(&identity.key.path);
    let Some(seal) = &identity.seal else {
        return match identity.key.origin {
            Origin::Named => format!("key as named ({key})"),
            Origin::Beside => {
                format!("not demanded (key taken from beside the proof: {key}; {HINT})")
            }
        };
    };
    let path = foreign::path(&seal.path);
    match (identity.key.origin, seal.origin) {
        (Origin::Named, Origin::Named) => format!("key and seal as named ({key}, {path})"),
        (Origin::Named, Origin::Beside) => format!(
            "key as named ({key}), its weights' not demanded (seal taken from beside it: {path}; \
            {HINT})"
        ),
        (Origin::Beside, Origin::Named) => format!(
            "seal as named ({path}), its key's not demanded (taken from beside the proof: {key}; \
            {HINT})"
        ),
        (Origin::Beside, Origin::Beside) => format!(
            "not demanded (key and seal taken from beside the proof: {key}, {path}; {HINT})"
        ),
    }
}

/// The same for programs: nulls where nothing was demanded.
pub fn json(identity: &Identity) -> serde_json::Value {
    let provenance = |provenance: &Provenance, beside: &str| {
        let from = if provenance.origin == Origin::Named { "named" } else { beside };
        json!({ "path": foreign::json_path(&provenance.path), "from": from })
    };
    json!({
        "demanded": {
            "model": identity.model.map(|model| model.to_string()),
            "publisher": identity.publisher,
        },
        "key": provenance(&identity.key, "beside the proof"),
        "seal": identity.seal.as_ref().map(|seal| provenance(seal, "beside the key")),
    })
}
