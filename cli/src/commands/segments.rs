//! `zkinfer prove --segments`: the circuits of a split, one after the other in one process.
//!
//! Each goes on from the sealed outputs of the one before, so the network runs once, and no more
//! than one circuit is in memory at a time.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::files::names::{append, without};
use zkinfer::files::set::NewFile;
use zkinfer::{Circuit, Inputs, Opening, Parameters, Reading, Stage, foreign};

use super::prove::{self, Files, Given, model_opening};
use crate::arguments::{Budget, Device, Prove};
use crate::budget;
use crate::loading::{allow_clamped, parameters, read_circuit};
use crate::outcome::Outcome;
use crate::readings::{clamped_json, print_outputs, tensors};
use crate::screen::{Progress, Stages, bytes, print_json, say, seconds};

pub fn run(arguments: &Prove, count: usize, json: bool) -> Result<Outcome> {
    let input = arguments.inputs.first().context("no input")?;
    let circuits = circuits(&arguments.circuit, count)?;
    let names = arguments.destination.names(input, &["proof"])?;
    let last = circuits.last().context("no segment")?;
    let secrets = Files::new(&read_circuit(last)?, |ending| names.path(ending)).openings;
    let proofs: Vec<PathBuf> =
        (1..=count).map(|segment| names.path(&format!("{segment}.proof"))).collect();
    arguments.destination.check(&[&proofs[..], &secrets].concat())?;

    let (progress, stages) = (Progress::new(Stage::Reading.name()), Stages::new("proving"));
    let given = Given::read(&arguments.inputs)?;
    if arguments.budget.max_memory.is_some() {
        // Before the first proof, and one after the other in memory.
        for path in &circuits {
            refuse(&arguments.budget, path, &read_circuit(path)?)?;
        }
    }
    let mut clamped = Vec::new();
    let mut read = vec![false; arguments.inputs.len()];
    let inputs = |circuit: &Circuit, _: &Parameters, carried| {
        let inputs = given.of_segment(circuit, carried, &arguments.reading, &mut read)?;
        let beyond = inputs.clamped(circuit);
        allow_clamped(&beyond, arguments.strict, input)?;
        clamped.extend(beyond);
        Ok(inputs)
    };
    let how = How { device: arguments.device, self_check: !arguments.no_self_check, opening: None };
    let proven = prove_all(&circuits, None, &how, &progress, inputs)?;
    if let Some((path, _)) = arguments.inputs.iter().zip(&read).find(|(_, read)| !**read) {
        bail!("{}: no segment reads it", foreign::path(path));
    }
    let Proven { files, models, outputs, openings, .. } = proven;
    let openings: Vec<_> = openings.iter().map(Opening::to_bytes).collect();
    let public = proofs.iter().zip(&files).map(|(path, bytes)| NewFile::public(path, bytes));
    let secret = secrets.iter().zip(&openings).map(|(path, bytes)| NewFile::secret(path, bytes));
    arguments.destination.write(&public.chain(secret).collect::<Vec<_>>())?;
    let took: f64 = stages.finish().iter().map(|lap| lap.wall).sum();
    drop(progress);
    if json {
        print_json(&json!({
            "proofs": proofs.iter().map(foreign::json_path).collect::<Vec<_>>(),
            "openings": secrets.iter().map(foreign::json_path).collect::<Vec<_>>(),
            "bytes": files.iter().map(Vec::len).collect::<Vec<_>>(),
            "models": models,
            "outputs": tensors(&outputs),
            "clamped": clamped_json(&clamped),
            "seconds": took,
        }))?;
        return Ok(Outcome::Done);
    }
    say!("proved {count} segments in {}:", seconds(took));
    for (path, file) in proofs.iter().zip(&files) {
        say!("  {} ({})", foreign::path(path), bytes(file.len()));
    }
    for path in &secrets {
        say!("{}  secret: the sealed output, to go on from here", foreign::path(path));
    }
    say!("verify them together, with --chain");
    print_outputs(&outputs);
    Ok(Outcome::Done)
}

/// Refuses a segment that takes too much.
pub(super) fn refuse(budget: &Budget, path: &Path, circuit: &Circuit) -> Result<()> {
    let work = [("proving a segment", circuit.proving())];
    budget::refuse(budget, &work).with_context(|| foreign::path(path))
}

/// How segments are proven.
pub(super) struct How<'a> {
    pub(super) device: Device,
    pub(super) self_check: bool,
    /// The opening of the model's seal, if it does not lie beside the circuit.
    pub(super) opening: Option<&'a Path>,
}

/// The proofs of all segments.
pub(super) struct Proven {
    pub(super) files: Vec<Vec<u8>>,
    /// Digests of keys and models.
    pub(super) keys: Vec<String>,
    pub(super) models: Vec<String>,
    /// Those of the last one, and what opens them if they are sealed.
    outputs: Vec<Reading>,
    openings: Vec<Opening>,
}

/// Proves one segment after the other, the first of which may have been read; `inputs` adds to what
/// the one before hands on.
pub(super) fn prove_all(
    circuits: &[PathBuf],
    mut known: Option<Circuit>,
    how: &How<'_>,
    progress: &Progress,
    mut inputs: impl FnMut(&Circuit, &Parameters, Vec<Opening>) -> Result<Inputs>,
) -> Result<Proven> {
    let (mut files, mut keys, mut models) = (Vec::new(), Vec::new(), Vec::new());
    let (mut outputs, mut carried) = (Vec::new(), Vec::new());
    for (index, path) in circuits.iter().enumerate() {
        let stage = |name: &str| match circuits.len() {
            1 => progress.stage(name),
            count => progress.stage(&format!("segment {} of {count}: {name}", index + 1)),
        };
        stage(Stage::Reading.name());
        let circuit = known.take().map_or_else(|| read_circuit(path), Ok)?;
        let parameters = parameters(circuit.key().description().k)?;
        let inputs = inputs(&circuit, &parameters, std::mem::take(&mut carried))
            .with_context(|| foreign::path(path))?;
        let opening = model_opening(path, how.opening, &circuit)?;
        let device = prove::device(how.device, &circuit, &parameters, progress)?;
        let observer = |reached: Stage| stage(reached.name());
        let session = circuit
            .session(&parameters, opening.as_ref())
            .with_context(|| foreign::path(path))?
            .self_check(how.self_check)
            .on(device)
            .observer(&observer);
        let inference = session.infer(&inputs.sources()).with_context(|| foreign::path(path))?;
        keys.push(inference.proof.key.to_string());
        models.push(inference.proof.model().to_string());
        files.push(inference.proof.to_bytes());
        outputs = inference.outputs;
        carried = inference.openings.into_iter().map(|(_, opening)| opening).collect();
    }
    Ok(Proven { files, keys, models, outputs, openings: carried })
}

/// The circuits of a split whose first one is this: `NAME.1.zkc`, `NAME.2.zkc` and so on.
pub(super) fn circuits(first: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let stem = without(first, &["1.zkc"]);
    if stem == first {
        bail!(
            "{}: --segments takes the first circuit of a split, NAME.1.zkc",
            foreign::path(first)
        );
    }
    let paths: Vec<PathBuf> =
        (1..=count).map(|segment| append(&stem, &format!("{segment}.zkc"))).collect();
    match paths.iter().find(|path| !path.exists()) {
        Some(missing) => bail!(
            "{}: no such file; --segments {count} takes the {count} circuits of `zkinfer split`",
            foreign::path(missing)
        ),
        None => Ok(paths),
    }
}
