//! `zkinfer compile`.

use anyhow::{Context, Result};
use serde_json::json;
use zkinfer::models::Dataset;
use zkinfer::{Compile as _, Model, Objective};

use super::{inspect, print_json};
use crate::Outcome;
use crate::arguments::{Compile, Optimize};
use crate::files;
use crate::screen::{Progress, bytes, say, seconds};

impl From<Optimize> for Objective {
    fn from(optimize: Optimize) -> Self {
        match optimize {
            Optimize::Prover => Self::Prover,
            Optimize::Verifier => Self::Verifier,
            Optimize::Size => Self::Size,
        }
    }
}

pub fn run(arguments: &Compile, json: bool) -> Result<Outcome> {
    let circuit_path = arguments.destination.path(&arguments.model, "zkc");
    let key_path = arguments.destination.path(&arguments.model, "vk");
    let progress = Progress::new("reading the model");
    let model = Model::load(&arguments.model)?;
    arguments.destination.check(&circuit_path)?;
    arguments.destination.check(&key_path)?;

    progress.stage("calibrating");
    let calibration = match &arguments.calibration {
        Some(path) => model.calibrate(&Dataset::read(path, model.inputs())?)?,
        None => {
            let (low, high) = arguments.input_range;
            model.calibrate_input_range(low, high)?
        }
    };
    progress.stage("quantising");
    let quantised = model.quantise(&calibration)?;
    progress.stage("choosing a layout");
    let circuit =
        quantised.compile(arguments.optimize.into()).with_context(|| arguments.model.display().to_string())?;
    drop(progress);

    let (circuit_file, key_file) = (circuit.to_bytes(), circuit.key().to_bytes());
    files::write(&circuit_path, &circuit_file)?;
    files::write(&key_path, &key_file)?;

    let report = circuit.report();
    if json {
        print_json(&json!({
            "circuit": circuit_path,
            "key": key_path,
            "report": report,
            "layout": inspect::layout(circuit.key()),
        }))?;
        return Ok(Outcome::Done);
    }
    for note in &report.notes {
        say!("note: {note}");
    }
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    let (layout, prediction) = (circuit.key().layout(), circuit.prediction());
    say!("{}  {}  for the prover", circuit_path.display(), bytes(circuit_file.len()));
    say!("{}  {}  for verifiers: {}", key_path.display(), bytes(key_file.len()), circuit.key().digest());
    say!(
        "2^{} rows, {} columns, {} lookups; about {} to prove, {} to verify, proof {}",
        circuit.key().description().k,
        layout.columns(),
        layout.lookups.len(),
        seconds(prediction.prove_seconds),
        seconds(prediction.verify_seconds),
        bytes(prediction.proof_bytes),
    );
    Ok(Outcome::Done)
}
