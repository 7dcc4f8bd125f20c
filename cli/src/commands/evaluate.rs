//! `zkinfer evaluate`: int8 against float on labelled data.

use anyhow::{Context, Result};
use zkinfer::Model;
use zkinfer::files::names;
use zkinfer::foreign;
use zkinfer::models::Dataset;

use crate::arguments::Evaluate;
use crate::loading::read_circuit;
use crate::outcome::Outcome;
use crate::screen::{Progress, print_json, say, table};

pub fn run(arguments: &Evaluate, json: bool) -> Result<Outcome> {
    let circuit_path =
        arguments.circuit.clone().unwrap_or_else(|| names::beside(&arguments.model, "zkc"));
    let progress = Progress::new("reading the model");
    let model = Model::load_with(&arguments.model, &arguments.open.dimensions())?;
    let circuit = read_circuit(&circuit_path).with_context(|| {
        format!("compile {} first, or pass --circuit", foreign::path(&arguments.model))
    })?;
    let data = Dataset::read(&arguments.data, model.inputs())?;
    progress.stage("running both networks");
    let evaluation = model.evaluate(circuit.graph(), &data)?;
    drop(progress);
    if json {
        print_json(&evaluation)?;
        return Ok(Outcome::Done);
    }
    let percent = |share: Option<f64>| {
        share.map_or("no labels".into(), |share| format!("{:.2} %", 100.0 * share))
    };
    say!(
        "{} samples, classes read from {}",
        evaluation.samples,
        foreign::name(&evaluation.class_output)
    );
    say!("  float run by     {}", evaluation.float_by);
    say!("  accuracy, float  {}", percent(evaluation.float_accuracy));
    say!("  accuracy, int8   {}", percent(evaluation.int8_accuracy));
    say!("  same top class   {}", percent(Some(evaluation.agreement)));
    let mut rows = table(&["  output", "largest difference", "mean difference", "largest value"]);
    for output in &evaluation.outputs {
        let number = |value: f64| format!("{value:.4}");
        rows.add_row([
            format!("  {}", foreign::name(&output.name)),
            number(output.largest),
            number(output.mean),
            number(output.magnitude),
        ]);
    }
    rows.print();
    Ok(Outcome::Done)
}
