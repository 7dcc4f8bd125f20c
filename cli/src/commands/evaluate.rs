//! `zkinfer evaluate`: int8 against float, on labelled data if there are labels.

use anyhow::{Context, Result, bail};
use zkinfer::files::names;
use zkinfer::files::set::NewFile;
use zkinfer::foreign;
use zkinfer::models::onnx::Dimensions;
use zkinfer::models::{Dataset, Evaluation};
use zkinfer::{Circuit, Model};

use crate::agreement::{Compared, percent, print_nodes, print_output};
use crate::arguments::{Destination, Evaluate};
use crate::layers;
use crate::loading::read_circuit;
use crate::outcome::Outcome;
use crate::screen::{Progress, bytes, print_json, say, table, warn};

/// Nodes that are listed without a drawing, and with one.
const LISTED: [usize; 2] = [5, usize::MAX];

pub fn run(arguments: &Evaluate, json: bool) -> Result<Outcome> {
    let circuit_path =
        arguments.circuit.clone().unwrap_or_else(|| names::beside(&arguments.model, "zkc"));
    let destination = Destination { output: None, force: arguments.force };
    destination.check(arguments.layers.as_slice())?;
    let progress = Progress::new("reading the model");
    let circuit = read_circuit(&circuit_path).with_context(|| {
        format!("compile {} first, or pass --circuit", foreign::path(&arguments.model))
    })?;
    if circuit.graph().generator().is_some() {
        bail!(
            "{}: it generates, and puts no logits out to be compared; compile without --generate",
            foreign::path(&circuit_path)
        );
    }
    let model = Model::load_with(&arguments.model, &dimensions(arguments, &circuit))?;
    let mut model = model.watched(progress.watch());
    model.adopt_ranges(circuit.graph());
    let options = arguments.reading.options(arguments.labels.as_ref());
    let data = Dataset::read_with(&arguments.data, model.inputs(), &options)?;
    progress.stage("running both networks");
    let evaluation = model.evaluate(circuit.graph(), &data)?;
    progress.stage("looking for where they part");
    let nodes = model
        .node_errors(circuit.graph(), circuit.counterparts(), &data)
        .with_context(|| foreign::path(&circuit_path))?;
    let compared = Compared { evaluation, held_out: None, nodes };
    drop(progress);
    if let Some(path) = &arguments.layers {
        let drawing = layers::drawing(&circuit.graph().name, &compared);
        destination.write(&[NewFile::public(path, drawing.as_bytes())])?;
        if !json {
            say!("{}  {}", foreign::path(path), bytes(drawing.len()));
        }
    }
    if json {
        print_json(&compared)?;
        return Ok(Outcome::Done);
    }
    print(&compared.evaluation);
    print_nodes(&compared.nodes, LISTED[usize::from(arguments.layers.is_some())]);
    compared.evaluation.outputs.iter().filter_map(|output| output.doubt()).for_each(warn);
    Ok(Outcome::Done)
}

/// Those that the network was compiled with, unless others are given.
fn dimensions(arguments: &Evaluate, circuit: &Circuit) -> Dimensions {
    let (given, mut compiled) = (arguments.open.dimensions(), circuit.dimensions());
    compiled.keep_softmax |= given.keep_softmax;
    if given.lengths.is_empty() && given.shapes.is_empty() {
        return compiled;
    }
    Dimensions { keep_softmax: compiled.keep_softmax, ..given }
}

fn print(evaluation: &Evaluation) {
    let Evaluation { samples, class_output, float_by, inputs, outputs, .. } = evaluation;
    let accuracy = |share: Option<f64>| {
        share.map_or("no labels".into(), |share| format!("{:.2} %", 100.0 * share))
    };
    say!("{samples} samples, classes read from {}", foreign::name(class_output));
    say!("  float run by     {float_by}");
    say!("  accuracy, float  {}", accuracy(evaluation.float_accuracy));
    say!("  accuracy, int8   {}", accuracy(evaluation.int8_accuracy));
    if let Some([float, int8]) = evaluation.perplexity {
        let ratio = int8 / float;
        say!("  perplexity       {float:.3} float, {int8:.3} integers, {ratio:.4} of it");
    }
    if let Some(same) = evaluation.agreement {
        say!("  same top class   {:.2} %", 100.0 * same);
    }
    for input in inputs.iter().filter(|input| input.saturated > 0.0) {
        let name = foreign::name(&input.name);
        say!("  input {name}: {} lies outside its range and is clamped", percent(input.saturated));
    }
    outputs.iter().for_each(print_output);
    let mut rows = table(&["  output", "largest difference", "mean difference", "largest value"]);
    for output in outputs {
        let number = |value: f64| format!("{value:.4}");
        rows.add_row([
            format!("  {}", foreign::name(&output.name)),
            number(output.all.largest),
            number(output.all.mean),
            number(output.all.magnitude),
        ]);
    }
    rows.print();
}
