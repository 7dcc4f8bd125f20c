//! `zkinfer prove`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::devices::{self, Backend, Cpu, DeviceError, Preference};
use zkinfer::files::names;
use zkinfer::files::set::NewFile;
use zkinfer::foreign;
use zkinfer::{
    Cache, Circuit, Inputs, InputsError, Opening, Parameters, Stage, Visibility, artifact,
};

use crate::arguments::{Device, Prove};
use crate::files::Names;
use crate::loading::{allow_clamped, parameters, read_circuit};
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::readings::{clamped_json, print_outputs, tensors};
use crate::screen::{Progress, Stages, bytes, print_json, say, seconds, warn};

pub fn run(arguments: &Prove, json: bool) -> Result<Outcome> {
    let first = arguments.inputs.first().context("no input")?;
    let named = arguments.destination.names(first, &["proof"])?;
    let path = named.path("proof");
    arguments.destination.check(std::slice::from_ref(&path))?;
    let stages = Stages::new(Stage::Reading.name());
    let circuit = read_circuit(&arguments.circuit)?;
    let opening_paths = opening_paths(&circuit, &named);
    arguments.destination.check(&[std::slice::from_ref(&path), &opening_paths].concat())?;
    let inputs = read_inputs(&circuit, &arguments.inputs)?;
    let clamped = inputs.clamped(&circuit);
    allow_clamped(&clamped, arguments.strict, first)?;
    let opening = model_opening(arguments, &circuit)?;
    let parameters = parameters(circuit.key().description().k)?;

    let progress = Progress::new(Stage::Running.name());
    stages.enter(Stage::Running.name());
    let observer = |stage: Stage| {
        stages.enter(stage.name());
        progress.stage(stage.name());
    };
    let device = device(arguments.device, &circuit, &parameters, &progress)?;
    let session = circuit
        .session(&parameters, opening.as_ref())
        .with_context(|| foreign::path(&arguments.circuit))?
        .self_check(!arguments.no_self_check)
        .on(device.clone())
        .observer(&observer);
    let inference = session.infer(&inputs.sources()).with_context(|| foreign::path(first))?;
    drop(session);
    let laps = stages.finish();
    drop(progress);
    let file = inference.proof.to_bytes();
    let openings: Vec<_> =
        inference.openings.iter().map(|(_, opening)| opening.to_bytes()).collect();
    let secrets =
        opening_paths.iter().zip(&openings).map(|(path, opening)| NewFile::secret(path, opening));
    let files: Vec<NewFile<'_>> =
        std::iter::once(NewFile::public(&path, &file)).chain(secrets).collect();
    arguments.destination.write(&files)?;

    let proof = &inference.proof;
    let total: f64 = laps.iter().map(|lap| lap.wall).sum();
    let profile = arguments.profile.then(|| Profile::new(&circuit, laps));
    if json {
        print_json(&json!({
            "proof": foreign::json_path(&path),
            "openings": opening_paths.iter().map(foreign::json_path).collect::<Vec<_>>(),
            "bytes": file.len(),
            "argument_bytes": proof.argument.len(),
            "key": proof.key.to_string(),
            "device": device.backend().unwrap_or_else(|| Cpu.about()),
            "model": proof.model().to_string(),
            "outputs": tensors(&inference.outputs),
            "clamped": clamped_json(&clamped),
            "seconds": total,
            "profile": profile,
        }))?;
    } else {
        say!("proved in {}: {} ({})", seconds(total), foreign::path(&path), bytes(file.len()));
        for path in &opening_paths {
            say!("{}  secret: the sealed output, to go on from here", foreign::path(path));
        }
        print_outputs(&inference.outputs);
        profile.iter().for_each(Profile::print);
    }
    Ok(Outcome::Done)
}

/// What to prove on.
fn device(
    device: Device,
    circuit: &Circuit,
    parameters: &Parameters,
    progress: &Progress,
) -> Result<Arc<devices::Device>> {
    let preference = match device {
        Device::Auto => Preference::Auto,
        Device::Cpu => Preference::Cpu,
        Device::Gpu => Preference::Gpu,
    };
    let measuring = || progress.stage("measuring the GPU (once per device and size)");
    let failed = |error: &DeviceError| warn(format_args!("{error}; the CPU computes the proof"));
    Ok(devices::choose(preference, circuit, parameters, &Cache::user()?, measuring, failed)?)
}

/// Where the openings of sealed outputs go: beside the proof.
fn opening_paths(circuit: &Circuit, names: &Names) -> Vec<PathBuf> {
    let outputs = circuit.key().description().outputs.iter();
    let sealed = outputs.filter(|output| output.visibility == Visibility::Sealed);
    // Of what may be in a path, and no longer than file systems let names be.
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let safe = |name: &str| name.chars().take(64).map(plain).collect::<String>();
    let mut paths = Vec::new();
    for output in sealed {
        let name = safe(&output.name);
        // Two names may look the same in a path.
        let others = (2..).map(|count| names.path(&format!("{name}-{count}.opening")));
        paths.extend(
            std::iter::once(names.path(&format!("{name}.opening")))
                .chain(others)
                .find(|path| !paths.contains(path)),
        );
    }
    paths
}

/// The opening of the model's seal, if its weights are sealed.
fn model_opening(arguments: &Prove, circuit: &Circuit) -> Result<Option<Opening>> {
    let beside = names::beside(&arguments.circuit, "opening");
    let path = match (&arguments.opening, circuit.key().has_sealed_weights()) {
        (Some(path), _) => path,
        (None, false) => return Ok(None),
        (None, true) if !beside.exists() => bail!(
            "{}: the weights are sealed and their opening is missing; run `zkinfer seal {}`, or \
            name it with --opening",
            foreign::path(&beside),
            foreign::path(&arguments.circuit)
        ),
        (None, true) => &beside,
    };
    Ok(Some(artifact::read_opening(path)?))
}

/// Openings for the sealed inputs, and one data file for all others.
fn read_inputs(circuit: &Circuit, paths: &[PathBuf]) -> Result<Inputs> {
    let (openings, data): (Vec<&PathBuf>, Vec<&PathBuf>) = paths
        .iter()
        .partition(|path| path.extension().is_some_and(|extension| extension == "opening"));
    let opened = openings.iter().map(|path| artifact::read_opening(path));
    let opened = opened.collect::<Result<Vec<_>, _>>()?;
    let plain = Inputs::plain(circuit);
    let tensors = match data.as_slice() {
        [] if plain.is_empty() => Vec::new(),
        [path] if !plain.is_empty() => circuit.read_some_inputs(path, &plain)?,
        [] => bail!("no data for {}: give a .npy, .npz or .json file", foreign::names(plain)),
        [path] => {
            bail!(
                "{}: every input is sealed; give openings (`zkinfer seal --tensor` makes them)",
                foreign::path(path)
            )
        }
        [_, path, ..] => {
            bail!(
                "{}: one file holds all inputs that are not sealed (.npz for several)",
                foreign::path(path)
            )
        }
    };
    Inputs::new(circuit, tensors, opened).map_err(|error| match error {
        InputsError::Opening { index, .. } => {
            let path = openings.get(index).map(foreign::path).unwrap_or_default();
            anyhow::Error::from(error).context(path)
        }
        _ => error.into(),
    })
}
