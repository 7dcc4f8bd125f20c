//! What most commands need before they start: a compiled model, the commitment parameters.

use std::path::Path;

use anyhow::{Result, bail};
use zkinfer::cache::{Cache, CacheError};
use zkinfer::files::set;
use zkinfer::models::data::{ReadOptions, Sample};
use zkinfer::models::integer::tensors::Clamped;
use zkinfer::models::onnx::Dimensions;
use zkinfer::verifier::Parameters;
use zkinfer::{Circuit, artifact, foreign};

use crate::arguments::{Open, Reading, Softmax};
use crate::screen::{Progress, tell, warn};

impl Reading {
    /// How files are read that may hold labels.
    pub fn options(&self, labels: Option<&String>) -> ReadOptions {
        ReadOptions { normalise: self.normalise.clone(), labels: labels.cloned() }
    }
}

impl Open {
    /// What is said of the dimensions that the model leaves open.
    pub fn dimensions(&self) -> Dimensions {
        Dimensions {
            lengths: self.dimensions.iter().cloned().collect(),
            shapes: self.shapes.iter().cloned().collect(),
            keep_softmax: self.softmax == Softmax::Keep,
        }
    }
}

/// Reads a compiled model.
pub fn read_circuit(path: &Path) -> Result<Circuit> {
    // An interrupted run may have left its opening and seal half replaced.
    set::settle(set::directory(path), tell);
    Ok(artifact::read_circuit(path)?)
}

/// Samples for the inputs of these names: all that the file has, or the only one.
pub fn read_samples(
    circuit: &Circuit,
    path: &Path,
    names: &[&str],
    (reading, all): (&Reading, bool),
) -> Result<Vec<Sample>> {
    let data = circuit.read_data(path, names, &reading.options(None))?;
    let samples = data.samples();
    if samples.len() > 1 && !all {
        bail!(
            "{}: it holds {} samples, expected one; save a single sample, or take all of them with \
            --all",
            foreign::path(path),
            samples.len()
        );
    }
    Ok(samples.to_vec())
}

/// The commitment parameters from the user's cache, or derived with a spinner.
pub fn parameters(k: u32) -> Result<Parameters> {
    cached(k, |cache, deriving| cache.load(k, deriving)).map(saved_or_not)
}

/// The same for verifying only.
pub fn verifying_parameters(k: u32) -> Result<Parameters> {
    cached(k, |cache, deriving| cache.load_for_verifying(k, deriving)).map(saved_or_not)
}

/// Parameters, and why they could not be stored for the next time.
pub type Loaded = (Parameters, Option<CacheError>);

pub fn cached(
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

/// Says what of an input counts as an end of its range, or refuses it.
pub fn allow_clamped(clamped: &[Clamped], strict: bool, path: &Path) -> Result<()> {
    match clamped.first() {
        Some(first) if strict => bail!("{}: {first}, or leave --strict", foreign::path(path)),
        _ => clamped.iter().for_each(|clamped| warn(format_args!("{clamped}"))),
    }
    Ok(())
}
