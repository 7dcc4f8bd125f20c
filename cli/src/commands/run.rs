//! `zkinfer run`: the integer network, without a proof.

use anyhow::{Context, Result};
use serde_json::json;

use crate::loading::{allow_clamped, read_circuit};
use crate::readings::{clamped_json, print_outputs, tensors};
use zkinfer::foreign;

use crate::arguments::Run;
use crate::outcome::Outcome;
use crate::screen::print_json;

pub fn run(arguments: &Run, json: bool) -> Result<Outcome> {
    let circuit = read_circuit(&arguments.circuit)?;
    let inputs = circuit.read_inputs(&arguments.input)?;
    let clamped = circuit.clamped(inputs.iter().enumerate());
    allow_clamped(&clamped, arguments.strict, &arguments.input)?;
    let outputs = circuit.run(&inputs).with_context(|| foreign::path(&arguments.input))?;
    if json {
        print_json(&json!({ "outputs": tensors(&outputs), "clamped": clamped_json(&clamped) }))?;
    } else {
        print_outputs(&outputs);
    }
    Ok(Outcome::Done)
}
