//! Why a manifest or a publisher's key was refused.

use thiserror::Error;

/// The format's number.
pub const FORMAT: u32 = 1;
/// Most bytes accepted.
pub const LIMIT: usize = 1 << 24;

/// Why a manifest or a publisher's key was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Too long.
    #[error("{got} bytes, a manifest has at most {LIMIT}")]
    TooLong {
        /// Found.
        got: usize,
    },
    /// No JSON, other fields than a manifest's, or one twice.
    #[error("not a model manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// Another format.
    #[error("manifest format {got}, this build reads format {FORMAT}")]
    Format {
        /// Found.
        got: u32,
    },
    /// A field that is not the expected number of hexadecimal digits.
    #[error("field {field}: expected {digits} lower-case hexadecimal digits")]
    Hexadecimal {
        /// The field.
        field: &'static str,
        /// Expected.
        digits: usize,
    },
    /// A signature without a publisher, or the other way round.
    #[error("publisher and signature come together: one of them is missing")]
    HalfSigned,
    /// The signature is not the publisher's under this content.
    #[error(
        "wrong signature: the manifest was changed after it was signed, or signed with another key"
    )]
    Signature,
    /// Another publisher than the one demanded, or none.
    #[error("published by {got}, expected the key {expected}")]
    OtherPublisher {
        /// The public key demanded.
        expected: String,
        /// The publisher's, or "nobody".
        got: String,
    },
    /// A field that does not fit the key or seal at hand.
    #[error("field {field}: the manifest is of another model ({manifest}, here {here})")]
    OtherModel {
        /// The field.
        field: &'static str,
        /// The manifest's digest.
        manifest: String,
        /// The digest at hand.
        here: String,
    },
    /// No Ed25519 key in this PEM file.
    #[error("not an Ed25519 {kind} key in PEM: {reason}")]
    Pem {
        /// "private" or "public".
        kind: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(String),
}
