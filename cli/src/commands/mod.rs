//! One file per command.

mod compile;
mod completions;
mod demo;
mod devices;
mod evaluate;
mod inspect;
mod prove;
mod publish;
mod run;
mod seal;
mod split;
mod urs;
mod verify;

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use zkinfer::artifact;
use zkinfer::cache::{Cache, CacheError};
use zkinfer::files::set;
use zkinfer::foreign;
use zkinfer::verifier::{Parameters, Reading};
use zkinfer::{Circuit, Visibility};

use crate::Outcome;
use crate::arguments::{Arguments, Command};
use crate::screen::{Progress, say, table, tell, warn};

/// Runs a command.
pub fn run(arguments: Arguments) -> Result<Outcome> {
    let json = arguments.json;
    match arguments.command {
        Command::Compile(arguments) => compile::run(&arguments, json),
        Command::Run(arguments) => run::run(&arguments, json),
        Command::Evaluate(arguments) => evaluate::run(&arguments, json),
        Command::Prove(arguments) => prove::run(&arguments, json),
        Command::Seal(arguments) => seal::run(&arguments, json),
        Command::Verify(arguments) => verify::run(&arguments, json),
        Command::Split(arguments) => split::run(&arguments, json),
        Command::Publish(arguments) => publish::publish(&arguments, json),
        Command::Keygen(arguments) => publish::keygen(&arguments, json),
        Command::Inspect(arguments) => inspect::run(&arguments, json),
        Command::Urs(arguments) => urs::run(&arguments, json),
        Command::Devices => devices::run(json),
        Command::Demo(arguments) => demo::run(&arguments, json),
        Command::Completions(arguments) => {
            completions::run(&arguments);
            Ok(Outcome::Done)
        }
    }
}

/// Reads a compiled model.
fn read_circuit(path: &Path) -> Result<Circuit> {
    // An interrupted run may have left its opening and seal half replaced.
    set::settle(set::directory(path), tell);
    Ok(artifact::read_circuit(path)?)
}

/// The commitment parameters from the user's cache, or derived with a spinner.
fn parameters(k: u32) -> Result<Parameters> {
    cached(k, |cache, deriving| cache.load(k, deriving)).map(saved_or_not)
}

/// The same for verifying only.
fn verifying_parameters(k: u32) -> Result<Parameters> {
    cached(k, |cache, deriving| cache.load_for_verifying(k, deriving)).map(saved_or_not)
}

/// Parameters, and why they could not be stored for the next time.
type Loaded = (Parameters, Option<CacheError>);

fn cached(
    k: u32,
    load: impl FnOnce(&Cache, &dyn Fn()) -> Result<Loaded, CacheError>,
) -> Result<Loaded> {
    let progress = Progress::new("reading the commitment parameters");
    let deriving = || {
        progress
            .stage(&format!("deriving the commitment parameters for 2^{k} rows (once per machine)"))
    };
    Ok(load(&Cache::user()?, &deriving)?)
}

fn saved_or_not((parameters, unsaved): Loaded) -> Parameters {
    if let Some(error) = unsaved {
        warn(format_args!("the parameters were derived but not saved: {error}"));
    }
    parameters
}

/// A tensor for `--json`.
#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    shape: &'a [usize],
    visibility: String,
    integers: &'a [i64],
    values: &'a [f64],
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<usize>,
}

impl<'a> From<&'a Reading> for Tensor<'a> {
    fn from(reading: &'a Reading) -> Self {
        Self {
            name: &reading.name,
            shape: &reading.shape,
            visibility: reading.visibility.to_string(),
            integers: &reading.integers,
            values: &reading.values,
            class: reading.class,
        }
    }
}

fn tensors(readings: &[Reading]) -> Vec<Tensor<'_>> {
    readings.iter().map(Tensor::from).collect()
}

/// Prints outputs: the class, then the largest elements.
fn print_outputs(outputs: &[Reading]) {
    const SHOWN: usize = 10;
    for output in outputs {
        if output.visibility != Visibility::Public {
            say!("{} {:?}, {}", foreign::name(&output.name), output.shape, output.visibility);
            continue;
        }
        say!("{} {:?}", foreign::name(&output.name), output.shape);
        if let Some(class) = output.class {
            say!("  class {class}");
        }
        let mut rows = table(&["  index", "value", "integer"]);
        for (index, (value, integer)) in
            output.values.iter().zip(&output.integers).enumerate().take(SHOWN)
        {
            let mark = if output.class == Some(index) { "*" } else { " " };
            rows.add_row([format!(" {mark}{index}"), format!("{value:.4}"), integer.to_string()]);
        }
        rows.print();
        if output.values.len() > SHOWN {
            say!("  … {} more (--json prints all)", output.values.len() - SHOWN);
        }
    }
}
