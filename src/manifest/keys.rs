//! Publishers' keys: Ed25519, in PEM.

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey as PublicKey};
use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::error::ManifestError;

/// A publisher's private key. Wiped when dropped, never printed.
pub struct PublisherKey(SigningKey);

impl std::fmt::Debug for PublisherKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublisherKey({})", self.public_hex())
    }
}

impl PublisherKey {
    /// A fresh key.
    pub fn generate() -> Result<Self, ManifestError> {
        let mut seed = Zeroizing::new([0; 32]);
        SysRng
            .try_fill_bytes(&mut *seed)
            .map_err(|error| ManifestError::Randomness(error.to_string()))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads a private key, PKCS#8 in PEM.
    pub fn from_pem(pem: &str) -> Result<Self, ManifestError> {
        let key = SigningKey::from_pkcs8_pem(pem);
        key.map(Self)
            .map_err(|error| ManifestError::Pem { kind: "private", reason: error.to_string() })
    }

    /// The private key, PKCS#8 in PEM.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, ManifestError> {
        // The public key is left out: with it the file would be PKCS#8 version 2, which OpenSSL
        // does not read.
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = pair.to_pkcs8_pem(LineEnding::LF);
        pem.map_err(|error| ManifestError::Pem { kind: "private", reason: error.to_string() })
    }

    /// The signature of a message, in hexadecimal.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex(&self.0.sign(message).to_bytes())
    }

    /// The public key in PEM, for those who demand this publisher.
    pub fn public_pem(&self) -> Result<String, ManifestError> {
        let pem = self.0.verifying_key().to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| ManifestError::Pem { kind: "public", reason: error.to_string() })
    }

    /// The public key in hexadecimal.
    pub fn public_hex(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }
}

/// Reads a public key in PEM: its hexadecimal digits.
pub fn public_key(pem: &str) -> Result<String, ManifestError> {
    let key = PublicKey::from_public_key_pem(pem);
    let key =
        key.map_err(|error| ManifestError::Pem { kind: "public", reason: error.to_string() })?;
    Ok(hex(key.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
