//! `zkinfer split`: a network as a chain of segments.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;
use zkinfer::foreign;
use zkinfer::{ENDINGS, compile_segments};

use super::compile::{self, Compiled, Ready};
use super::inspect;
use crate::agreement::{Compared, print_unknown};
use crate::arguments::Split;
use crate::outcome::Outcome;
use crate::screen::{Progress, bytes, print_json, say, warn};

pub fn run(arguments: &Split, json: bool) -> Result<Outcome> {
    let compile = &arguments.compile;
    let names = compile.destination.names(&compile.model, &ENDINGS)?;
    let progress = Progress::new("reading the model");
    let ready = compile::quantise(compile, false, json, &progress)?;
    progress.stage("choosing cuts and layouts");
    let narrow = ready.narrow_cells(compile)?;
    let Ready { quantised, agreement, .. } = ready;
    let exposure = compile::exposure(compile, &quantised.graph)?;
    let quantised = compile::generating(compile, &exposure, quantised)?;
    let circuits =
        compile_segments(&quantised, &exposure, compile.optimize.into(), arguments.segments)
            .with_context(|| foreign::path(&compile.model))?;
    circuits.iter().try_for_each(|circuit| compile::allow(compile, circuit))?;
    let segments: Vec<Compiled> = (1..)
        .zip(circuits)
        .map(|(index, circuit)| {
            Compiled::new(compile, circuit, |ending| names.path(&format!("{index}.{ending}")))
        })
        .collect();
    let paths: Vec<PathBuf> = segments.iter().flat_map(|segment| segment.paths.clone()).collect();
    compile.destination.check(&paths)?;
    drop(progress);
    let written = compile::write(compile, &segments)?;
    let results = written.iter().zip(&segments);
    let cells = segments.iter().map(|segment| segment.circuit.cells()).sum();
    if json {
        let segments = results.map(|(written, segment)| {
            json!({ "files": compile::files_json(written), "layout": inspect::layout(
                segment.circuit.key()) })
        });
        let segments: Vec<_> = segments.collect();
        print_json(&json!({
            "segments": segments,
            "agreement": agreement,
            "cells": cells,
            "cells_with_8_bits": narrow,
        }))?;
        return Ok(Outcome::Done);
    }
    for choice in &quantised.report.choices {
        say!("chosen: {}", foreign::harmless(choice));
    }
    quantised.report.warnings.iter().for_each(warn);
    agreement.as_ref().map_or_else(print_unknown, Compared::print);
    compile::print_cells(cells, narrow);
    for (index, (written, segment)) in results.enumerate() {
        let description = segment.circuit.key().description();
        say!(
            "segment {}: {} → {}, 2^{} rows",
            index + 1,
            foreign::names(description.inputs.iter().map(|input| input.name.as_str())),
            foreign::names(description.outputs.iter().map(|output| output.name.as_str())),
            description.k
        );
        for (path, size) in &written.files {
            say!("  {}  {}", foreign::path(path), bytes(*size));
        }
    }
    Ok(Outcome::Done)
}
