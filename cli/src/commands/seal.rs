//! `zkinfer seal`: commit to weights, or to a tensor for a sealed input.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::files::set::NewFile;
use zkinfer::foreign;
use zkinfer::models::integer::tensors::Clamped;
use zkinfer::sealing::Journal;
use zkinfer::verifier::Visibility;
use zkinfer::verifier::encoding::digest::model_digest;
use zkinfer::{Circuit, Opening, Parameters, Seal};

use crate::arguments::{self, Reading};
use crate::budget;
use crate::loading::{allow_clamped, parameters, read_circuit, read_samples};
use crate::outcome::Outcome;
use crate::readings::clamped_json;
use crate::screen::{Progress, bytes, print_json, say};

pub fn run(arguments: &arguments::Seal, json: bool) -> Result<Outcome> {
    let source = arguments.tensor.as_ref().unwrap_or(&arguments.circuit);
    let names = arguments.destination.names(source, &["seal", "opening"])?;
    let [seal_path, opening_path] = ["seal", "opening"].map(|ending| names.path(ending));
    arguments.destination.check(&[seal_path.clone(), opening_path.clone()])?;
    let circuit = read_circuit(&arguments.circuit)?;
    if arguments.tensor.is_none()
        && let Some(needs) = circuit.sealing()
    {
        budget::allow(&arguments.budget, &[("sealing", needs)])
            .with_context(|| foreign::path(&arguments.circuit))?;
    }
    let parameters = parameters(circuit.key().description().k)?;
    let progress = Progress::new("sealing");
    let mut journal = None;
    let (seal, opening, clamped) = match &arguments.tensor {
        None => {
            let sealed =
                circuit.seal_in_parts(&parameters, &names.path("sealing"), progress.parts());
            let (seal, opening, kept) =
                sealed.with_context(|| foreign::path(&arguments.circuit))?;
            journal = kept;
            (seal, opening, Vec::new())
        }
        Some(tensor) => {
            let source = (tensor.as_path(), &arguments.reading);
            seal_input(&circuit, &parameters, source, arguments.input.as_deref())
                .with_context(|| foreign::path(tensor))?
        }
    };
    drop(progress);
    let (seal_file, opening_file) = (seal.to_bytes(), opening.to_bytes());
    arguments.destination.write(&[
        NewFile::public(&seal_path, &seal_file),
        NewFile::secret(&opening_path, &opening_file),
    ])?;
    journal.map(Journal::remove).transpose()?;
    let digest = seal.record.digest();
    if json {
        print_json(&json!({
            "seal": foreign::json_path(&seal_path),
            "opening": foreign::json_path(&opening_path),
            "digest": digest.to_string(),
            "model": arguments.tensor.is_none().then(|| model_digest(circuit.key().digest(),
                Some(digest)).to_string()),
            "commitments": seal.record.commitments.len(),
            "clamped": clamped_json(&clamped),
        }))?;
        return Ok(Outcome::Done);
    }
    say!("{}  {}  for verifiers: seal {digest}", foreign::path(&seal_path), bytes(seal_file.len()));
    say!("{}  secret: whoever has it can prove with what was sealed", foreign::path(&opening_path));
    if arguments.tensor.is_none() {
        say!("model {}", model_digest(circuit.key().digest(), Some(digest)));
    }
    Ok(Outcome::Done)
}

/// Seals the tensor in a file for the input called `name`, or for the only sealed one.
fn seal_input(
    circuit: &Circuit,
    parameters: &Parameters,
    (tensor, reading): (&Path, &Reading),
    name: Option<&str>,
) -> Result<(Seal, Opening, Vec<Clamped>)> {
    let inputs = &circuit.key().description().inputs;
    let sealed = inputs.iter().filter(|input| input.visibility == Visibility::Sealed);
    let names: Vec<&str> = sealed.map(|input| input.name.as_str()).collect();
    let name = match (name, names.as_slice()) {
        (Some(name), names) if names.contains(&name) => name,
        (Some(name), _) => {
            bail!(
                "--input {}: the sealed inputs of this circuit are {}",
                foreign::name(name),
                foreign::names(names)
            )
        }
        (None, [only]) => only,
        (None, []) => bail!("no input of this circuit is sealed; compile with --input sealed"),
        (None, _) => {
            bail!("several inputs are sealed ({}): choose one with --input", foreign::names(names))
        }
    };
    let samples = read_samples(circuit, tensor, &[name], (reading, false))?;
    let read = samples.first().and_then(|sample| sample.first());
    let read = read.context("the file holds no tensor")?;
    let index = inputs.iter().position(|input| input.name == name);
    let clamped = circuit.clamped(index.map(|index| (index, read)));
    allow_clamped(&clamped, false, tensor)?;
    let (seal, opening) = circuit.seal_input(parameters, name, read)?;
    Ok((seal, opening, clamped))
}
