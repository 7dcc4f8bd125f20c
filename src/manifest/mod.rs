//! The model manifest, `model.json`: who published which model.
//!
//! It names the model by the digests that every statement carries, and may be signed with Ed25519.
//! The signature covers everything but itself, in canonical JSON (sorted keys, no spaces), after a
//! prefix of its own.

mod error;
mod keys;
mod unique;

use ed25519_dalek::{Signature, VerifyingKey as PublicKey};
use serde::{Deserialize, Serialize};

pub use error::{FORMAT, LIMIT, ManifestError};
pub use keys::{PublisherKey, public_key};

use unique::Unique;
use zkinfer_models::agreement::Agreement;

const DOMAIN: &str = "zkinfer manifest v1\n";

/// What a publisher says about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The model's name.
    pub name: String,
    /// The publisher's version of it.
    pub version: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// Digest of the verifying key, 64 hexadecimal digits.
    pub key: String,
    /// Digest of the seal of its weights, if they are sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// How it was quantised: the report of `zkinfer compile`.
    pub quantisation: serde_json::Value,
    /// What is said about the data that it was trained on.
    pub training_data: String,
    /// Who signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<Publisher>,
    /// The signature, 128 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Who signed a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// What the publisher is called, as the publisher says.
    pub name: String,
    /// The Ed25519 public key, 64 hexadecimal digits.
    pub public_key: String,
}

impl Manifest {
    /// The manifest as JSON for people.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads a manifest and checks its form and, if it has one, its signature.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > LIMIT {
            return Err(ManifestError::TooLong { got: bytes.len() });
        }
        serde_json::from_slice::<Unique>(bytes)?;
        let manifest: Self = serde_json::from_slice(bytes)?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format { got: manifest.format });
        }
        hexadecimal::<32>("key", &manifest.key)?;
        manifest.seal.as_deref().map(|seal| hexadecimal::<32>("seal", seal)).transpose()?;
        manifest.check_signature()?;
        Ok(manifest)
    }

    /// Whether the signature, if there is one, is the publisher's.
    fn check_signature(&self) -> Result<(), ManifestError> {
        match (&self.publisher, &self.signature) {
            (None, None) => Ok(()),
            (Some(publisher), Some(signature)) => {
                let key = hexadecimal("public_key", &publisher.public_key)?;
                let signature = Signature::from_bytes(&hexadecimal("signature", signature)?);
                let key = PublicKey::from_bytes(&key).map_err(|_| ManifestError::Signature)?;
                key.verify_strict(&self.message()?, &signature)
                    .map_err(|_| ManifestError::Signature)
            }
            _ => Err(ManifestError::HalfSigned),
        }
    }

    /// Signs as `publisher`; an older signature is replaced.
    pub fn sign(mut self, publisher: &str, key: &PublisherKey) -> Result<Self, ManifestError> {
        self.publisher = Some(Publisher { name: publisher.into(), public_key: key.public_hex() });
        self.signature = Some(key.sign(&self.message()?));
        Ok(self)
    }

    /// Whether the holder of this public key signed.
    pub fn demand(&self, public_key: &str) -> Result<(), ManifestError> {
        self.check_signature()?;
        let got = self.publisher.as_ref().map_or("nobody", |publisher| &publisher.public_key);
        if got == public_key {
            return Ok(());
        }
        Err(ManifestError::OtherPublisher { expected: public_key.into(), got: got.into() })
    }

    /// Whether the manifest is of the model with this key and seal.
    pub fn fits(&self, key: &str, seal: Option<&str>) -> Result<(), ManifestError> {
        let other = |field, manifest: Option<&str>, here: Option<&str>| {
            let name = |digest: Option<&str>| digest.unwrap_or("none").to_owned();
            Err(ManifestError::OtherModel { field, manifest: name(manifest), here: name(here) })
        };
        if self.key != key {
            return other("key", Some(&self.key), Some(key));
        }
        if self.seal.as_deref() != seal {
            return other("seal", self.seal.as_deref(), seal);
        }
        Ok(())
    }

    /// What the publisher states about how the network agrees with its float model; none if that
    /// was not measured, or is not in a form that this build knows. No proof shows it.
    pub fn agreement(&self) -> Option<Agreement> {
        Agreement::deserialize(self.quantisation.get("agreement")?).ok()
    }

    /// What is signed.
    fn message(&self) -> Result<Vec<u8>, ManifestError> {
        let mut content = serde_json::to_value(Self { signature: None, ..self.clone() })?;
        content.sort_all_objects();
        Ok([DOMAIN.as_bytes(), content.to_string().as_bytes()].concat())
    }
}

fn hexadecimal<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], ManifestError> {
    let error = || ManifestError::Hexadecimal { field, digits: 2 * N };
    if text.len() != 2 * N || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(error());
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let digits = std::str::from_utf8(digits).map_err(|_| error())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            name: "digits".into(),
            version: "1.0".into(),
            licence: "MIT".into(),
            key: "0a".repeat(32),
            seal: Some("b1".repeat(32)),
            quantisation: serde_json::json!({ "scale": 0.1 + 0.2, "tiny": 5e-324,
                "third": 1.0 / 3.0 }),
            training_data: "handwritten digits".into(),
            publisher: None,
            signature: None,
        }
    }

    #[test]
    fn manifests_survive_json_with_and_without_signature() {
        let key = PublisherKey::generate().unwrap();
        for manifest in [manifest(), manifest().sign("zkinfer", &key).unwrap()] {
            assert_eq!(Manifest::from_json(manifest.to_json().as_bytes()).unwrap(), manifest);
        }
        let signed = manifest().sign("zkinfer", &key).unwrap();
        signed.demand(&public_key(&key.public_pem().unwrap()).unwrap()).unwrap();
        let other = PublisherKey::generate().unwrap().public_hex();
        assert!(matches!(signed.demand(&other), Err(ManifestError::OtherPublisher { .. })));
        assert!(matches!(manifest().demand(&other), Err(ManifestError::OtherPublisher { .. })));
        let renamed = Manifest { name: "another".into(), ..signed.clone() };
        assert!(matches!(renamed.demand(&key.public_hex()), Err(ManifestError::Signature)));
        signed.fits(&"0a".repeat(32), Some(&"b1".repeat(32))).unwrap();
        assert!(matches!(
            signed.fits(&"0b".repeat(32), None),
            Err(ManifestError::OtherModel { field: "key", .. })
        ));
        assert!(matches!(
            signed.fits(&"0a".repeat(32), None),
            Err(ManifestError::OtherModel { field: "seal", .. })
        ));
    }

    #[test]
    fn every_change_breaks_the_signature() {
        let key = PublisherKey::generate().unwrap();
        let changes: [fn(&mut Manifest); 8] = [
            |m| m.name.push('x'),
            |m| m.version.push('x'),
            |m| m.licence.push('x'),
            |m| m.key = "0b".repeat(32),
            |m| m.seal = None,
            |m| m.quantisation["scale"] = 0.3.into(),
            |m| m.training_data.clear(),
            |m| m.publisher.as_mut().unwrap().name.push('x'),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut forged = manifest().sign("zkinfer", &key).unwrap();
            change(&mut forged);
            let refusal = Manifest::from_json(forged.to_json().as_bytes());
            assert!(
                matches!(refusal, Err(ManifestError::Signature)),
                "change {index}: {refusal:?}"
            );
        }
        let mut stolen = manifest().sign("zkinfer", &key).unwrap();
        stolen.publisher.as_mut().unwrap().public_key =
            PublisherKey::generate().unwrap().public_hex();
        assert!(matches!(
            Manifest::from_json(stolen.to_json().as_bytes()),
            Err(ManifestError::Signature)
        ));
    }

    #[test]
    fn malformed_manifests_are_refused() {
        let key = PublisherKey::generate().unwrap();
        let refuse = |change: &dyn Fn(&mut Manifest)| {
            let mut manifest = manifest().sign("zkinfer", &key).unwrap();
            change(&mut manifest);
            Manifest::from_json(manifest.to_json().as_bytes()).unwrap_err()
        };
        assert!(matches!(refuse(&|m| m.format = 2), ManifestError::Format { got: 2 }));
        assert!(matches!(refuse(&|m| m.publisher = None), ManifestError::HalfSigned));
        assert!(matches!(refuse(&|m| m.signature = None), ManifestError::HalfSigned));
        assert!(matches!(
            refuse(&|m| m.key = "0A".repeat(32)),
            ManifestError::Hexadecimal { field: "key", .. }
        ));
        assert!(matches!(
            refuse(&|m| m.seal = Some("é".repeat(32))),
            ManifestError::Hexadecimal { field: "seal", .. }
        ));
        // Readers disagree on which of two counts, so that a signature would cover either.
        let signed = manifest().sign("zkinfer", &key).unwrap().to_json();
        for (field, twice) in [
            ("\"version\":", "\"version\": \"2.0\",\n  \"version\":"),
            ("\"tiny\":", "\"scale\": 7,\n    \"tiny\":"),
            ("\"tiny\":", "\"sc\\u0061le\": 7,\n    \"tiny\":"),
            ("\"public_key\":", "\"name\": \"another\",\n    \"public_key\":"),
        ] {
            assert_eq!(signed.matches(field).count(), 1);
            let refusal = Manifest::from_json(signed.replace(field, twice).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(refusal.contains("stands twice"), "{refusal}");
        }
        let unknown = manifest().to_json().replacen('{', "{\"extra\": 1,", 1);
        assert!(matches!(Manifest::from_json(unknown.as_bytes()), Err(ManifestError::Json(_))));
        assert!(matches!(
            Manifest::from_json(&vec![b' '; LIMIT + 1]),
            Err(ManifestError::TooLong { .. })
        ));
    }

    #[test]
    fn keys_survive_pem_and_stay_out_of_messages() {
        let key = PublisherKey::generate().unwrap();
        let pem = key.to_pem().unwrap();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_eq!(PublisherKey::from_pem(&pem).unwrap().public_hex(), key.public_hex());
        assert!(key.public_pem().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
        assert!(matches!(
            PublisherKey::from_pem(&key.public_pem().unwrap()),
            Err(ManifestError::Pem { .. })
        ));
        assert!(matches!(public_key(&pem), Err(ManifestError::Pem { kind: "public", .. })));
        assert_eq!(format!("{key:?}"), format!("PublisherKey({})", key.public_hex()));
    }
}
