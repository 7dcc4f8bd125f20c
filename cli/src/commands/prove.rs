//! `zkinfer prove`.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::artifact::read_opening;
use zkinfer::devices::{self, Backend, Cpu, DeviceError, Preference};
use zkinfer::files::names;
use zkinfer::files::set::NewFile;
use zkinfer::foreign;
use zkinfer::models::data::Sample;
use zkinfer::{
    Cache, Circuit, Inference, Inputs, InputsError, Opening, Parameters, Stage, Visibility,
};

use crate::arguments::{Device, Prove, Reading};
use crate::budget;
use crate::loading::{allow_clamped, parameters, read_circuit, read_samples};
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::readings::{clamped_json, print_outputs, tensors};
use crate::screen::{Progress, Stages, bytes, print_json, say, seconds, warn};

pub fn run(arguments: &Prove, json: bool) -> Result<Outcome> {
    let first = arguments.inputs.first().context("no input")?;
    let named = arguments.destination.names(first, &["proof"])?;
    if !arguments.all {
        arguments.destination.check(&[named.path("proof")])?;
    }
    let stages = Stages::new(Stage::Reading.name());
    let circuit = read_circuit(&arguments.circuit)?;
    let given = Given::read(&arguments.inputs)?;
    let inputs = given.inputs(&circuit, (&arguments.reading, arguments.all))?;
    let files: Vec<Files> = match arguments.all {
        false => vec![Files::new(&circuit, |ending| named.path(ending))],
        true => (1..=inputs.len())
            .map(|number| Files::new(&circuit, |ending| named.path(&format!("{number}.{ending}"))))
            .collect(),
    };
    let paths = files.iter().flat_map(|files| std::iter::once(&files.proof).chain(&files.openings));
    arguments.destination.check(&paths.cloned().collect::<Vec<_>>())?;
    let clamped: Vec<_> = inputs.iter().map(|inputs| inputs.clamped(&circuit)).collect();
    clamped.iter().try_for_each(|clamped| allow_clamped(clamped, arguments.strict, first))?;
    let needs = circuit.proving().times(inputs.len());
    budget::allow(&arguments.budget, &[("proving", needs)])
        .with_context(|| foreign::path(&arguments.circuit))?;
    let opening = model_opening(&arguments.circuit, arguments.opening.as_deref(), &circuit)?;
    let parameters = parameters(circuit.key().description().k)?;

    let progress = Progress::new(Stage::Running.name());
    stages.enter(Stage::Running.name());
    let number = Cell::new(0);
    let observer = |stage: Stage| {
        stages.enter(stage.name());
        match arguments.all {
            false => progress.stage(stage.name()),
            true => progress.stage(&format!(
                "proof {} of {}: {}",
                number.get(),
                inputs.len(),
                stage.name()
            )),
        }
    };
    let device = device(arguments.device, &circuit, &parameters, &progress)?;
    let session = circuit
        .session(&parameters, opening.as_ref())
        .with_context(|| foreign::path(&arguments.circuit))?
        .self_check(!arguments.no_self_check)
        .on(device.clone())
        .observer(&observer);
    let mut results = Vec::new();
    let mut proven = Vec::new();
    for ((inputs, files), clamped) in inputs.iter().zip(&files).zip(&clamped) {
        number.set(number.get() + 1);
        let start = Instant::now();
        let inference = session.infer(&inputs.sources()).with_context(|| match arguments.all {
            false => foreign::path(first),
            true => format!("{}, sample {}", foreign::path(first), number.get()),
        })?;
        let file = files.write(arguments, &inference)?;
        let seconds = start.elapsed().as_secs_f64();
        if json {
            results.push(json!({
                "proof": foreign::json_path(&files.proof),
                "openings": files.openings.iter().map(foreign::json_path).collect::<Vec<_>>(),
                "bytes": file,
                "argument_bytes": inference.proof.argument.len(),
                "key": inference.proof.key.to_string(),
                "device": device.backend().unwrap_or_else(|| Cpu.about()),
                "model": inference.proof.model().to_string(),
                "outputs": tensors(&inference.outputs),
                "clamped": clamped_json(clamped),
                "seconds": seconds,
            }));
        } else {
            proven.push((files, file, seconds, inference.outputs));
        }
    }
    drop(session);
    let laps = stages.finish();
    drop(progress);
    let profile = arguments.profile.then(|| Profile::new(&circuit, laps.clone()));
    if json {
        match results.as_mut_slice() {
            [result] if !arguments.all => {
                result["seconds"] = json!(laps.iter().map(|lap| lap.wall).sum::<f64>());
                result["profile"] = json!(profile);
                print_json(result)?;
            }
            results => print_json(&json!({ "proofs": results }))?,
        }
        return Ok(Outcome::Done);
    }
    let whole: f64 = laps.iter().map(|lap| lap.wall).sum();
    for (files, length, took, outputs) in &proven {
        let took = if arguments.all { *took } else { whole };
        say!("proved in {}: {} ({})", seconds(took), foreign::path(&files.proof), bytes(*length));
        for path in &files.openings {
            say!("{}  secret: the sealed output, to go on from here", foreign::path(path));
        }
        print_outputs(outputs);
    }
    profile.iter().for_each(Profile::print);
    Ok(Outcome::Done)
}

/// Where one proof goes, and the openings of its sealed outputs.
pub(super) struct Files {
    proof: PathBuf,
    pub(super) openings: Vec<PathBuf>,
}

impl Files {
    pub(super) fn new(circuit: &Circuit, path: impl Fn(&str) -> PathBuf) -> Self {
        Self { proof: path("proof"), openings: opening_paths(circuit, &path) }
    }

    /// Writes all of them, or none; gives the length of the proof's file.
    fn write(&self, arguments: &Prove, inference: &Inference) -> Result<usize> {
        let file = inference.proof.to_bytes();
        let openings: Vec<_> =
            inference.openings.iter().map(|(_, opening)| opening.to_bytes()).collect();
        let secrets = self.openings.iter().zip(&openings);
        let secrets = secrets.map(|(path, opening)| NewFile::secret(path, opening));
        let files: Vec<NewFile<'_>> =
            std::iter::once(NewFile::public(&self.proof, &file)).chain(secrets).collect();
        arguments.destination.write(&files)?;
        Ok(file.len())
    }
}

/// What to prove on.
pub(super) fn device(
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
fn opening_paths(circuit: &Circuit, path: impl Fn(&str) -> PathBuf) -> Vec<PathBuf> {
    let outputs = circuit.key().description().outputs.iter();
    let sealed = outputs.filter(|output| output.visibility == Visibility::Sealed);
    // Of what may be in a path, and no longer than file systems let names be.
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let safe = |name: &str| name.chars().take(64).map(plain).collect::<String>();
    let mut paths = Vec::new();
    for output in sealed {
        let name = safe(&output.name);
        // Two names may look the same in a path.
        let others = (2..).map(|count| path(&format!("{name}-{count}.opening")));
        paths.extend(
            std::iter::once(path(&format!("{name}.opening")))
                .chain(others)
                .find(|path| !paths.contains(path)),
        );
    }
    paths
}

/// The opening of the model's seal, if its weights are sealed.
pub(super) fn model_opening(
    file: &Path,
    named: Option<&Path>,
    circuit: &Circuit,
) -> Result<Option<Opening>> {
    let beside = names::beside(file, "opening");
    let path = match (named, circuit.key().has_sealed_weights()) {
        (Some(path), _) => path,
        (None, false) => return Ok(None),
        (None, true) if !beside.exists() => bail!(
            "{}: the weights are sealed and their opening is missing; run `zkinfer seal {}`, or \
            name it with --opening",
            foreign::path(&beside),
            foreign::path(file)
        ),
        (None, true) => &beside,
    };
    Ok(Some(read_opening(path)?))
}

/// What is given for inputs: openings for sealed ones, and one data file for all others.
pub(super) struct Given<'a> {
    /// With their place among all that is given.
    openings: Vec<(usize, &'a PathBuf, Opening)>,
    data: Vec<(usize, &'a PathBuf)>,
}

impl<'a> Given<'a> {
    pub(super) fn read(paths: &'a [PathBuf]) -> Result<Self> {
        let (openings, data): (Vec<_>, Vec<_>) = paths.iter().enumerate().partition(|(_, path)| {
            path.extension().is_some_and(|extension| extension == "opening")
        });
        let opened = openings.into_iter().map(|(at, path)| Ok((at, path, read_opening(path)?)));
        Ok(Self { openings: opened.collect::<Result<_>>()?, data })
    }

    /// The inputs of one inference or of many.
    pub(super) fn inputs(&self, circuit: &Circuit, how: (&Reading, bool)) -> Result<Vec<Inputs>> {
        let plain = Inputs::plain(circuit);
        let samples = self.samples(circuit, &plain, how)?;
        if let ([], [(_, path), ..]) = (plain.as_slice(), self.data.as_slice()) {
            bail!(
                "{}: every input is sealed; give openings (`zkinfer seal --tensor` makes them)",
                foreign::path(path)
            );
        }
        let openings: Vec<Opening> =
            self.openings.iter().map(|(.., opening)| opening.clone()).collect();
        let inputs = |tensors| {
            Inputs::new(circuit, tensors, openings.clone()).map_err(|error| match error {
                InputsError::Opening { index, .. } => {
                    let path = self.openings.get(index).map(|(_, path, _)| foreign::path(path));
                    anyhow::Error::from(error).context(path.unwrap_or_default())
                }
                _ => error.into(),
            })
        };
        samples.into_iter().map(inputs).collect()
    }

    /// The inputs of a segment: what is handed on to it, and of what is given its own, which is
    /// marked as read.
    pub(super) fn of_segment(
        &self,
        circuit: &Circuit,
        carried: Vec<Opening>,
        reading: &Reading,
        read: &mut [bool],
    ) -> Result<Inputs> {
        let plain = Inputs::plain(circuit);
        let tensors = self.samples(circuit, &plain, (reading, false))?.pop().unwrap_or_default();
        if !plain.is_empty() {
            self.data.iter().for_each(|&(at, _)| read[at] = true);
        }
        let mut openings = carried;
        for (at, _, opening) in &self.openings {
            if Inputs::opens(circuit, opening) {
                read[*at] = true;
                openings.push(opening.clone());
            }
        }
        Ok(Inputs::new(circuit, tensors, openings)?)
    }

    /// The data of those inputs that are not sealed.
    fn samples(
        &self,
        circuit: &Circuit,
        plain: &[&str],
        (reading, all): (&Reading, bool),
    ) -> Result<Vec<Sample>> {
        match self.data.as_slice() {
            _ if plain.is_empty() => Ok(vec![Vec::new()]),
            [(_, path)] => read_samples(circuit, path, plain, (reading, all)),
            [] => bail!(
                "no data for {}: give a file of arrays, a table or a picture",
                foreign::names(plain.iter().copied())
            ),
            [_, (_, path), ..] => bail!(
                "{}: one file holds all inputs that are not sealed (.npz for several)",
                foreign::path(path)
            ),
        }
    }
}
