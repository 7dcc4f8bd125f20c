//! Verifying files that somebody was given: which of them go together, what is demanded of them,
//! and what it may cost.
//!
//! | file | knows |
//! |---|---|
//! | [`given`] | files by what they are, and which belongs to which proof |
//! | [`beside`] | what lies beside a file |
//! | [`identity`] | what was demanded, and where key and seal came from |
//! | [`seals`] | checking a seal's range proof once |
//! | [`error`] | why there is no verdict |

pub mod beside;
pub mod error;
pub mod given;
pub mod identity;
pub mod seals;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zkinfer_verifier::chain::{Segment, verify_joins};
use zkinfer_verifier::{
    Budget, CheckedSeal, Cost, Digest, FormatError, Parameters, Proof, Rejection, VerifyingKey,
};

use crate::artifact::{ArtifactError, read_proof};
use crate::cache::Cache;
use crate::foreign;
use crate::manifest::Manifest;

pub use error::VerificationError;
pub use given::{Found, Given, Origin};
pub use identity::{Identity, Provenance};
pub use seals::{SealRefusal, check_seal};

use given::Model;

/// What is demanded of proofs beyond that they hold.
#[derive(Clone, Debug)]
pub struct Demands {
    /// The digest of the model that each is by: none if any will do, one of all, or one of each.
    pub models: Vec<Digest>,
    /// The public key, in hexadecimal, of the publisher whose manifest each model has.
    pub publisher: Option<String>,
    /// Whether each goes on from the sealed outputs of the one before.
    pub chain: bool,
    /// What verifying by one key may take.
    pub budget: Budget,
}

/// What verifying said.
#[derive(Debug)]
pub enum Verdict {
    /// Every proof holds, and everything demanded of it.
    Accepted {
        /// The proofs, in order.
        proofs: Vec<Verified>,
        /// Time spent on seals and proofs, parameters not counted.
        time: Duration,
    },
    /// One of them does not.
    Rejected {
        /// The proof at fault.
        proof: PathBuf,
        /// What is wrong with it.
        reason: Reason,
    },
}

/// A proof that holds, with everything that it was checked by. Only of such a proof do the numbers
/// in its statement mean anything.
#[derive(Debug)]
pub struct Verified {
    /// The proof's file.
    pub path: PathBuf,
    /// The proof.
    pub proof: Proof,
    /// Its key.
    pub key: Arc<Found<VerifyingKey>>,
    /// Its seal, if the weights are sealed.
    pub seal: Option<CheckedSeal>,
    /// The manifest of its model, given or beside the key.
    pub manifest: Option<Manifest>,
    /// Whose model that is.
    pub identity: Identity,
}

impl Verified {
    /// It as one proof of a chain.
    pub fn segment(&self) -> Segment<'_> {
        Segment { key: &self.key.content, seal: self.seal.as_ref(), proof: &self.proof }
    }
}

/// Why a proof is rejected.
#[derive(Debug)]
pub enum Reason {
    /// It is no proof of this version.
    Format(FormatError),
    /// It is by another model than demanded.
    Model {
        /// Demanded.
        expected: Digest,
        /// Named by the proof.
        got: Digest,
    },
    /// It does not hold.
    Rejection(Rejection),
    /// It holds, and the next one does not go on from it.
    Chain {
        /// What does not fit.
        rejection: Rejection,
        /// The next proof.
        next: PathBuf,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(error) => write!(f, "{error}"),
            Self::Model { expected, got } => {
                write!(f, "the proof is by model {got}, demanded is {expected}")
            }
            Self::Rejection(rejection) => write!(f, "{rejection}"),
            Self::Chain { rejection, next } => write!(f, "{rejection} ({})", foreign::path(next)),
        }
    }
}

/// Verifies the proofs among the files given by keys and seals among them or beside them.
///
/// `parameters` gives those of a size, for verifying or proving; each is asked for once. Seals that
/// `cache` has a record of are not checked again.
///
/// # Errors
/// Where there is no verdict: see [`VerificationError`].
pub fn verify_files<E: From<VerificationError>>(
    given: &mut Given,
    demands: &Demands,
    cache: Option<&Cache>,
    mut parameters: impl FnMut(u32) -> Result<Parameters, E>,
) -> Result<Verdict, E> {
    let paths = given.proofs().to_vec();
    let models = models(&demands.models, paths.len())?;
    let mut time = Duration::ZERO;
    let mut known: BTreeMap<u32, Parameters> = BTreeMap::new();
    let mut proofs = Vec::new();
    for (path, model) in paths.into_iter().zip(models) {
        let rejected = |reason| Ok(Verdict::Rejected { proof: path.clone(), reason });
        let (proof, key) = match gather(given, &path, model, demands.budget) {
            Ok(gathered) => gathered,
            Err(Stop::Rejected(reason)) => return rejected(reason),
            Err(Stop::NoVerdict(error)) => return Err(error.into()),
        };
        let parameters: &Parameters = match known.entry(key.content.description().k) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let parameters = parameters(*entry.key())?;
                entry.insert(parameters)
            }
        };
        let start = Instant::now();
        let publisher = demands.publisher.clone();
        let identity = Identity { model, publisher, key: Provenance::from(&*key), seal: None };
        let path = path.clone();
        let mut case = Verified { path, proof, key, seal: None, manifest: None, identity };
        match add_seal(&mut case, given, parameters, cache, demands.budget) {
            Ok(()) => {}
            Err(Stop::Rejected(reason)) => return rejected(reason),
            Err(Stop::NoVerdict(error)) => return Err(error.into()),
        }
        time += start.elapsed();
        proofs.push(case);
    }
    add_manifests(given, &mut proofs, demands.publisher.as_deref())?;
    let start = Instant::now();
    let checked = check(demands.chain, &known, &proofs);
    time += start.elapsed();
    Ok(match checked {
        Ok(()) => Verdict::Accepted { proofs, time },
        Err((proof, reason)) => Verdict::Rejected { proof: proof.into(), reason },
    })
}

/// Why a proof is not looked at further.
enum Stop {
    Rejected(Reason),
    NoVerdict(VerificationError),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Rejected(reason)
    }
}

impl From<VerificationError> for Stop {
    fn from(error: VerificationError) -> Self {
        Self::NoVerdict(error)
    }
}

/// The model demanded of each proof.
fn models(models: &[Digest], proofs: usize) -> Result<Vec<Option<Digest>>, VerificationError> {
    match *models {
        [] => Ok(vec![None; proofs]),
        [model] => Ok(vec![Some(model); proofs]),
        _ if models.len() == proofs => Ok(models.iter().copied().map(Some).collect()),
        _ => Err(VerificationError::Models { models: models.len(), proofs }),
    }
}

/// A proof and its key, if they may be looked at further. What is cheap to see comes first.
fn gather(
    given: &mut Given,
    path: &Path,
    model: Option<Digest>,
    budget: Budget,
) -> Result<(Proof, Arc<Found<VerifyingKey>>), Stop> {
    let proof = read_proof(path).map_err(|unread| match unread.error {
        ArtifactError::Format(error) => Stop::from(Reason::Format(error)),
        _ => Stop::from(VerificationError::from(unread)),
    })?;
    let got = proof.model();
    if let Some(expected) = model.filter(|&expected| expected != got) {
        return Err(Reason::Model { expected, got }.into());
    }
    let key = given.key(path, proof.key, proof.seal)?;
    let expected = key.content.digest();
    if proof.key != expected {
        let (expected, got) = (expected.to_string(), proof.key.to_string());
        return Err(Reason::Rejection(Rejection::OtherKey { expected, got }).into());
    }
    let affordable = Cost::of(&key.content).within(budget);
    affordable.map_err(|error| VerificationError::TooCostly { path: key.path.clone(), error })?;
    Ok((proof, key))
}

/// Finds the seal that a proof names, and checks it.
fn add_seal(
    case: &mut Verified,
    given: &Given,
    parameters: &Parameters,
    cache: Option<&Cache>,
    budget: Budget,
) -> Result<(), Stop> {
    let Some(found) = given.seal(&case.key, case.proof.seal)? else { return Ok(()) };
    case.identity.seal = Some(Provenance::from(&found));
    let digest = found.content.record.digest();
    if case.proof.seal != Some(digest) {
        let expected = case.proof.seal.map_or("none".into(), |seal| seal.to_string());
        let got = digest.to_string();
        return Err(Reason::Rejection(Rejection::OtherSeal { expected, got }).into());
    }
    let checked = check_seal(found.content, &case.key.content, parameters, cache, budget);
    case.seal = Some(checked.map_err(|refusal| match refusal {
        SealRefusal::Rejected(rejection) => Stop::from(Reason::Rejection(rejection)),
        SealRefusal::TooCostly(error) => {
            Stop::from(VerificationError::TooCostly { path: found.path, error })
        }
    })?);
    Ok(())
}

/// Gives every proof the manifest of its model, and demands that `publisher` signed it.
fn add_manifests(
    given: &Given,
    cases: &mut [Verified],
    publisher: Option<&str>,
) -> Result<(), VerificationError> {
    let models: Vec<Model<'_>> = cases
        .iter()
        .map(|case| Model { key: &case.key, seal: case.seal.as_ref().map(CheckedSeal::digest) })
        .collect();
    let manifests = given.manifests(&models)?;
    for (case, manifest) in cases.iter_mut().zip(manifests) {
        match (&manifest, publisher) {
            (Some(manifest), Some(publisher)) => {
                manifest.demand(publisher).map_err(VerificationError::Publisher)?;
            }
            (None, Some(_)) => {
                return Err(VerificationError::NoManifest { key: case.key.path.clone() });
            }
            _ => {}
        }
        case.manifest = manifest;
    }
    Ok(())
}

/// The proof at fault, and why.
fn check<'a>(
    chain: bool,
    parameters: &BTreeMap<u32, Parameters>,
    cases: &'a [Verified],
) -> Result<(), (&'a Path, Reason)> {
    for case in cases {
        let key = &case.key.content;
        let verdict =
            key.verify_sealed(&parameters[&key.description().k], case.seal.as_ref(), &case.proof);
        verdict.map_err(|rejection| (case.path.as_path(), Reason::Rejection(rejection)))?;
    }
    if !chain {
        return Ok(());
    }
    let segments: Vec<Segment<'_>> = cases.iter().map(Verified::segment).collect();
    verify_joins(&segments).map_err(|rejection| {
        let first = match rejection {
            Rejection::Chain { first, .. } => first.saturating_sub(1),
            _ => 0,
        };
        let path = |index: usize| cases.get(index).map_or(Path::new(""), |case| &case.path);
        (path(first), Reason::Chain { rejection, next: path(first + 1).into() })
    })
}
