//! `zkinfer verify`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use zkinfer::foreign;
use zkinfer::verification::{Demands, Given, Verdict, VerificationError, Verified, verify_files};
use zkinfer::verifier::Budget;
use zkinfer::verifier::chain::{self, Segment};
use zkinfer::{Cache, manifest};

use super::publish;
use crate::arguments::Verify;
use crate::files;
use crate::generation;
use crate::identity;
use crate::loading::verifying_parameters;
use crate::outcome::Outcome;
use crate::readings::{AtEnds, print_outputs, tensors};
use crate::screen::{Progress, print_json, say, seconds};
use crate::tokenizer::Tokenizer;

pub fn run(arguments: &Verify, json: bool) -> Result<Outcome> {
    let tokenizer = arguments.tokenizer.as_deref().map(Tokenizer::read).transpose()?;
    let mut given = Given::read(&arguments.files)?;
    let (proofs, models) = (given.proofs().len(), arguments.model.len());
    if proofs == 0 {
        bail!("no proof among the files given");
    }
    if arguments.chain && proofs < 2 {
        bail!("--chain needs at least two proofs, in order");
    }
    if models > 1 && models != proofs {
        bail!(
            "{models} models demanded of {proofs} proofs: give --model once for all, or once for \
            each"
        );
    }
    let demands = Demands {
        models: arguments.model.clone(),
        publisher: arguments.publisher.as_deref().map(demanded_publisher).transpose()?,
        chain: arguments.chain,
        budget: Budget {
            time: Duration::from_secs(arguments.time),
            bytes: arguments.memory.saturating_mul(1_000_000),
        },
    };
    let progress = Progress::new("verifying");
    let cache = Cache::user().ok();
    let verdict = verify_files(&mut given, &demands, cache.as_ref(), verifying_parameters);
    drop(progress);
    match verdict.map_err(advised)? {
        Verdict::Accepted { proofs, time } => {
            // Only after acceptance: these numbers are what the proofs bind.
            let time = time.as_secs_f64();
            report(arguments.chain, &proofs, time, tokenizer.as_ref(), json)?;
            Ok(Outcome::Done)
        }
        Verdict::Rejected { proof, reason } => reject(&proof, &reason.to_string(), json),
    }
}

/// What there is no verdict for, with the options that help.
fn advised(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(VerificationError::TooCostly { .. }) => {
            let advice = "if you trust it, --memory MB and --time SECONDS allow more";
            anyhow!("{error}; {advice}")
        }
        Some(VerificationError::NoManifest { key }) => {
            anyhow!("{}: --publisher needs a manifest beside the key, or named", foreign::path(key))
        }
        _ => error,
    }
}

/// The public key in a PEM file, in hexadecimal.
fn demanded_publisher(path: &Path) -> Result<String> {
    let pem = String::from_utf8(files::read(path, files::PEM)?).ok();
    let pem = pem.with_context(|| format!("{}: not a PEM file", foreign::path(path)))?;
    manifest::public_key(&pem).with_context(|| foreign::path(path))
}

fn report(
    chain: bool,
    cases: &[Verified],
    taken: f64,
    tokenizer: Option<&Tokenizer>,
    json: bool,
) -> Result<()> {
    // What a chain generates is not that of one of its proofs.
    let segments: Vec<Segment<'_>> = cases.iter().map(Verified::segment).collect();
    let whole = if chain { chain::generation(&segments) } else { None };
    let value = |case: &Verified| {
        let (statement, key) = (&case.proof.statement, &case.key.content);
        let generation = statement.generation(key);
        let generation = generation.map(|shown| generation::json(&shown, tokenizer));
        json!({
            "proof": foreign::json_path(&case.path),
            "model": key.description().name,
            "model_digest": case.proof.model().to_string(),
            "identity": identity::json(&case.identity),
            "key": key.digest().to_string(),
            "seal": case.proof.seal.map(|seal| seal.to_string()),
            "manifest": case.manifest,
            "inputs": tensors(&statement.read_inputs(key)),
            "inputs_at_ends": AtEnds::of(statement, key),
            "outputs": tensors(&statement.read_outputs(key)),
            "generation": generation,
        })
    };
    if json {
        let mut values: Vec<serde_json::Value> = cases.iter().map(value).collect();
        let mut result = if values.len() == 1 {
            values.remove(0)
        } else {
            let generation = whole.map(|shown| generation::json(&shown, tokenizer));
            json!({ "chain": chain, "proofs": values, "generation": generation })
        };
        result["verified"] = true.into();
        result["seconds"] = taken.into();
        return print_json(&result);
    }
    for (index, case) in cases.iter().enumerate() {
        let name = foreign::name(&case.key.content.description().name);
        say!("verified{}: model {} named {name}", within(cases.len(), taken), case.proof.model());
        say!("  identity: {}", identity::text(&case.identity));
        if let Some(manifest) = &case.manifest {
            publish::print(manifest);
        }
        let (statement, key) = (&case.proof.statement, &case.key.content);
        let last = index + 1 == cases.len();
        match statement.generation(key).or(whole.filter(|_| last)) {
            Some(shown) => generation::print(&shown, tokenizer),
            None => {
                AtEnds::of(statement, key).iter().for_each(AtEnds::print);
                print_outputs(&statement.read_outputs(key));
            }
        }
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
