//! `zkinfer verify`.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use zkinfer::verifier::{Proof, VerifyingKey};

use super::{parameters, print_json, print_outputs, tensors};
use crate::Outcome;
use crate::arguments::Verify;
use crate::files;
use crate::screen::{Progress, say, seconds};

pub fn run(arguments: &Verify, json: bool) -> Result<Outcome> {
    let key_bytes = files::read(&arguments.key)?;
    let proof_bytes = files::read(&arguments.proof)?;
    let key = VerifyingKey::from_bytes(&key_bytes).with_context(|| arguments.key.display().to_string())?;
    let proof = match Proof::from_bytes(&proof_bytes) {
        Ok(proof) => proof,
        Err(error) => return reject(&error.to_string(), json),
    };
    let parameters = parameters(key.description().k)?;
    let progress = Progress::new("verifying");
    let start = Instant::now();
    let verdict = key.verify(&parameters, &proof);
    let elapsed = start.elapsed().as_secs_f64();
    drop(progress);
    if let Err(rejection) = verdict {
        return reject(&rejection.to_string(), json);
    }
    // Only after acceptance: these numbers are what the proof binds.
    let (inputs, outputs) = (proof.statement.read_inputs(&key), proof.statement.read_outputs(&key));
    if json {
        print_json(&json!({
            "verified": true,
            "model": key.description().name,
            "key": key.digest().to_string(),
            "inputs": tensors(&inputs),
            "outputs": tensors(&outputs),
            "seconds": elapsed,
        }))?;
    } else {
        say!("verified in {}: model {} ({})", seconds(elapsed), key.description().name, key.digest());
        print_outputs(&outputs);
    }
    Ok(Outcome::Done)
}

fn reject(reason: &str, json: bool) -> Result<Outcome> {
    if json {
        print_json(&json!({ "verified": false, "reason": reason }))?;
    } else {
        say!("rejected: {reason}");
    }
    Ok(Outcome::Rejected)
}
