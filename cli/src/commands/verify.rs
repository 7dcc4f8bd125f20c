//! `zkinfer verify`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::verifier::chain::{Segment, verify_chain};
use zkinfer::verifier::format::{KEY, PROOF, SEAL};
use zkinfer::verifier::{Digest, Proof, Rejection, VerifyingKey};
use zkinfer::{Cache, CheckedSeal, Manifest, Parameters, Seal, manifest};

use super::{print_outputs, publish, tensors, verifying_parameters};
use crate::Outcome;
use crate::arguments::Verify;
use crate::files;
use crate::foreign;
use crate::screen::{Progress, print_json, say, seconds};

pub fn run(arguments: &Verify, json: bool) -> Result<Outcome> {
    let given = Given::read(&arguments.files)?;
    if given.proofs.is_empty() {
        bail!("no proof among the files given");
    }
    if arguments.chain && given.proofs.len() < 2 {
        bail!("--chain needs at least two proofs, in order");
    }
    let publisher = arguments.publisher.as_deref().map(demanded).transpose()?;
    let progress = Progress::new("verifying");
    let mut seconds_taken = 0.0;
    let mut parameters_of: BTreeMap<u32, Parameters> = BTreeMap::new();
    let mut cases = Vec::new();
    for path in &given.proofs {
        let proof = match Proof::from_bytes(&files::read_kind(path, PROOF)?) {
            Ok(proof) => proof,
            Err(error) => return reject(path, &error.to_string(), json),
        };
        let (key_path, key) = given.key(path, proof.key)?;
        let k = key.description().k;
        if let std::collections::btree_map::Entry::Vacant(entry) = parameters_of.entry(k) {
            entry.insert(verifying_parameters(k)?);
        }
        let start = Instant::now();
        let seal =
            match given.seal(&key_path, &key, proof.seal)?.map(|seal| accept(seal, &parameters_of[&k])).transpose() {
                Ok(seal) => seal,
                Err(rejection) => return reject(path, &rejection.to_string(), json),
            };
        seconds_taken += start.elapsed().as_secs_f64();
        let manifest = given.manifest(&key_path)?;
        if let Some(manifest) = &manifest {
            let seal = seal.as_ref().map(|seal| seal.digest().to_string());
            manifest.fits(&key.digest().to_string(), seal.as_deref())?;
        }
        match (&manifest, &publisher) {
            (Some(manifest), Some(key)) => manifest.demand(key)?,
            (None, Some(_)) => {
                bail!("{}: --publisher needs a manifest beside the key, or named", foreign::path(&key_path))
            }
            _ => {}
        }
        cases.push(Case { key, seal, proof, manifest, path });
    }
    let start = Instant::now();
    let verdict = verdict(arguments.chain, &parameters_of, &cases);
    seconds_taken += start.elapsed().as_secs_f64();
    drop(progress);
    if let Err((path, rejection)) = verdict {
        return reject(path, &rejection.to_string(), json);
    }
    // Only after acceptance: these numbers are what the proofs bind.
    report(arguments.chain, &cases, seconds_taken, json)?;
    Ok(Outcome::Done)
}

/// A proof with everything that it is checked by.
struct Case<'a> {
    key: VerifyingKey,
    seal: Option<CheckedSeal>,
    proof: Proof,
    manifest: Option<Manifest>,
    path: &'a Path,
}

fn verdict<'a>(
    chain: bool,
    parameters: &BTreeMap<u32, Parameters>,
    cases: &[Case<'a>],
) -> Result<(), (&'a Path, Rejection)> {
    let last = cases.last().map_or(Path::new(""), |case| case.path);
    if chain {
        let segments: Vec<Segment<'_>> =
            cases.iter().map(|case| Segment { key: &case.key, seal: case.seal.as_ref(), proof: &case.proof }).collect();
        let k = cases.first().map_or(0, |case| case.key.description().k);
        return verify_chain(&parameters[&k], &segments).map_err(|rejection| (last, rejection));
    }
    cases.iter().try_for_each(|case| {
        let parameters = &parameters[&case.key.description().k];
        case.key.verify_sealed(parameters, case.seal.as_ref(), &case.proof).map_err(|rejection| (case.path, rejection))
    })
}

fn report(chain: bool, cases: &[Case<'_>], taken: f64, json: bool) -> Result<()> {
    let value = |case: &Case<'_>| {
        let (statement, key) = (&case.proof.statement, &case.key);
        json!({
            "proof": foreign::json_path(case.path),
            "model": key.description().name,
            "model_digest": case.proof.model().to_string(),
            "key": key.digest().to_string(),
            "seal": case.proof.seal.map(|seal| seal.to_string()),
            "manifest": case.manifest,
            "inputs": tensors(&statement.read_inputs(key)),
            "outputs": tensors(&statement.read_outputs(key)),
        })
    };
    if json {
        let mut values: Vec<serde_json::Value> = cases.iter().map(value).collect();
        let mut result = if values.len() == 1 { values.remove(0) } else { json!({ "chain": chain, "proofs": values }) };
        result["verified"] = true.into();
        result["seconds"] = taken.into();
        return print_json(&result);
    }
    for case in cases {
        let name = foreign::name(&case.key.description().name);
        say!("verified{}: model {name} ({})", within(cases.len(), taken), case.proof.model());
        if let Some(manifest) = &case.manifest {
            publish::print(manifest);
        }
        print_outputs(&case.proof.statement.read_outputs(&case.key));
    }
    if cases.len() > 1 {
        let what =
            if chain { "one chain: each goes on from the sealed outputs of the one before" } else { "each by itself" };
        say!("{} proofs in {}, {what}", cases.len(), seconds(taken));
    }
    Ok(())
}

fn within(proofs: usize, taken: f64) -> String {
    if proofs == 1 { format!(" in {}", seconds(taken)) } else { String::new() }
}

/// The files on the command line, by extension.
struct Given<'a> {
    proofs: Vec<&'a Path>,
    keys: Vec<(&'a Path, VerifyingKey)>,
    seals: Vec<&'a Path>,
    manifests: Vec<Manifest>,
}

impl<'a> Given<'a> {
    fn read(files: &'a [PathBuf]) -> Result<Self> {
        let mut given = Self { proofs: Vec::new(), keys: Vec::new(), seals: Vec::new(), manifests: Vec::new() };
        for path in files {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("vk") => given.keys.push((path, read_key(path)?)),
                Some("seal") => given.seals.push(path),
                Some("json") => given.manifests.push(publish::read(path)?),
                _ => given.proofs.push(path),
            }
        }
        Ok(given)
    }

    /// The key that a proof names: among those given, or beside the proof. A single key given is taken as it is.
    fn key(&self, proof: &Path, digest: Digest) -> Result<(PathBuf, VerifyingKey)> {
        let named = self.keys.iter().find(|(_, key)| key.digest() == digest || self.keys.len() == 1);
        if let Some((path, key)) = named {
            return Ok((path.to_path_buf(), key.clone()));
        }
        if self.keys.is_empty() {
            let directory = proof.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let entries = std::fs::read_dir(directory).with_context(|| foreign::path(directory))?;
            let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            paths.sort();
            for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "vk")) {
                match read_key(path) {
                    Ok(key) if key.digest() == digest => return Ok((path.clone(), key)),
                    _ => {}
                }
            }
        }
        bail!(
            "{}: no key with its digest {digest} was given or lies beside it; name the .vk file",
            foreign::path(proof)
        )
    }

    /// The seal for a key with sealed weights: the one given with this digest, the only one given, or the one beside the key.
    fn seal(&self, key_path: &Path, key: &VerifyingKey, digest: Option<Digest>) -> Result<Option<Seal>> {
        if !key.has_sealed_weights() {
            return Ok(None);
        }
        let read = |path: &Path| Seal::from_bytes(&files::read_kind(path, SEAL)?).with_context(|| foreign::path(path));
        if let [only] = self.seals.as_slice() {
            return read(only).map(Some);
        }
        for path in &self.seals {
            let seal = read(path)?;
            if Some(seal.record.digest()) == digest {
                return Ok(Some(seal));
            }
        }
        let beside = key_path.with_extension("seal");
        if !beside.exists() {
            bail!("{}: the weights are sealed and the seal is not here; name the .seal file", foreign::path(&beside));
        }
        read(&beside).map(Some)
    }

    /// The manifest given for a key, or the one beside it.
    fn manifest(&self, key_path: &Path) -> Result<Option<Manifest>> {
        if let [only] = self.manifests.as_slice() {
            return Ok(Some(only.clone()));
        }
        publish::beside(key_path)
    }
}

fn read_key(path: &Path) -> Result<VerifyingKey> {
    VerifyingKey::from_bytes(&files::read_kind(path, KEY)?).with_context(|| foreign::path(path))
}

/// Checks a seal's range proof, unless this user has checked it before.
fn accept(seal: Seal, parameters: &Parameters) -> Result<CheckedSeal, Rejection> {
    let digest = seal.record.digest();
    let cache = Cache::user().ok();
    if cache.as_ref().is_some_and(|cache| cache.has_checked(digest, parameters.digest())) {
        return seal.trust(digest);
    }
    let checked = seal.check(parameters)?;
    // A cache that cannot be written costs time, not the result.
    cache.map(|cache| cache.record_checked(digest, parameters.digest()));
    Ok(checked)
}

/// The public key in a PEM file, in hexadecimal.
fn demanded(path: &Path) -> Result<String> {
    let pem = String::from_utf8(files::read(path, files::PEM)?)
        .ok()
        .with_context(|| format!("{}: not a PEM file", foreign::path(path)))?;
    manifest::public_key(&pem).with_context(|| foreign::path(path))
}

fn reject(path: &Path, reason: &str, json: bool) -> Result<Outcome> {
    if json {
        print_json(&json!({ "verified": false, "proof": foreign::json_path(path), "reason": reason }))?;
    } else {
        say!("rejected: {reason}");
    }
    Ok(Outcome::Rejected)
}
