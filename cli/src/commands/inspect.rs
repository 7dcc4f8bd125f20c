//! `zkinfer inspect`: what is in an artifact.

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::json;
use zkinfer::verifier::description::{Operator, OutputSource};
use zkinfer::verifier::{Proof, VerifyingKey};
use zkinfer::{Circuit, Prediction};

use super::print_json;
use crate::Outcome;
use crate::arguments::Inspect;
use crate::files;
use crate::screen::{bytes, say, seconds, table};

pub fn run(arguments: &Inspect, json: bool) -> Result<Outcome> {
    let file = files::read(&arguments.file)?;
    match file.get(..8) {
        Some(b"zkinf.zc") => {
            let circuit = Circuit::from_bytes(&file)?;
            if json {
                print_json(
                    &json!({ "kind": "compiled network", "layout": layout(circuit.key()), "report": circuit.report() }),
                )?;
            } else {
                print_key("compiled network", circuit.key(), file.len());
                print_quantisation(&circuit);
            }
        }
        Some(b"zkinf.vk") => {
            let key = VerifyingKey::from_bytes(&file)?;
            if json {
                print_json(&json!({ "kind": "verifying key", "layout": layout(&key) }))?;
            } else {
                print_key("verifying key", &key, file.len());
            }
        }
        Some(b"zkinf.pf") => {
            let proof = Proof::from_bytes(&file)?;
            let sizes = |tensors: &[Vec<i64>]| tensors.iter().map(Vec::len).collect::<Vec<_>>();
            let (inputs, outputs) = (sizes(&proof.statement.inputs), sizes(&proof.statement.outputs));
            if json {
                print_json(&json!({
                    "kind": "proof",
                    "key": proof.key.to_string(),
                    "argument_bytes": proof.argument.len(),
                    "statement": proof.statement,
                }))?;
            } else {
                say!("proof, {}; not checked here: use `zkinfer verify`", bytes(file.len()));
                say!("  for key     {}", proof.key);
                say!("  argument    {}", bytes(proof.argument.len()));
                say!("  statement   inputs of {inputs:?} elements, outputs of {outputs:?}");
            }
        }
        _ => bail!("{}: neither a .zkc, a .vk nor a .proof file", arguments.file.display()),
    }
    Ok(Outcome::Done)
}

/// A node of the network with what its nodes of the circuit cost.
#[derive(Serialize)]
struct Layer {
    name: String,
    operators: Vec<&'static str>,
    shape: Vec<usize>,
    weights: usize,
    cells: usize,
    lookups: usize,
}

/// The layers: runs of circuit nodes with one name.
fn layers(key: &VerifyingKey) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let (description, layout) = (key.description(), key.layout());
    for ((node, facts), cells) in description.nodes.iter().zip(&key.analysis().nodes).zip(&layout.nodes) {
        let (operator, weights) = match &node.operator {
            Operator::Input(_) => ("input", 0),
            Operator::Contract(contract) => ("contract", contract.weights.len()),
            Operator::Combine(_) => ("combine", 0),
            Operator::View(_) => ("view", 0),
            Operator::Requantise(_) => ("requantise", 0),
        };
        let segments = cells.iter().flat_map(|cells| cells.limbs.iter().chain(&cells.result));
        let (cells, lookups) = segments.fold((0, 0), |(cells, lookups), segment| {
            let lane = segment.lane;
            (cells + segment.count * lane.width(), lookups + segment.count * lane.lookups().len())
        });
        match layers.last_mut().filter(|layer| layer.name == node.name) {
            Some(layer) => {
                if layer.operators.last() != Some(&operator) {
                    layer.operators.push(operator);
                }
                layer.shape.clone_from(&facts.shape);
                layer.weights += weights;
                layer.cells += cells;
                layer.lookups += lookups;
            }
            None => layers.push(Layer {
                name: node.name.clone(),
                operators: vec![operator],
                shape: facts.shape.clone(),
                weights,
                cells,
                lookups,
            }),
        }
    }
    layers
}

/// Everything about a key, for `--json`.
pub fn layout(key: &VerifyingKey) -> serde_json::Value {
    let (description, layout) = (key.description(), key.layout());
    let prediction = Prediction::of(key);
    let layers = layers(key);
    json!({
        "model": description.name,
        "digest": key.digest().to_string(),
        "k": description.k,
        "rows": layout.rows,
        "usable_rows": layout.usable,
        "limb_bits": description.limb_bits,
        "columns": layout.columns(),
        "cells": layers.iter().map(|layer| layer.cells).sum::<usize>(),
        "lookups": layout.lookups.len(),
        "helper_columns": layout.helpers(),
        "tables": key.tables().list.len(),
        "table_rows": key.tables().rows(),
        "table_slots": layout.slots,
        "inputs": description.inputs.iter().map(|input| json!({
            "name": input.name, "shape": input.shape, "minimum": input.minimum, "maximum": input.maximum,
            "scale": input.quantisation.scale, "zero_point": input.quantisation.zero_point,
        })).collect::<Vec<_>>(),
        "outputs": description.outputs.iter().map(|output| json!({
            "name": output.name, "shape": output.shape, "arg_max": matches!(output.source, OutputSource::ArgMax { .. }),
            "scale": output.quantisation.scale, "zero_point": output.quantisation.zero_point,
        })).collect::<Vec<_>>(),
        "layers": layers,
        "predicted": {
            "prove_seconds": prediction.prove_seconds,
            "verify_seconds": prediction.verify_seconds,
            "peak_bytes": prediction.peak_bytes,
            "proof_bytes": prediction.proof_bytes,
        },
    })
}

fn print_key(kind: &str, key: &VerifyingKey, size: usize) {
    let (description, layout, tables) = (key.description(), key.layout(), key.tables());
    say!("{kind} {}, {}", description.name, bytes(size));
    say!("  digest      {}", key.digest());
    for input in &description.inputs {
        say!("  input       {} {:?}, {}..={}", input.name, input.shape, input.minimum, input.maximum);
    }
    for output in &description.outputs {
        let kind = if matches!(output.source, OutputSource::ArgMax { .. }) { " (proven ArgMax)" } else { "" };
        say!("  output      {} {:?}{kind}", output.name, output.shape);
    }
    say!("  rows        2^{} ({} usable)", description.k, layout.usable);
    say!("  columns     {} of cells, {} lookups, {} helpers", layout.columns(), layout.lookups.len(), layout.helpers());
    say!(
        "  tables      {} with {} rows in {} slots, limbs of {} bits",
        tables.list.len(),
        tables.rows(),
        layout.slots,
        description.limb_bits
    );
    let prediction = Prediction::of(key);
    say!(
        "  predicted   prove {}, {}; verify {}; proof {}",
        seconds(prediction.prove_seconds),
        bytes(prediction.peak_bytes),
        seconds(prediction.verify_seconds),
        bytes(prediction.proof_bytes)
    );
    let mut rows = table(&["\nlayer", "\nin the circuit", "\nshape", "\nweights", "\ncells", "\nlookups"]);
    for layer in layers(key) {
        rows.add_row([
            layer.name,
            layer.operators.join(" "),
            format!("{:?}", layer.shape),
            layer.weights.to_string(),
            layer.cells.to_string(),
            layer.lookups.to_string(),
        ]);
    }
    say!("{rows}");
}

fn print_quantisation(circuit: &Circuit) {
    let mut rows = table(&["\nquantised node", "\noperator", "\nscale", "\nzero point", "\nshift", "\nmultipliers"]);
    for node in &circuit.report().nodes {
        rows.add_row([
            node.name.clone(),
            node.operator.clone(),
            format!("{:.6}", node.scale),
            node.zero_point.to_string(),
            node.shift.map_or("–".into(), |shift| shift.to_string()),
            node.multipliers.map_or("–".into(), |(low, high)| format!("{low}..={high}")),
        ]);
    }
    say!("{rows}");
}
