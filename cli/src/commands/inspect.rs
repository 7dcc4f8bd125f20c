//! `zkinfer inspect`: what is in an artifact.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;
use zkinfer::artifact::{self, Artifact, ArtifactError};
use zkinfer::files::names::beside;
use zkinfer::foreign;
use zkinfer::verification::beside::manifest_beside;
use zkinfer::verifier::circuit::description::{Input, Operator, OutputSource};
use zkinfer::verifier::circuit::geometry::depth;
use zkinfer::verifier::encoding::digest::model_digest;
use zkinfer::verifier::wire::seal::Record;
use zkinfer::verifier::{Cost, Proof, Value, VerifyingKey};
use zkinfer::{Circuit, Prediction};

use super::publish;
use crate::agreement::print_summary;
use crate::arguments::Inspect;
use crate::outcome::Outcome;
use crate::readings::scheme_json;
use crate::screen::{bytes, print_json, say, seconds, table};

pub fn run(arguments: &Inspect, json: bool) -> Result<Outcome> {
    let (artifact, size) = Artifact::read(&arguments.file).map_err(|error| match error {
        ArtifactError::Circuit(_) | ArtifactError::Format(_) => anyhow::Error::from(error),
        _ => anyhow::Error::from(error).context(foreign::path(&arguments.file)),
    })?;
    match artifact {
        Artifact::Circuit(circuit) => {
            let model = model(arguments, circuit.key());
            if json {
                print_json(&json!({ "kind": "compiled network", "model_digest": model,
                        "layout": layout(circuit.key()), "report": circuit.report() }))?;
            } else {
                print_key("compiled network", circuit.key(), size, model);
                print_publisher(arguments, circuit.key())?;
                match &circuit.report().agreement {
                    Some(agreement) => print_summary(agreement, "agreement  "),
                    None => say!("  agreement   with the float model: nothing is known"),
                }
                print_quantisation(&circuit);
            }
        }
        Artifact::Key(key) => {
            let model = model(arguments, &key);
            if json {
                print_json(&json!({ "kind": "verifying key", "model_digest": model,
                        "layout": layout(&key) }))?;
            } else {
                print_key("verifying key", &key, size, model);
                print_publisher(arguments, &key)?;
            }
        }
        Artifact::Proof(proof) => print_proof(&proof, size, json)?,
        Artifact::Seal(seal) => print_record("seal", &seal.record, size, json)?,
        // Only what is public of it; the secret is never printed.
        Artifact::Opening(opening) => {
            print_record("opening (secret: keep it to yourself)", opening.record(), size, json)?
        }
        Artifact::Manifest(manifest) => {
            if json {
                print_json(&json!({ "kind": "manifest", "content": manifest }))?;
            } else {
                say!("manifest, {}", bytes(size));
                publish::print(&manifest);
                say!("  key         {}", manifest.key);
                say!(
                    "  seal        {}",
                    manifest.seal.as_deref().unwrap_or("none: public weights")
                );
            }
        }
    }
    Ok(Outcome::Done)
}

fn print_proof(proof: &Proof, size: usize, json: bool) -> Result<()> {
    if json {
        return print_json(&json!({
            "kind": "proof",
            "key": proof.key.to_string(),
            "seal": proof.seal.map(|seal| seal.to_string()),
            "model": proof.model().to_string(),
            "argument_bytes": proof.argument.len(),
            "statement": proof.statement,
        }));
    }
    say!("proof, {}; not checked here: use `zkinfer verify`", bytes(size));
    say!("  for key     {}", proof.key);
    say!("  argument    {}", bytes(proof.argument.len()));
    if let Some(seal) = proof.seal {
        say!("  and seal    {seal}");
    }
    say!("  model       {}", proof.model());
    let tensors = [("input", &proof.statement.inputs), ("output", &proof.statement.outputs)];
    for (kind, values) in tensors {
        values.iter().for_each(|value| say!("  {kind:<10}  {}", shown(value)));
    }
    Ok(())
}

/// The digest that names the model, for `verify --model`: with sealed weights that of the seal
/// beside the file goes into it.
fn model(arguments: &Inspect, key: &VerifyingKey) -> Option<String> {
    let mut seal = None;
    if key.has_sealed_weights() {
        let beside = artifact::read_seal(&beside(&arguments.file, "seal"));
        seal = Some(beside.ok()?.record.digest());
    }
    Some(model_digest(key.digest(), seal).to_string())
}

/// Prints who published the model with this key, if a manifest beside it says so.
fn print_publisher(arguments: &Inspect, key: &VerifyingKey) -> Result<()> {
    let Some((path, manifest)) = manifest_beside(&arguments.file)? else { return Ok(()) };
    if manifest.key == key.digest().to_string() {
        say!("manifest beside it:");
        publish::print(&manifest);
    } else {
        say!(
            "manifest beside it ({}): of another model, with key {}",
            foreign::path(path),
            manifest.key
        );
    }
    Ok(())
}

/// What a statement says of a tensor.
fn shown(value: &Value) -> String {
    match value {
        Value::Public(integers) => format!("public, {} elements", integers.len()),
        Value::Sealed(commitments) => format!("sealed, {} commitments", commitments.len()),
        Value::Private => "private".into(),
    }
}

/// Prints what is public of a seal or opening.
fn print_record(kind: &str, record: &Record, size: usize, json: bool) -> Result<()> {
    if json {
        return print_json(&json!({
            "kind": kind,
            "digest": record.digest().to_string(),
            "k": record.k,
            "commitments": record.commitments.len(),
            "tensors": record.tensors,
        }));
    }
    say!("{kind}, {}; not checked here: `zkinfer verify` checks a seal's range proof", bytes(size));
    say!("  digest      {}", record.digest());
    say!("  rows        2^{}, {} commitments", record.k, record.commitments.len());
    for tensor in &record.tensors {
        let name = foreign::name(&tensor.name);
        say!("  tensor      {name} {:?}, {}..={}", tensor.shape, tensor.minimum, tensor.maximum);
    }
    Ok(())
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
    for ((node, facts), cells) in
        description.nodes.iter().zip(&key.analysis().nodes).zip(&layout.nodes)
    {
        let (operator, weights) = match &node.operator {
            Operator::Input(_) => ("input", 0),
            Operator::Contract(contract) => {
                let weights = depth(contract, &key.analysis().nodes).unwrap_or(0) * contract.rows;
                // Those of another one are counted there.
                ("contract", if contract.weights.owner().is_some() { 0 } else { weights })
            }
            Operator::Product(_) => ("product", 0),
            Operator::Copy(_) => ("copy", 0),
            Operator::Combine(_) => ("combine", 0),
            Operator::View(_) => ("view", 0),
            Operator::Requantise(_) => ("requantise", 0),
            Operator::Bounded(_) => ("bounded", 0),
            Operator::OneHot(_) => ("one-hot", 0),
            Operator::SliceAt(_) => ("slice-at", 0),
            Operator::Hadamard(_) => ("hadamard", 0),
        };
        let runs = cells.iter().flat_map(|cells| cells.limbs.iter().chain(&cells.result));
        let (cells, lookups) = runs.fold((0, 0), |(cells, lookups), run| {
            let lane = run.lane;
            (cells + run.count * lane.width(), lookups + run.count * lane.lookups().len())
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
    let (prediction, cost) = (Prediction::of(key), Cost::of(key));
    let layers = layers(key);
    json!({
        "model": description.name,
        "digest": key.digest().to_string(),
        "k": description.k,
        "rows": layout.rows,
        "usable_rows": layout.usable,
        "limb_bits": description.limb_bits,
        "columns": layout.columns(),
        "sealed_columns": layout.sealed_columns().count(),
        "factor_columns": layout.factor_columns().len(),
        "sealed_weights": key.has_sealed_weights(),
        "bias_digits": description.bias_digits,
        "cells": layers.iter().map(|layer| layer.cells).sum::<usize>(),
        "lookups": layout.lookups.len(),
        "helper_columns": layout.helpers(),
        "tables": key.tables().list.len(),
        "table_rows": key.tables().rows(),
        "table_slots": layout.slots,
        "inputs": description.inputs.iter().map(|input| {
            let [axis, scale, zero_point] = scheme_json(&input.quantisation);
            json!({
                "name": input.name, "shape": input.shape,
                "visibility": input.visibility.to_string(),
                "minimum": input.minimum, "maximum": input.maximum,
                "axis": axis, "scale": scale, "zero_point": zero_point,
            })
        }).collect::<Vec<_>>(),
        "outputs": description.outputs.iter().map(|output| {
            let [axis, scale, zero_point] = scheme_json(&output.quantisation);
            json!({
                "name": output.name, "shape": output.shape,
                "visibility": output.visibility.to_string(),
                "arg_max": matches!(output.source, OutputSource::ArgMax { .. }),
                "generates": output.source.greedy().is_some(),
                "axis": axis, "scale": scale, "zero_point": zero_point,
            })
        }).collect::<Vec<_>>(),
        "layers": layers,
        "predicted": {
            "prove_seconds": prediction.prove_seconds,
            "verify_seconds": prediction.verify_seconds,
            "verify_seconds_at_most": cost.time().as_secs_f64(),
            "verify_bytes_at_most": cost.bytes,
            "peak_bytes": prediction.peak_bytes,
            "proof_bytes": prediction.proof_bytes,
        },
    })
}

fn print_key(kind: &str, key: &VerifyingKey, size: usize, model: Option<String>) {
    let (description, layout, tables) = (key.description(), key.layout(), key.tables());
    say!("{kind} {}, {}", foreign::name(&description.name), bytes(size));
    say!("  digest      {}", key.digest());
    match model {
        Some(model) if key.has_sealed_weights() => {
            say!("  model       {model}, with the seal beside it (not checked here)")
        }
        Some(model) => say!("  model       {model}"),
        None => say!("  model       named by key and seal, and no seal lies beside it"),
    }
    for input in &description.inputs {
        let Input { name, shape, minimum, maximum, visibility, .. } = input;
        say!(
            "  input       {} {shape:?}, {minimum}..={maximum}, {visibility}",
            foreign::name(name)
        );
    }
    for output in &description.outputs {
        let kind = match output.source {
            OutputSource::ArgMax { .. } => " (proven ArgMax)",
            OutputSource::Greedy(_) => " (the answer, each id the likeliest behind those before)",
            OutputSource::Node(_) => "",
        };
        let name = foreign::name(&output.name);
        say!("  output      {name} {:?}{kind}, {}", output.shape, output.visibility);
    }
    if key.has_sealed_weights() {
        say!(
            "  weights     sealed, as are biases; the key shows shapes, the multiplier of every \
            output channel (so the"
        );
        say!(
            "              scale of its weights), functions, and that a bias has {} digits of 6 \
            bits",
            description.bias_digits
        );
    } else {
        say!("  weights     public, part of the key");
    }
    say!("  rows        2^{} ({} usable)", description.k, layout.usable);
    let (sealed, factors) = (layout.sealed_columns().count(), layout.factor_columns().len());
    say!(
        "  columns     {} of cells, {sealed} sealed, {factors} of factors, {} lookups, {} helpers",
        layout.fresh_columns(),
        layout.lookups.len(),
        layout.helpers()
    );
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
    let cost = Cost::of(key);
    let most = usize::try_from(cost.bytes).unwrap_or(usize::MAX);
    say!("  at most     verify {}, {}", seconds(cost.time().as_secs_f64()), bytes(most));
    let mut rows =
        table(&["\nlayer", "\nin the circuit", "\nshape", "\nweights", "\ncells", "\nlookups"]);
    for layer in layers(key) {
        rows.add_row([
            foreign::name(&layer.name),
            layer.operators.join(" "),
            format!("{:?}", layer.shape),
            layer.weights.to_string(),
            layer.cells.to_string(),
            layer.lookups.to_string(),
        ]);
    }
    rows.print();
}

fn print_quantisation(circuit: &Circuit) {
    let mut rows = table(&[
        "\nquantised node",
        "\noperator",
        "\nscale",
        "\nzero point",
        "\nshift",
        "\nmultipliers",
    ]);
    for node in &circuit.report().nodes {
        rows.add_row([
            foreign::name(&node.name),
            foreign::name(&node.operator),
            format!("{:.6}", node.scale),
            node.zero_point.to_string(),
            node.shift.map_or("–".into(), |shift| shift.to_string()),
            node.multipliers.map_or("–".into(), |(low, high)| format!("{low}..={high}")),
        ]);
    }
    rows.print();
    for choice in &circuit.report().choices {
        say!("  chosen: {}", foreign::harmless(choice));
    }
}
