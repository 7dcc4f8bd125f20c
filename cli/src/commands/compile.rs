//! `zkinfer compile`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::models::onnx::Dimensions;
use zkinfer::models::quantised::Graph;
use zkinfer::models::{Dataset, Quantised};
use zkinfer::{Circuit, Compile as _, Exposure, Model, Objective, Visibility};

use super::{inspect, parameters, seal};
use crate::Outcome;
use crate::arguments::{self, Compile, Optimize, Shown, Weights};
use crate::files;
use crate::foreign;
use crate::screen::{Progress, bytes, print_json, say, seconds, warn};

impl From<Optimize> for Objective {
    fn from(optimize: Optimize) -> Self {
        match optimize {
            Optimize::Prover => Self::Prover,
            Optimize::Verifier => Self::Verifier,
            Optimize::Size => Self::Size,
        }
    }
}

impl From<arguments::Visibility> for Visibility {
    fn from(visibility: arguments::Visibility) -> Self {
        match visibility {
            arguments::Visibility::Public => Self::Public,
            arguments::Visibility::Sealed => Self::Sealed,
            arguments::Visibility::Private => Self::Private,
        }
    }
}

pub fn run(arguments: &Compile, json: bool) -> Result<Outcome> {
    let paths = Paths::new(arguments);
    let progress = Progress::new("reading the model");
    let quantised = quantise(arguments, &progress)?;
    progress.stage("choosing a layout");
    let circuit = quantised.clone().compile_with(&exposure(arguments, &quantised.graph)?, arguments.optimize.into());
    let circuit = circuit.with_context(|| foreign::path(&arguments.model))?;
    paths.check(arguments, &circuit)?;
    drop(progress);
    let written = write(arguments, &paths, &circuit)?;

    let report = circuit.report();
    if json {
        let files = written.json();
        print_json(&json!({
            "circuit": files["circuit"],
            "key": files["key"],
            "seal": files["seal"],
            "opening": files["opening"],
            "report": report,
            "layout": inspect::layout(circuit.key()),
        }))?;
        return Ok(Outcome::Done);
    }
    for note in &report.notes {
        say!("note: {note}");
    }
    for warning in &report.warnings {
        warn(warning);
    }
    const READERS: [&str; 4] = ["for the prover", "for verifiers", "for the prover, secret", "for verifiers"];
    for ((path, size), reader) in written.files.iter().zip(READERS) {
        say!("{}  {}  {reader}", foreign::path(&path), bytes(*size));
    }
    let (layout, prediction) = (circuit.key().layout(), circuit.prediction());
    say!(
        "2^{} rows, {} columns ({} sealed), {} lookups; about {} to prove, {} to verify, proof {}",
        circuit.key().description().k,
        layout.columns(),
        layout.sealed_columns().count(),
        layout.lookups.len(),
        seconds(prediction.prove_seconds),
        seconds(prediction.verify_seconds),
        bytes(prediction.proof_bytes),
    );
    Ok(Outcome::Done)
}

/// Imports, calibrates and quantises.
pub fn quantise(arguments: &Compile, progress: &Progress) -> Result<Quantised> {
    let dimensions = Dimensions(arguments.dimensions.iter().cloned().collect());
    let model = Model::load_with(&arguments.model, &dimensions)?;
    progress.stage("calibrating");
    let calibration = match &arguments.calibration {
        Some(path) => model.calibrate(&Dataset::read(path, model.inputs())?)?,
        None => {
            let (low, high) = arguments.input_range;
            model.calibrate_input_range(low, high)?
        }
    };
    progress.stage("quantising");
    Ok(model.quantise(&calibration)?)
}

/// What proofs are to show.
pub fn exposure(arguments: &Compile, graph: &Graph) -> Result<Exposure> {
    let inputs = graph.inputs.iter().map(|input| input.name.as_str()).collect();
    let outputs = graph.outputs.iter().map(|output| output.name.as_str()).collect();
    Ok(Exposure {
        weights: if arguments.weights == Weights::Sealed { Visibility::Sealed } else { Visibility::Public },
        inputs: visibilities("input", inputs, &arguments.input)?,
        outputs: visibilities("output", outputs, &arguments.output_visibility)?,
    })
}

/// One visibility per name: a later choice overrides an earlier one.
fn visibilities(kind: &str, names: Vec<&str>, choices: &[Shown]) -> Result<Vec<Visibility>> {
    let mut visibilities = vec![Visibility::Public; names.len()];
    for Shown { name, visibility } in choices {
        let chosen: Vec<usize> = match name {
            None => (0..names.len()).collect(),
            Some(name) => names.iter().position(|known| known == name).into_iter().collect(),
        };
        if chosen.is_empty() {
            bail!(
                "--{kind} {}: the model's {kind}s are {}",
                name.as_deref().unwrap_or_default(),
                foreign::names(names)
            );
        }
        chosen.into_iter().for_each(|index| visibilities[index] = (*visibility).into());
    }
    Ok(visibilities)
}

/// Where the files of a compiled model go.
pub struct Paths {
    circuit: PathBuf,
    key: PathBuf,
    opening: PathBuf,
    seal: PathBuf,
}

/// Files that were written, with their sizes: circuit, key, and with sealed weights opening and seal.
pub struct Written {
    pub files: Vec<(PathBuf, usize)>,
}

impl Written {
    pub fn json(&self) -> serde_json::Value {
        let path = |index: usize| self.files.get(index).map(|(path, _)| foreign::json_path(path));
        json!({ "circuit": path(0), "key": path(1), "opening": path(2), "seal": path(3) })
    }
}

impl Paths {
    fn new(arguments: &Compile) -> Self {
        let path = |extension| arguments.destination.path(&arguments.model, extension);
        Self { circuit: path("zkc"), key: path("vk"), opening: path("opening"), seal: path("seal") }
    }

    /// Of segment `index` of a split model.
    pub fn segment(arguments: &Compile, index: usize) -> Self {
        let whole = Self::new(arguments);
        let part = |path: &Path, extension| path.with_extension(format!("{index}.{extension}"));
        Self {
            circuit: part(&whole.circuit, "zkc"),
            key: part(&whole.key, "vk"),
            opening: part(&whole.opening, "opening"),
            seal: part(&whole.seal, "seal"),
        }
    }

    /// Refuses what would be overwritten, before any of it is.
    pub fn check(&self, arguments: &Compile, circuit: &Circuit) -> Result<()> {
        let mut paths = vec![&self.circuit, &self.key];
        if seals(arguments, circuit) {
            paths.extend([&self.opening, &self.seal]);
        }
        paths.into_iter().try_for_each(|path| arguments.destination.check(path))
    }
}

/// Whether compiling ends with a seal.
fn seals(arguments: &Compile, circuit: &Circuit) -> bool {
    circuit.key().has_sealed_weights() && !arguments.no_seal
}

/// Seals, then writes everything.
pub fn write(arguments: &Compile, paths: &Paths, circuit: &Circuit) -> Result<Written> {
    let sealed = if seals(arguments, circuit) {
        let parameters = parameters(circuit.key().description().k)?;
        let _progress = Progress::new("sealing the weights");
        Some(circuit.seal(&parameters)?)
    } else {
        None
    };
    let (circuit_file, key_file) = (circuit.to_bytes(), circuit.key().to_bytes());
    // The compiled model holds the weights.
    let write_circuit = if circuit.key().has_sealed_weights() { files::write_secret } else { files::write };
    write_circuit(&paths.circuit, &circuit_file)?;
    files::write(&paths.key, &key_file)?;
    let mut files = vec![(paths.circuit.clone(), circuit_file.len()), (paths.key.clone(), key_file.len())];
    if let Some((seal, opening)) = sealed {
        seal::write(&paths.seal, &seal, &paths.opening, &opening)?;
        files.push((paths.opening.clone(), opening.to_bytes().len()));
        files.push((paths.seal.clone(), seal.to_bytes().len()));
    }
    Ok(Written { files })
}
