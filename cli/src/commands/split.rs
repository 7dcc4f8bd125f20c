//! `zkinfer split`: a network as a chain of segments.

use anyhow::{Context, Result};
use serde_json::json;
use zkinfer::compile_segments;

use super::{compile, inspect};
use crate::Outcome;
use crate::arguments::Split;
use crate::foreign;
use crate::screen::{Progress, bytes, print_json, say};

pub fn run(arguments: &Split, json: bool) -> Result<Outcome> {
    let compile = &arguments.compile;
    let progress = Progress::new("reading the model");
    let quantised = compile::quantise(compile, &progress)?;
    progress.stage("choosing cuts and layouts");
    let exposure = compile::exposure(compile, &quantised.graph)?;
    let circuits = compile_segments(&quantised, &exposure, compile.optimize.into(), arguments.segments)
        .with_context(|| foreign::path(&compile.model))?;
    let mut results = Vec::new();
    let paths: Vec<compile::Paths> =
        (1..=circuits.len()).map(|index| compile::Paths::segment(compile, index)).collect();
    for (paths, circuit) in paths.iter().zip(&circuits) {
        paths.check(compile, circuit)?;
    }
    for (paths, circuit) in paths.iter().zip(&circuits) {
        progress.stage("sealing and writing");
        results.push(compile::write(compile, paths, circuit)?);
    }
    drop(progress);
    if json {
        let segments = results.iter().zip(&circuits);
        let segments = segments
            .map(|(written, circuit)| json!({ "files": written.json(), "layout": inspect::layout(circuit.key()) }));
        print_json(&json!({ "segments": segments.collect::<Vec<_>>() }))?;
        return Ok(Outcome::Done);
    }
    for (index, (written, circuit)) in results.iter().zip(&circuits).enumerate() {
        let description = circuit.key().description();
        say!(
            "segment {}: {} → {}, 2^{} rows",
            index + 1,
            foreign::names(description.inputs.iter().map(|input| input.name.as_str())),
            foreign::names(description.outputs.iter().map(|output| output.name.as_str())),
            description.k
        );
        for (path, size) in &written.files {
            say!("  {}  {}", foreign::path(&path), bytes(*size));
        }
    }
    Ok(Outcome::Done)
}
