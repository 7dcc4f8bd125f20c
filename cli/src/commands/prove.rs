//! `zkinfer prove`.

use anyhow::{Context, Result};
use serde_json::json;

use super::{parameters, print_json, print_outputs, read_circuit, tensors};
use crate::Outcome;
use crate::arguments::Prove;
use crate::files;
use crate::screen::{Progress, Stages, bytes, say, seconds};

pub fn run(arguments: &Prove, json: bool) -> Result<Outcome> {
    let path = arguments.destination.path(&arguments.input, "proof");
    arguments.destination.check(&path)?;
    let circuit = read_circuit(&arguments.circuit)?;
    let inputs = circuit.read_inputs(&arguments.input)?;
    let parameters = parameters(circuit.key().description().k)?;

    let (progress, stages) = (Progress::new("running the network"), Stages::new());
    let proof = circuit
        .prover(&parameters)
        .self_check(!arguments.no_self_check)
        .observer(&|stage| {
            stages.enter(stage.name());
            progress.stage(stage.name());
        })
        .prove(&inputs)
        .with_context(|| arguments.input.display().to_string())?;
    let laps = stages.finish();
    drop(progress);
    let file = proof.to_bytes();
    files::write(&path, &file)?;

    let outputs = proof.statement.read_outputs(circuit.key());
    let total: f64 = laps.iter().map(|(_, time)| time).sum();
    if json {
        let stages: Vec<_> = laps.iter().map(|(name, time)| json!({ "name": name, "seconds": time })).collect();
        print_json(&json!({
            "proof": path,
            "bytes": file.len(),
            "argument_bytes": proof.argument.len(),
            "key": proof.key.to_string(),
            "outputs": tensors(&outputs),
            "seconds": total,
            "stages": stages,
        }))?;
    } else {
        say!("proved in {}: {} ({})", seconds(total), path.display(), bytes(file.len()));
        print_outputs(&outputs);
    }
    Ok(Outcome::Done)
}
