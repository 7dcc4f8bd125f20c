//! `zkinfer verify`.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use zkinfer::artifact::{self, ArtifactError, NotRead};
use zkinfer::foreign;
use zkinfer::verifier::chain::{Segment, verify_joins};
use zkinfer::verifier::{Budget, Cost, Digest, Proof, Rejection, VerifyingKey};
use zkinfer::{Cache, CheckedSeal, Manifest, Parameters, Seal, manifest};

use super::{print_outputs, publish, tensors, verifying_parameters};
use crate::Outcome;
use crate::arguments::Verify;
use crate::files;
use crate::given::{Found, Given, Model};
use crate::identity::{Identity, Source};
use crate::screen::{Progress, print_json, say, seconds};

pub fn run(arguments: &Verify, json: bool) -> Result<Outcome> {
    let mut given = Given::read(&arguments.files)?;
    let paths = std::mem::take(&mut given.proofs);
    if paths.is_empty() {
        bail!("no proof among the files given");
    }
    if arguments.chain && paths.len() < 2 {
        bail!("--chain needs at least two proofs, in order");
    }
    let models = demanded_models(&arguments.model, paths.len())?;
    let publisher = arguments.publisher.as_deref().map(demanded_publisher).transpose()?;
    let bytes = arguments.memory.saturating_mul(1_000_000);
    let budget = Budget { time: Duration::from_secs(arguments.time), bytes };
    let progress = Progress::new("verifying");
    let mut seconds_taken = 0.0;
    let mut parameters_of: BTreeMap<u32, Parameters> = BTreeMap::new();
    let mut cases = Vec::new();
    for (path, model) in paths.iter().zip(models) {
        let proof = match artifact::read_proof(path) {
            Ok(proof) => proof,
            Err(NotRead { error: ArtifactError::Format(error), .. }) => {
                return reject(path, &error.to_string(), json);
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(expected) = model.filter(|&expected| expected != proof.model()) {
            let reason = format!("the proof is by model {}, demanded is {expected}", proof.model());
            return reject(path, &reason, json);
        }
        let key = given.key(path, proof.key)?;
        if let Err(rejection) = names(&proof, &key.content) {
            return reject(path, &rejection.to_string(), json);
        }
        affordable(&key.path, &key.content, budget)?;
        let k = key.content.description().k;
        if let std::collections::btree_map::Entry::Vacant(entry) = parameters_of.entry(k) {
            entry.insert(verifying_parameters(k)?);
        }
        let start = Instant::now();
        let (mut seal, mut seal_source) = (None, None);
        if let Some(found) = given.seal(&key, proof.seal)? {
            seal_source = Some(Source { path: found.path.clone(), origin: found.origin });
            match accept(found, &proof, &key.content, &parameters_of[&k], budget)? {
                Ok(checked) => seal = Some(checked),
                Err(rejection) => return reject(path, &rejection.to_string(), json),
            }
        }
        seconds_taken += start.elapsed().as_secs_f64();
        let identity = Identity {
            model,
            publisher: publisher.clone(),
            key: Source { path: key.path.clone(), origin: key.origin },
            seal: seal_source,
        };
        cases.push(Case { key, seal, proof, manifest: None, path, identity });
    }
    add_manifests(&given, &mut cases, publisher.as_deref())?;
    let start = Instant::now();
    let verdict = verdict(arguments.chain, &parameters_of, &cases);
    seconds_taken += start.elapsed().as_secs_f64();
    drop(progress);
    if let Err((path, reason)) = verdict {
        return reject(path, &reason, json);
    }
    // Only after acceptance: these numbers are what the proofs bind.
    report(arguments.chain, &cases, seconds_taken, json)?;
    Ok(Outcome::Done)
}

/// A proof with everything that it is checked by.
struct Case<'a> {
    key: Rc<Found<VerifyingKey>>,
    seal: Option<CheckedSeal>,
    proof: Proof,
    manifest: Option<Manifest>,
    path: &'a Path,
    identity: Identity,
}

/// The model demanded of each proof: the same of all, or one of each.
fn demanded_models(models: &[Digest], proofs: usize) -> Result<Vec<Option<Digest>>> {
    match *models {
        [] => Ok(vec![None; proofs]),
        [model] => Ok(vec![Some(model); proofs]),
        _ if models.len() == proofs => Ok(models.iter().copied().map(Some).collect()),
        _ => bail!(
            "{} models demanded of {proofs} proofs: give --model once for all, or once for each",
            models.len()
        ),
    }
}

/// Whether the proof names this key. Asked first: all that follows costs more.
fn names(proof: &Proof, key: &VerifyingKey) -> Result<(), Rejection> {
    if proof.key == key.digest() {
        return Ok(());
    }
    Err(Rejection::OtherKey { expected: key.digest().to_string(), got: proof.key.to_string() })
}

/// Refuses a key by which verifying may take more than is allowed.
fn affordable(path: &Path, key: &VerifyingKey, budget: Budget) -> Result<()> {
    let advice = "if you trust it, --memory MB and --time SECONDS allow more";
    Cost::of(key)
        .within(budget)
        .map_err(|too_costly| anyhow!("{}: {too_costly}; {advice}", foreign::path(path)))
}

/// Checks the range proof of the seal that a proof names, unless this user has checked it before.
fn accept(
    found: Found<Seal>,
    proof: &Proof,
    key: &VerifyingKey,
    parameters: &Parameters,
    budget: Budget,
) -> Result<Result<CheckedSeal, Rejection>> {
    let seal = found.content;
    let digest = seal.record.digest();
    if proof.seal != Some(digest) {
        let expected = proof.seal.map_or("none".into(), |seal| seal.to_string());
        return Ok(Err(Rejection::OtherSeal { expected, got: digest.to_string() }));
    }
    let cache = Cache::user().ok();
    if cache.as_ref().is_some_and(|cache| cache.has_checked(digest, parameters.digest())) {
        return Ok(seal.trust(digest));
    }
    match seal.record.fits(key, parameters).and_then(|()| seal.record.range_claim()) {
        Ok((ranges, _)) => affordable(&found.path, &ranges, budget)?,
        Err(rejection) => return Ok(Err(rejection)),
    }
    let checked = seal.check_for(key, parameters);
    if checked.is_ok() {
        // A cache that cannot be written costs time, not the result.
        cache.map(|cache| cache.record_checked(digest, parameters.digest()));
    }
    Ok(checked)
}

/// The public key in a PEM file, in hexadecimal.
fn demanded_publisher(path: &Path) -> Result<String> {
    let pem = String::from_utf8(files::read(path, files::PEM)?).ok();
    let pem = pem.with_context(|| format!("{}: not a PEM file", foreign::path(path)))?;
    manifest::public_key(&pem).with_context(|| foreign::path(path))
}

/// Gives every case its manifest, and demands that `publisher` signed it.
fn add_manifests(given: &Given, cases: &mut [Case<'_>], publisher: Option<&str>) -> Result<()> {
    let models: Vec<Model<'_>> = cases
        .iter()
        .map(|case| Model { key: &case.key, seal: case.seal.as_ref().map(CheckedSeal::digest) })
        .collect();
    let manifests = given.manifests(&models)?;
    for (case, manifest) in cases.iter_mut().zip(manifests) {
        match (&manifest, publisher) {
            (Some(manifest), Some(publisher)) => manifest.demand(publisher)?,
            (None, Some(_)) => {
                bail!(
                    "{}: --publisher needs a manifest beside the key, or named",
                    foreign::path(&case.key.path)
                )
            }
            _ => {}
        }
        case.manifest = manifest;
    }
    Ok(())
}

/// The proof at fault, and why.
fn verdict<'a>(
    chain: bool,
    parameters: &BTreeMap<u32, Parameters>,
    cases: &[Case<'a>],
) -> Result<(), (&'a Path, String)> {
    for case in cases {
        let key = &case.key.content;
        let verdict =
            key.verify_sealed(&parameters[&key.description().k], case.seal.as_ref(), &case.proof);
        verdict.map_err(|rejection| (case.path, rejection.to_string()))?;
    }
    if !chain {
        return Ok(());
    }
    let segments: Vec<Segment<'_>> = cases
        .iter()
        .map(|case| Segment {
            key: &case.key.content,
            seal: case.seal.as_ref(),
            proof: &case.proof,
        })
        .collect();
    verify_joins(&segments).map_err(|rejection| {
        let first = if let Rejection::Chain { first, .. } = rejection {
            first.saturating_sub(1)
        } else {
            0
        };
        let path = |index: usize| cases.get(index).map_or(Path::new(""), |case| case.path);
        (path(first), format!("{rejection} ({})", foreign::path(path(first + 1))))
    })
}

fn report(chain: bool, cases: &[Case<'_>], taken: f64, json: bool) -> Result<()> {
    let value = |case: &Case<'_>| {
        let (statement, key) = (&case.proof.statement, &case.key.content);
        json!({
            "proof": foreign::json_path(case.path),
            "model": key.description().name,
            "model_digest": case.proof.model().to_string(),
            "identity": case.identity.json(),
            "key": key.digest().to_string(),
            "seal": case.proof.seal.map(|seal| seal.to_string()),
            "manifest": case.manifest,
            "inputs": tensors(&statement.read_inputs(key)),
            "outputs": tensors(&statement.read_outputs(key)),
        })
    };
    if json {
        let mut values: Vec<serde_json::Value> = cases.iter().map(value).collect();
        let mut result = if values.len() == 1 {
            values.remove(0)
        } else {
            json!({ "chain": chain, "proofs": values })
        };
        result["verified"] = true.into();
        result["seconds"] = taken.into();
        return print_json(&result);
    }
    for case in cases {
        let name = foreign::name(&case.key.content.description().name);
        say!("verified{}: model {} named {name}", within(cases.len(), taken), case.proof.model());
        say!("  identity: {}", case.identity);
        if let Some(manifest) = &case.manifest {
            publish::print(manifest);
        }
        print_outputs(&case.proof.statement.read_outputs(&case.key.content));
    }
    if cases.len() > 1 {
        let what = if chain {
            "one chain: each goes on from the sealed outputs of the one before"
        } else {
            "each by itself"
        };
        say!("{} proofs in {}, {what}", cases.len(), seconds(taken));
    }
    Ok(())
}

fn within(proofs: usize, taken: f64) -> String {
    if proofs == 1 { format!(" in {}", seconds(taken)) } else { String::new() }
}

fn reject(path: &Path, reason: &str, json: bool) -> Result<Outcome> {
    if json {
        print_json(
            &json!({ "verified": false, "proof": foreign::json_path(path), "reason": reason }),
        )?;
    } else {
        say!("rejected: {}: {reason}", foreign::path(path));
    }
    Ok(Outcome::Rejected)
}
