//! `zkinfer prove --segments`: the circuits of a split, one after the other in one process.
//!
//! Each goes on from the sealed outputs of the one before, so the network runs once, and no more
//! than one circuit is in memory at a time.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::files::names::{append, without};
use zkinfer::files::set::NewFile;
use zkinfer::{Inference, Inputs, Opening, Stage, foreign};

use super::prove::{Files, device, model_opening, read_inputs};
use crate::arguments::Prove;
use crate::budget;
use crate::loading::{allow_clamped, parameters, read_circuit};
use crate::outcome::Outcome;
use crate::readings::{clamped_json, print_outputs, tensors};
use crate::screen::{Progress, Stages, bytes, print_json, say, seconds};

pub fn run(arguments: &Prove, count: usize, json: bool) -> Result<Outcome> {
    let input = arguments.inputs.first().context("no input")?;
    let circuits = circuits(&arguments.circuit, count)?;
    let names = arguments.destination.names(input, &["proof"])?;
    let last = circuits.last().context("no segment")?;
    let secrets = Files::new(&read_circuit(last)?, |ending| names.path(ending)).openings;
    let proofs: Vec<PathBuf> =
        (1..=count).map(|segment| names.path(&format!("{segment}.proof"))).collect();
    arguments.destination.check(&[&proofs[..], &secrets].concat())?;

    let (progress, stages) = (Progress::new(Stage::Reading.name()), Stages::new("proving"));
    if arguments.budget.max_memory.is_some() {
        // Before the first proof, and one after the other in memory.
        for path in &circuits {
            let work = [("proving a segment", read_circuit(path)?.proving())];
            budget::refuse(&arguments.budget, &work).with_context(|| foreign::path(path))?;
        }
    }
    let mut carried: Option<Vec<Opening>> = None;
    let mut files = Vec::new();
    let (mut clamped, mut outputs, mut models) = (Vec::new(), Vec::new(), Vec::new());
    for (index, path) in circuits.iter().enumerate() {
        let of = format!("segment {} of {count}", index + 1);
        progress.stage(&format!("{of}: {}", Stage::Reading.name()));
        let circuit = read_circuit(path)?;
        let inputs = match carried.take() {
            None => {
                let inputs = read_inputs(&circuit, arguments)?.pop().context("no input")?;
                clamped = inputs.clamped(&circuit);
                allow_clamped(&clamped, arguments.strict, input)?;
                inputs
            }
            Some(openings) => Inputs::new(&circuit, Vec::new(), openings).with_context(|| {
                format!("{}: no segment of the same split", foreign::path(path))
            })?,
        };
        let opening = model_opening(path, None, &circuit)?;
        let parameters = parameters(circuit.key().description().k)?;
        let device = device(arguments.device, &circuit, &parameters, &progress)?;
        let observer = |stage: Stage| progress.stage(&format!("{of}: {}", stage.name()));
        let session = circuit
            .session(&parameters, opening.as_ref())
            .with_context(|| foreign::path(path))?
            .self_check(!arguments.no_self_check)
            .on(device)
            .observer(&observer);
        let inference = session.infer(&inputs.sources()).with_context(|| foreign::path(path))?;
        let Inference { proof, outputs: shown, openings } = inference;
        models.push(proof.model().to_string());
        files.push(proof.to_bytes());
        outputs = shown;
        carried = Some(openings.into_iter().map(|(_, opening)| opening).collect());
    }
    let openings: Vec<_> = carried.iter().flatten().map(|opening| opening.to_bytes()).collect();
    let public = proofs.iter().zip(&files).map(|(path, bytes)| NewFile::public(path, bytes));
    let secret = secrets.iter().zip(&openings).map(|(path, bytes)| NewFile::secret(path, bytes));
    arguments.destination.write(&public.chain(secret).collect::<Vec<_>>())?;
    let took: f64 = stages.finish().iter().map(|lap| lap.wall).sum();
    drop(progress);
    if json {
        print_json(&json!({
            "proofs": proofs.iter().map(foreign::json_path).collect::<Vec<_>>(),
            "openings": secrets.iter().map(foreign::json_path).collect::<Vec<_>>(),
            "bytes": files.iter().map(Vec::len).collect::<Vec<_>>(),
            "models": models,
            "outputs": tensors(&outputs),
            "clamped": clamped_json(&clamped),
            "seconds": took,
        }))?;
        return Ok(Outcome::Done);
    }
    say!("proved {count} segments in {}:", seconds(took));
    for (path, file) in proofs.iter().zip(&files) {
        say!("  {} ({})", foreign::path(path), bytes(file.len()));
    }
    for path in &secrets {
        say!("{}  secret: the sealed output, to go on from here", foreign::path(path));
    }
    say!("verify them together, with --chain");
    print_outputs(&outputs);
    Ok(Outcome::Done)
}

/// The circuits of a split whose first one is this: `NAME.1.zkc`, `NAME.2.zkc` and so on.
fn circuits(first: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let stem = without(first, &["1.zkc"]);
    if stem == first {
        bail!(
            "{}: --segments takes the first circuit of a split, NAME.1.zkc",
            foreign::path(first)
        );
    }
    let paths: Vec<PathBuf> =
        (1..=count).map(|segment| append(&stem, &format!("{segment}.zkc"))).collect();
    match paths.iter().find(|path| !path.exists()) {
        Some(missing) => bail!(
            "{}: no such file; --segments {count} takes the {count} circuits of `zkinfer split`",
            foreign::path(missing)
        ),
        None => Ok(paths),
    }
}
