//! Why files that were given say nothing either way.

use std::path::{Path, PathBuf};

use thiserror::Error;
use zkinfer_verifier::Digest;
use zkinfer_verifier::cost::TooCostly;
use zkinfer_verifier::wire::files::KEY;

use crate::artifact::NotRead;
use crate::foreign::path as quoted;
use crate::manifest::ManifestError;

/// Most `.vk` files of a folder that are looked at for the one that a proof names.
pub const CANDIDATES: usize = 256;
/// Most of their bytes that are read for it, all together: as many as one key may have.
pub const BYTES: usize = KEY.limit;

/// Why there is no verdict: what is missing, unreadable or too costly. Nothing follows about the
/// proofs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerificationError {
    /// A file.
    #[error(transparent)]
    NotRead(#[from] NotRead),
    /// Neither the same model for all proofs, nor one for each.
    #[error("{models} models demanded of {proofs} proofs: demand one of all, or one of each")]
    Models {
        /// Models demanded.
        models: usize,
        /// Proofs given.
        proofs: usize,
    },
    /// Several keys, and none is the one that the proof names.
    #[error("{}: none of the keys given has the digest {digest} that it names", quoted(proof))]
    OtherKeys {
        /// The proof.
        proof: PathBuf,
        /// What it names.
        digest: Digest,
    },
    /// More keys beside the proof than are looked at.
    #[error(
        "{}: none of the {looked} .vk files beside it that were looked at has the digest {digest} \
        that it names; there are {all}, and at most {CANDIDATES} of at most {} MB together are \
        read: name the .vk file",
        quoted(proof),
        BYTES >> 20
    )]
    TooManyKeys {
        /// The proof.
        proof: PathBuf,
        /// What it names.
        digest: Digest,
        /// Keys looked at.
        looked: usize,
        /// Keys beside it.
        all: usize,
    },
    /// No key.
    #[error(
        "{}: no key with the digest {digest} that it names was given or lies beside it; name the \
        .vk file",
        quoted(proof)
    )]
    NoKey {
        /// The proof.
        proof: PathBuf,
        /// What it names.
        digest: Digest,
    },
    /// Several seals, and none is the one that the proof names.
    #[error(
        "none of the seals given is the one that the proof names ({})",
        digest.map_or("no seal".into(), |digest| digest.to_string())
    )]
    OtherSeals {
        /// What the proof names.
        digest: Option<Digest>,
    },
    /// No seal, and the weights are sealed.
    #[error(
        "{}: the weights are sealed and the seal is not here; name the .seal file",
        quoted(path)
    )]
    NoSeal {
        /// Where it would be.
        path: PathBuf,
    },
    /// Two manifests of one model.
    #[error("{} and {} are of one model: give one of them", quoted(one), quoted(other))]
    TwoManifests {
        /// One.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A manifest of another model.
    #[error("{}", quoted(path))]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What does not fit.
        #[source]
        error: ManifestError,
    },
    /// A manifest beside a key that cannot be read as one.
    #[error("{}: the model's manifest", quoted(path))]
    ManifestBeside {
        /// The manifest.
        path: PathBuf,
        /// Why.
        #[source]
        error: ManifestError,
    },
    /// A publisher is demanded, and there is no manifest.
    #[error(
        "{}: no manifest is given or lies beside this key, and a publisher is demanded",
        quoted(key)
    )]
    NoManifest {
        /// The key.
        key: PathBuf,
    },
    /// The manifest is by another publisher than demanded.
    #[error(transparent)]
    Publisher(ManifestError),
    /// A key or seal by which verifying may take more than is allowed.
    #[error("{}: {error}", quoted(path))]
    TooCostly {
        /// The key or seal.
        path: PathBuf,
        /// What it may take.
        error: TooCostly,
    },
}

impl VerificationError {
    pub(super) fn of_manifest(path: &Path, error: ManifestError) -> Self {
        Self::Manifest { path: path.into(), error }
    }
}
