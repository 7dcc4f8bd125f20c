//! Why bytes are no file of a kind.

use thiserror::Error;

use super::description::DescriptionError;

/// Why bytes are not a key, statement or proof file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The first bytes are not those of this kind of file.
    #[error("this is no {expected} file (its first bytes differ)")]
    Magic {
        /// The kind expected.
        expected: &'static str,
    },
    /// Written by another version of the format.
    #[error("format version {got}, this build reads version {expected}")]
    Version {
        /// Found.
        got: u16,
        /// Supported.
        expected: u16,
    },
    /// Longer than the format allows.
    #[error("{got} bytes, at most {limit} allowed")]
    TooLong {
        /// Found.
        got: usize,
        /// Allowed.
        limit: usize,
    },
    /// Ends early, has trailing bytes, or a field does not decode.
    #[error("truncated or damaged: its {kind} does not decode")]
    Damaged {
        /// The kind of content.
        kind: &'static str,
    },
    /// A list longer than any valid file has: see [`crate::limits`].
    #[error("its {kind} has a longer list of nodes, tensors or dimensions than is supported")]
    TooMany {
        /// The kind of content.
        kind: &'static str,
    },
    /// Decodes, but is not the canonical encoding of what it says.
    #[error("its {kind} is not encoded canonically")]
    NotCanonical {
        /// The kind of content.
        kind: &'static str,
    },
    /// The checksum at the end does not fit the bytes before.
    #[error("damaged: checksum mismatch")]
    Checksum,
    /// The description inside is not valid.
    #[error("invalid circuit description: {0}")]
    Description(#[from] DescriptionError),
}
