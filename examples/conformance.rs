//! Runs ONNX node tests from file to verified proof and prints one JSON object per case.
//! `models/conformance/run.py` prepares the cases and judges what is printed.
//!
//! ```text
//! # without directories: their names on standard input
//! cargo run --release --example conformance -- [--skip-proof] CASE_DIR...
//! # the operators that can be imported
//! cargo run --release --example conformance -- --operators
//! ```
//!
//! A case directory holds `model.onnx`; `inputs.npz` and `outputs.npz`, float64 arrays by name,
//! integers and booleans as their numbers; and `case.json` with whatever is to be repeated in the
//! result.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use serde_json::{Map, Value, json};
use zkinfer::models::float::calibrate::CalibrateError;
use zkinfer::models::onnx::{ImportError, Refusal, supported_operators};
use zkinfer::models::{Dataset, Error as ModelError};
use zkinfer::{
    Cache, Circuit, Compile, Exposure, Model, Objective, Parameters, Proof, Reading, VerifyingKey,
    verify,
};

/// What the last panic said.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Why a case ends early.
struct Stop {
    /// `refused`: it is outside of what is supported, and the import says so. `failed`: it should
    /// have passed.
    status: &'static str,
    stage: &'static str,
    message: String,
}

type Outcome<T> = Result<T, Stop>;

fn failed(stage: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Stop {
    move |error| Stop { status: "failed", stage, message: error.to_string() }
}

fn refused(stage: &'static str, message: String) -> Stop {
    Stop { status: "refused", stage, message }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut directories, mut prove) = (Vec::new(), true);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--skip-proof" => prove = false,
            "--operators" => {
                println!("{}", json!(supported_operators()));
                return Ok(());
            }
            _ => directories.push(argument),
        }
    }
    std::panic::set_hook(Box::new(|panic| {
        // The message goes into the result. A second panic in between changes only which of them it
        // is.
        *PANIC.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = panic.to_string();
    }));
    let mut runner = Runner { prove, cache: Cache::user()?, parameters: HashMap::new() };
    let mut report = |directory: &str| -> std::io::Result<()> {
        println!("{}", runner.report(Path::new(directory)));
        std::io::stdout().flush()
    };
    if directories.is_empty() {
        for line in std::io::stdin().lock().lines() {
            report(line?.trim())?;
        }
    }
    Ok(directories.iter().try_for_each(|directory| report(directory))?)
}

/// What all cases share.
struct Runner {
    prove: bool,
    cache: Cache,
    /// By `k`.
    parameters: HashMap<u32, Parameters>,
}

impl Runner {
    /// Runs a case; whatever happens is in the result.
    fn report(&mut self, directory: &Path) -> Value {
        let about = File::open(directory.join("case.json")).ok();
        let about = about.and_then(|file| serde_json::from_reader(file).ok());
        let mut result: Map<String, Value> = about.unwrap_or_default();
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        result.entry("case").or_insert_with(|| name.into());
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run(directory, &mut result)));
        let outcome = outcome.unwrap_or_else(|_| {
            let message = PANIC.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
            Err(Stop { status: "failed", stage: "panic", message })
        });
        match outcome {
            Ok(()) => drop(result.insert("status".into(), "passed".into())),
            Err(Stop { status, stage, message }) => {
                let message = message.replace(&format!("{}/", directory.display()), "");
                result.extend([
                    ("status".into(), status.into()),
                    ("stage".into(), stage.into()),
                    ("message".into(), message.into()),
                ]);
            }
        }
        result.into()
    }

    /// Runs a case and notes what is measured on the way.
    fn run(&mut self, directory: &Path, result: &mut Map<String, Value>) -> Outcome<()> {
        let model = Model::load(directory.join("model.onnx")).map_err(import_stop)?;
        if !model.notes().is_empty() {
            result.insert("notes".into(), model.notes().into());
        }
        let names = model.inputs().iter().map(|input| input.name.as_str());
        let inputs: Vec<_> = read(&directory.join("inputs.npz"), names)?
            .iter()
            .map(|x| x.mapv(|x| x as f32))
            .collect();
        let dataset = Dataset::new(vec![inputs.clone()], None)
            .ok_or_else(|| failed("data")(&"no samples"))?;
        // What it should come to is looked at first: there may be no integers for that.
        let names = model.graph().outputs.iter().map(|output| output.name.as_str());
        read(&directory.join("outputs.npz"), names)?;
        let calibration = model.calibrate(&dataset).map_err(|error| match error {
            ModelError::Calibrate(CalibrateError::NotFinite { .. }) => {
                refused("calibrate", error.to_string())
            }
            error => failed("calibrate")(&error),
        })?;
        let quantised = model.quantise(&calibration).map_err(|error| failed("quantise")(&error))?;
        let circuit = quantised.compile_with(&Exposure::public(), Objective::Prover);
        let circuit = circuit.map_err(|error| match error.to_string() {
            // As a constant it is, in another form of the case.
            unread if unread.contains("no output depends on this input") => {
                refused("compile", unread)
            }
            other => failed("compile")(&other),
        })?;

        let readings = circuit.run(&inputs).map_err(|error| failed("run")(&error))?;
        let names = readings.iter().map(|reading| reading.name.as_str());
        let references = read(&directory.join("outputs.npz"), names)?;
        let (mut outputs, mut worst) = (Vec::new(), 0.0f64);
        for (reading, reference) in readings.iter().zip(&references) {
            let (steps, exact) = compare(reading, reference)?;
            worst = worst.max(steps);
            outputs.push(json!({ "name": reading.name, "error_steps": steps, "exact": exact }));
        }
        let (layout, k) = (circuit.key().layout(), circuit.key().description().k);
        let cells: usize = layout.runs().map(|run| run.count * run.lane.width()).sum();
        let elements: usize = readings.iter().map(|reading| reading.values.len()).sum();
        result.extend([
            ("error_steps".into(), worst.into()),
            ("outputs".into(), outputs.into()),
            ("cells".into(), cells.into()),
            ("elements".into(), elements.into()),
            ("k".into(), k.into()),
        ]);
        if self.prove {
            let (prove, verify) = self.prove(&circuit, &inputs, &readings)?;
            result.extend([("prove_ms".into(), prove.into()), ("verify_ms".into(), verify.into())]);
        }
        Ok(())
    }

    /// Proves, and verifies the bytes of key and proof; gives milliseconds for both.
    fn prove(
        &mut self,
        circuit: &Circuit,
        inputs: &[ArrayD<f32>],
        expected: &[Reading],
    ) -> Outcome<(u64, u64)> {
        let k = circuit.key().description().k;
        if !self.parameters.contains_key(&k) {
            let (parameters, _) =
                self.cache.load(k, || ()).map_err(|error| failed("parameters")(&error))?;
            self.parameters.insert(k, parameters);
        }
        let parameters = &self.parameters[&k];
        let start = Instant::now();
        let session = circuit.session(parameters, None).map_err(|error| failed("prove")(&error))?;
        let session = session.self_check(false);
        let proof = session.prove(inputs).map_err(|error| failed("prove")(&error))?.to_bytes();
        let prove = milliseconds(start);

        let key = circuit.key().to_bytes();
        let start = Instant::now();
        let key = VerifyingKey::from_bytes(&key).map_err(|error| failed("verify")(&error))?;
        let proof = Proof::from_bytes(&proof).map_err(|error| failed("verify")(&error))?;
        let proven =
            verify(&key, parameters, None, &proof).map_err(|error| failed("verify")(&error))?;
        match proven == expected {
            true => Ok((prove, milliseconds(start))),
            false => Err(failed("verify")(
                &"the proof shows other outputs than the integer network gave",
            )),
        }
    }
}

fn milliseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Tells what the import refuses from what it trips over.
fn import_stop(error: ModelError) -> Stop {
    match error {
        ModelError::Import(ImportError::Unsupported { refusals, .. }) => {
            let nodes = refusals.0.iter().map(|Refusal { node, operator, reason, .. }| {
                format!("node {node:?} ({operator}): {reason}")
            });
            refused("import", nodes.collect::<Vec<_>>().join("; "))
        }
        ModelError::Import(ImportError::Interface { place, problem, .. }) => {
            refused("import", format!("{place}: {problem}"))
        }
        ModelError::Import(ImportError::Opset { found, .. }) => {
            refused("import", format!("opset {found} is not supported"))
        }
        ModelError::Reference(error) => failed("reference")(&error),
        error => failed("import")(&error),
    }
}

/// The arrays with these names. What no integer can stand for, or nothing at all, cannot be
/// compared: such cases are no tests of ours.
fn read<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Outcome<Vec<ArrayD<f64>>> {
    let file = File::open(path).map_err(|error| failed("data")(&error))?;
    let mut archive = NpzReader::new(file).map_err(|error| failed("data")(&error))?;
    let array = |name: &str| {
        let array = archive.by_name::<OwnedRepr<f64>, IxDyn>(name);
        let array = array.map_err(|error| failed("data")(&format!("`{name}`: {error}")))?;
        if array.is_empty() {
            return Err(refused("data", format!("`{name}` has no elements")));
        }
        match array.iter().find(|&&x| !(x as f32).is_finite()) {
            None => Ok(array),
            Some(x) => {
                Err(refused("data", format!("`{name}` holds {x}, which no integer stands for")))
            }
        }
    };
    names.map(array).collect()
}

/// The largest distance from the reference in 255ths of the reference's range, zero included, and
/// whether all numbers are the same.
fn compare(ours: &Reading, reference: &ArrayD<f64>) -> Outcome<(f64, bool)> {
    if ours.shape != reference.shape() {
        let message =
            format!("`{}` has shape {:?}, expected {:?}", ours.name, ours.shape, reference.shape());
        return Err(failed("compare")(&message));
    }
    let (low, high) =
        reference.iter().fold((0.0f64, 0.0f64), |(low, high), &x| (low.min(x), high.max(x)));
    let range = if high > low { high - low } else { 1.0 };
    let pairs = || ours.values.iter().zip(reference);
    let distance = pairs().map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    Ok((distance / range * 255.0, pairs().all(|(&x, &y)| x as f32 == y as f32)))
}
