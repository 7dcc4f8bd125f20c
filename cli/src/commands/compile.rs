//! `zkinfer compile`.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use zkinfer::foreign;
use zkinfer::foresight::{self, Foreseen, Plans};
use zkinfer::models::compare::Comparison;
use zkinfer::models::integer::generation;
use zkinfer::models::integer::graph::Graph;
use zkinfer::models::quantise::settings::{self, Options, Widths};
use zkinfer::models::widths::{self, Chosen, named};
use zkinfer::models::{Dataset, Quantised};
use zkinfer::sealing::Journal;
use zkinfer::{
    Circuit, Compile as _, ENDINGS, Exposure, Model, ModelFiles, Needs, Objective, Visibility,
    Written,
};

use super::inspect;
use crate::agreement::{Bound, Compared, print_unknown};
use crate::arguments::{self, Bits, Compile, InputRange, Optimize, Shown, Weights};
use crate::budget;
use crate::files::unwritten;
use crate::loading::parameters;
use crate::outcome::Outcome;
use crate::screen::{Progress, bytes, print_json, say, seconds, tell, warn};

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
    let names = arguments.destination.names(&arguments.model, &ENDINGS)?;
    let progress = Progress::new("reading the model");
    let ready = quantise(arguments, true, json, &progress)?;
    progress.stage("choosing a layout");
    let narrow = ready.narrow_cells(arguments)?;
    let Ready { quantised, agreement, .. } = ready;
    let exposure = exposure(arguments, &quantised.graph)?;
    let quantised = generating(arguments, &exposure, quantised)?;
    let circuit = quantised.compile_with(&exposure, arguments.optimize.into());
    let circuit = circuit.with_context(|| foreign::path(&arguments.model))?;
    allow(arguments, &circuit)?;
    let compiled = [Compiled::new(arguments, circuit, |ending| names.path(ending))];
    let [Compiled { circuit, paths, .. }] = &compiled;
    arguments.destination.check(paths)?;
    drop(progress);
    let written = write(arguments, &compiled)?.pop().context("no file was written")?;

    let report = circuit.report();
    if json {
        let files = files_json(&written);
        print_json(&json!({
            "circuit": files["circuit"],
            "key": files["key"],
            "seal": files["seal"],
            "opening": files["opening"],
            "model_digest": written.model.map(|model| model.to_string()),
            "report": report,
            "agreement": agreement,
            "cells": circuit.cells(),
            "cells_with_8_bits": narrow,
            "layout": inspect::layout(circuit.key()),
        }))?;
        return Ok(Outcome::Done);
    }
    for note in &report.notes {
        say!("note: {note}");
    }
    for choice in &report.choices {
        say!("chosen: {}", foreign::harmless(choice));
    }
    for warning in &report.warnings {
        warn(warning);
    }
    agreement.as_ref().map_or_else(print_unknown, Compared::print);
    print_cells(circuit.cells(), narrow);
    const READERS: [&str; 4] =
        ["for the prover", "for verifiers", "for the prover, secret", "for verifiers"];
    for ((path, size), reader) in written.files.iter().zip(READERS) {
        say!("{}  {}  {reader}", foreign::path(path), bytes(*size));
    }
    if let Some(model) = written.model {
        say!("model {model}");
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

/// Imports, calibrates and quantises; compares with the float model, if there are samples, and
/// refuses what differs too much. Before, says what that will take, and what the `whole` network
/// will afterwards, and refuses what is too much.
pub fn quantise(
    arguments: &Compile,
    whole: bool,
    json: bool,
    progress: &Progress,
) -> Result<Ready> {
    let dimensions = arguments.open.dimensions();
    let model = match &arguments.calibration {
        Some(samples) => Model::load_for(&arguments.model, &dimensions, samples)?,
        None => Model::load_with(&arguments.model, &dimensions)?,
    };
    let mut model = model.watched(progress.watch());
    let mut everywhere = [0.0, 1.0];
    for InputRange { name, ends } in &arguments.input_range {
        match name {
            Some(name) => model.declare_range(name, *ends).context("--input-range")?,
            None => everywhere = *ends,
        }
    }
    progress.stage("measuring the circuit");
    let plans = plans(arguments, &model)?;
    let foreseen = foresight::foresee(&model, &plans);
    let foreseen = foreseen.with_context(|| foreign::path(&arguments.model))?;
    let samples = arguments.calibration.as_ref();
    let options = arguments.reading.options(arguments.labels.as_ref());
    let read = |path| Dataset::read_with(path, model.inputs(), &options);
    let samples = samples.map(read).transpose()?;
    let count = samples.as_ref().map_or(0, |samples| samples.samples().len());
    let mut work = vec![("compiling", Needs::of_quantising(&model, count))];
    if whole && let Some(Foreseen { proving, sealing }) = foreseen {
        work.extend(sealing.filter(|_| !arguments.no_seal).map(|needs| ("sealing", needs)));
        work.push(("proving", proving));
    }
    budget::allow(&arguments.budget, &work).with_context(|| foreign::path(&arguments.model))?;
    progress.stage("calibrating");
    let calibration = match &samples {
        Some(samples) => model.calibrate(samples)?,
        None => {
            let [low, high] = everywhere;
            model.calibrate_input_range(low, high)?
        }
    };
    progress.stage("quantising");
    let method = arguments.calibrate;
    let [widths, weights] = chosen_bits(arguments, &model)?;
    let options = Options {
        method,
        widths: widths.clone().unwrap_or_default(),
        weights: weights.clone().unwrap_or_default(),
    };
    let Some(samples) = samples else {
        let quantised = model.quantise_with(&calibration, &options)?;
        return Ok(Ready { quantised, agreement: None, narrow: None });
    };
    progress.stage("comparing with the float model");
    let narrow = widths.as_ref() == Some(&Widths::default());
    let bound = Bound { percent: arguments.max_error, accepted: arguments.accept_loss, narrow };
    let comparison = Comparison::new(&model, &calibration, &samples)?;
    let most = bound.percent / 100.0;
    let mut chosen = match widths {
        None => widths::choose(&comparison, &options, most)?,
        Some(_) => Chosen::given(&comparison, options)?,
    };
    if weights.is_none() {
        chosen = widths::choose_weights(&comparison, chosen, most)?;
    }
    let Chosen { mut quantised, evaluation, narrow, .. } = chosen;
    let compared = Compared::new(&comparison, &quantised, evaluation, bound, json)?;
    quantised.report.warnings.extend(compared.judge(bound, &arguments.model)?);
    quantised.report.agreement = Some(compared.summary());
    Ok(Ready { quantised, agreement: Some(compared), narrow })
}

/// Bits of activations and of weights, where they are given.
fn chosen_bits(arguments: &Compile, model: &Model) -> Result<[Option<Widths>; 2]> {
    let graph = model.graph();
    let widths =
        given("bits", &arguments.bits, |usual, others| named::activations(graph, usual, others))?;
    let weights = given("weight-bits", &arguments.weight_bits, |usual, others| {
        named::weights(graph, usual, others)
    })?;
    Ok([widths, weights])
}

/// The bits that were given, if any were.
fn given(
    option: &str,
    bits: &Bits,
    widths: impl Fn(settings::Bits, &[(String, settings::Bits)]) -> Result<Widths, String>,
) -> Result<Option<Widths>> {
    let Bits::Given(usual, named) = bits else { return Ok(None) };
    let widths = widths(*usual, named).map_err(|pattern| {
        anyhow!(
            "--{option} {pattern:?}: no value that has such bits is called that; `compile --json` \
            lists names under `agreement.nodes`"
        )
    })?;
    Ok(Some(widths))
}

/// A network, ready to be compiled.
pub struct Ready {
    pub quantised: Quantised,
    pub agreement: Option<Compared>,
    /// The same with 8 bits, if others were chosen for some of its values.
    narrow: Option<Quantised>,
}

impl Ready {
    /// Cells of the network with 8 bits, if others were chosen: none where that has no circuit.
    pub fn narrow_cells(&self, arguments: &Compile) -> Result<Option<usize>> {
        let Some(narrow) = self.narrow.clone() else { return Ok(None) };
        let exposure = exposure(arguments, &narrow.graph)?;
        let narrow = generating(arguments, &exposure, narrow)?;
        let circuit = narrow.compile_with(&exposure, arguments.optimize.into());
        Ok(circuit.ok().map(|circuit| circuit.cells()))
    }
}

/// The network as it is, or one that generates what it says, if that is asked for.
pub fn generating(
    arguments: &Compile,
    exposure: &Exposure,
    quantised: Quantised,
) -> Result<Quantised> {
    let Some(tokens) = arguments.generate else { return Ok(quantised) };
    let smallest = quantised.graph.inputs.first().map_or(0, |input| input.minimum);
    let options = generation::Options {
        tokens,
        padding: arguments.padding.unwrap_or(smallest),
        hidden: exposure.inputs.first().is_some_and(|ids| *ids != Visibility::Public),
    };
    quantised
        .generating(&options)
        .with_context(|| format!("{}: --generate", foreign::path(&arguments.model)))
}

/// Says what more than 8 bits cost.
pub fn print_cells(cells: usize, narrow: Option<usize>) {
    if let Some(narrow) = narrow {
        say!("{cells} cells, {narrow} with 8 bits for all values");
    }
}

/// Refuses a circuit whose seal, which is about to be made, or whose proof would take too much.
/// What was predicted without ranges may have been less.
pub fn allow(arguments: &Compile, circuit: &Circuit) -> Result<()> {
    let sealing = circuit.sealing().filter(|_| !arguments.no_seal);
    let sealing = sealing.map(|needs| ("sealing", needs));
    let work: Vec<_> = sealing.into_iter().chain([("proving", circuit.proving())]).collect();
    budget::refuse(&arguments.budget, &work).with_context(|| foreign::path(&arguments.model))
}

/// How a model is going to be compiled.
fn plans(arguments: &Compile, model: &Model) -> Result<Plans> {
    let [widths, weights] = chosen_bits(arguments, model)?;
    let inputs = model.inputs().iter().map(|input| input.name.as_str()).collect();
    let outputs = model.graph().outputs.iter().map(|output| output.name.as_str()).collect();
    Ok(Plans {
        options: Options {
            method: arguments.calibrate,
            widths: widths.unwrap_or_default(),
            weights: weights.unwrap_or_default(),
        },
        exposure: exposure_of(arguments, inputs, outputs)?,
        objective: arguments.optimize.into(),
    })
}

/// What proofs are to show.
pub fn exposure(arguments: &Compile, graph: &Graph) -> Result<Exposure> {
    let inputs = graph.inputs.iter().map(|input| input.name.as_str()).collect();
    let outputs = graph.outputs.iter().map(|output| output.name.as_str()).collect();
    exposure_of(arguments, inputs, outputs)
}

fn exposure_of(arguments: &Compile, inputs: Vec<&str>, outputs: Vec<&str>) -> Result<Exposure> {
    Ok(Exposure {
        weights: if arguments.weights == Weights::Sealed {
            Visibility::Sealed
        } else {
            Visibility::Public
        },
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

/// A compiled network with the paths of its files, in the order of their endings.
pub struct Compiled {
    pub circuit: Circuit,
    pub paths: Vec<PathBuf>,
    seals: bool,
}

impl Compiled {
    pub fn new(arguments: &Compile, circuit: Circuit, path: impl Fn(&str) -> PathBuf) -> Self {
        let seals = circuit.key().has_sealed_weights() && !arguments.no_seal;
        let count = if seals { ENDINGS.len() } else { 2 };
        let paths = ENDINGS.iter().take(count).map(|ending| path(ending)).collect();
        Self { circuit, paths, seals }
    }

    /// What goes into the files: seals the weights, if that is asked for.
    fn files(&self) -> Result<(ModelFiles, Option<Journal>)> {
        if !self.seals {
            return Ok((ModelFiles::new(&self.circuit, None, &self.paths), None));
        }
        let parameters = parameters(self.circuit.key().description().k)?;
        let progress = Progress::new("sealing the weights");
        let path = self.paths.first().map(|path| path.with_extension("sealing"));
        let (seal, opening, journal) =
            self.circuit.seal_in_parts(&parameters, &path.unwrap_or_default(), progress.parts())?;
        Ok((ModelFiles::new(&self.circuit, Some(&(seal, opening)), &self.paths), journal))
    }
}

/// Writes the files of all circuits, or none.
pub fn write(arguments: &Compile, compiled: &[Compiled]) -> Result<Vec<Written>> {
    let files = compiled.iter().map(Compiled::files).collect::<Result<Vec<_>>>()?;
    let (models, journals): (Vec<_>, Vec<_>) = files.into_iter().unzip();
    let written =
        ModelFiles::write(&models, arguments.destination.force, tell).map_err(unwritten)?;
    journals.into_iter().flatten().try_for_each(Journal::remove)?;
    Ok(written)
}

/// The files by what they are, for `--json`.
pub fn files_json(written: &Written) -> serde_json::Value {
    let path = |index: usize| written.files.get(index).map(|(path, _)| foreign::json_path(path));
    json!({ "circuit": path(0), "key": path(1), "opening": path(2), "seal": path(3) })
}
