//! `zkinfer run`: the integer network, without a proof.

use anyhow::{Context, Result};
use serde_json::json;
use zkinfer::foreign;

use crate::arguments::Run;
use crate::loading::{allow_clamped, read_circuit, read_samples};
use crate::outcome::Outcome;
use crate::readings::{clamped_json, print_outputs, tensors};
use crate::screen::{print_json, say};

pub fn run(arguments: &Run, json: bool) -> Result<Outcome> {
    let circuit = read_circuit(&arguments.circuit)?;
    let graph = circuit.graph();
    let names: Vec<&str> = graph.inputs.iter().map(|input| input.name.as_str()).collect();
    let samples =
        read_samples(&circuit, &arguments.input, &names, (&arguments.reading, arguments.all))?;
    let mut results = Vec::new();
    for (number, inputs) in (1..).zip(&samples) {
        let clamped = circuit.clamped(inputs.iter().enumerate());
        allow_clamped(&clamped, arguments.strict, &arguments.input)?;
        let outputs = circuit.run(inputs).with_context(|| foreign::path(&arguments.input))?;
        if json {
            results
                .push(json!({ "outputs": tensors(&outputs), "clamped": clamped_json(&clamped) }));
            continue;
        }
        if arguments.all {
            say!("sample {number} of {}", samples.len());
        }
        print_outputs(&outputs);
    }
    match results.as_slice() {
        _ if !json => {}
        [result] if !arguments.all => print_json(result)?,
        results => print_json(&json!({ "samples": results }))?,
    }
    Ok(Outcome::Done)
}
