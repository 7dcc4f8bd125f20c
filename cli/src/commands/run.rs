//! `zkinfer run`: the integer network, without a proof.

use anyhow::{Context, Result};
use serde_json::json;

use crate::loading::read_circuit;
use crate::readings::{print_outputs, tensors};
use zkinfer::foreign;

use crate::arguments::Run;
use crate::outcome::Outcome;
use crate::screen::print_json;

pub fn run(arguments: &Run, json: bool) -> Result<Outcome> {
    let circuit = read_circuit(&arguments.circuit)?;
    let inputs = circuit.read_inputs(&arguments.input)?;
    let outputs = circuit.run(&inputs).with_context(|| foreign::path(&arguments.input))?;
    if json {
        print_json(&json!({ "outputs": tensors(&outputs) }))?;
    } else {
        print_outputs(&outputs);
    }
    Ok(Outcome::Done)
}
