//! `zkinfer generate`: a language model's answer, and the proof that it is what the model says.
//!
//! Of a model in segments the integer network is put together to answer, then each is proven.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::files::set::{self, NewFile};
use zkinfer::foreign;
use zkinfer::models::data;
use zkinfer::models::integer::graph::Graph;
use zkinfer::{Circuit, Generated, Inputs, Opening, Parameters, Seal, Visibility};

use super::segments::{self, How, prove_all};
use crate::arguments::Generate;
use crate::budget;
use crate::generation::{self, Stream};
use crate::loading::read_circuit;
use crate::outcome::Outcome;
use crate::screen::{Progress, bytes, print_json, say, seconds};
use crate::tokenizer::Tokenizer;

pub fn run(arguments: &Generate, json: bool) -> Result<Outcome> {
    let progress = Progress::new("reading the model");
    let model = Model::read(arguments)?;
    let paths = Paths::new(arguments, &model)?;
    if !arguments.unproven {
        arguments.destination.check(&paths.all())?;
    }
    let tokenizer = tokenizer(arguments)?;
    let prompt = match (&arguments.prompt, &arguments.text, &tokenizer) {
        (Some(path), ..) => data::read_ids(path, "ids")?,
        (None, Some(text), Some(tokenizer)) => tokenizer.encode(text).context("--text")?,
        _ => bail!("no prompt: give --prompt or --text"),
    };
    let start = Instant::now();
    let mut stream = tokenizer.as_ref().filter(|_| !json).map(Stream::new);
    // What is printed meanwhile and a spinner would be in each other's way.
    drop(progress);
    let progress = stream.is_none().then(|| Progress::new("generating"));
    let mut count = 0;
    let told = |id: i64| {
        count += 1;
        match &mut stream {
            Some(stream) => stream.push(id),
            None => progress.iter().for_each(|to| to.stage(&format!("generating: {count} ids"))),
        }
        !arguments.stop.contains(&id)
    };
    let generated = Generated::by(model.graph(), &prompt, arguments.tokens, told);
    let generated = generated.with_context(|| foreign::path(&arguments.circuit))?;
    if stream.is_some() {
        say!("");
    }
    drop(progress);
    let generating = start.elapsed().as_secs_f64();
    if arguments.unproven {
        return unproven(&generated, tokenizer.as_ref(), generating, json);
    }
    let progress = Progress::new("proving");
    let mut sealed = None;
    let inputs = |circuit: &Circuit, parameters: &Parameters, carried| {
        inputs(&generated, circuit, parameters, carried, &mut sealed)
    };
    let how = How {
        device: arguments.device,
        self_check: !arguments.no_self_check,
        opening: arguments.opening.as_deref(),
    };
    let (circuits, circuit) = (model.circuits, model.whole.ok());
    let proven = prove_all(&circuits, circuit, &how, &progress, inputs)?;
    let sealed = sealed.map(|(seal, opening)| (seal.to_bytes(), opening.to_bytes()));
    let proofs = paths.proofs.iter().zip(&proven.files);
    let mut files: Vec<NewFile<'_>> =
        proofs.clone().map(|(path, proof)| NewFile::public(path, proof)).collect();
    if let (Some((seal, opening)), Some([seal_path, opening_path])) = (&sealed, &paths.sealed) {
        files.push(NewFile::public(seal_path, seal));
        files.push(NewFile::secret(opening_path, opening));
    }
    arguments.destination.write(&files)?;
    drop(progress);
    let taken = start.elapsed().as_secs_f64();
    let Generated { prompt, answer, .. } = &generated;
    if json {
        let proofs = proofs.zip(proven.keys.iter().zip(&proven.models));
        let mut proofs: Vec<serde_json::Value> = proofs
            .map(|((path, proof), (key, model))| {
                json!({
                    "proof": foreign::json_path(path), "bytes": proof.len(), "key": key,
                    "model": model,
                })
            })
            .collect();
        let mut result = match arguments.segments {
            None => proofs.pop().unwrap_or_default(),
            Some(_) => json!({ "proofs": proofs }),
        };
        let more = [
            ("seal", json!(paths.sealed.as_ref().map(|[seal, _]| foreign::json_path(seal)))),
            ("opening", json!(paths.sealed.as_ref().map(|[_, open]| foreign::json_path(open)))),
            ("prompt", json!(prompt)),
            ("answer", json!(answer)),
            ("answer_text", json!(tokenizer.as_ref().map(|to| to.decode(answer)))),
            ("generating_seconds", json!(generating)),
            ("seconds", json!(taken)),
        ];
        more.into_iter().for_each(|(name, value)| result[name] = value);
        print_json(&result)?;
        return Ok(Outcome::Done);
    }
    generation::print_ids(prompt, answer, tokenizer.as_ref());
    say!("generated in {}, proved in {}:", seconds(generating), seconds(taken));
    for (path, proof) in proofs {
        say!("  {} ({})", foreign::path(path), bytes(proof.len()));
    }
    if arguments.segments.is_some() {
        say!("verify them together, with --chain");
    }
    for path in paths.sealed.iter().flatten() {
        say!("{}  the ids, sealed", foreign::path(path));
    }
    Ok(Outcome::Done)
}

/// Prints an answer that nothing proves.
fn unproven(
    Generated { prompt, answer, .. }: &Generated,
    tokenizer: Option<&Tokenizer>,
    generating: f64,
    json: bool,
) -> Result<Outcome> {
    if json {
        print_json(&json!({
            "prompt": prompt,
            "answer": answer,
            "answer_text": tokenizer.map(|to| to.decode(answer)),
            "generating_seconds": generating,
        }))?;
        return Ok(Outcome::Done);
    }
    generation::print_ids(prompt, answer, tokenizer);
    say!("generated in {}, not proven", seconds(generating));
    Ok(Outcome::Done)
}

/// What a circuit reads: what is handed on to it, and its own of ids and lengths; ids that are
/// sealed are sealed once.
fn inputs(
    generated: &Generated,
    circuit: &Circuit,
    parameters: &Parameters,
    carried: Vec<Opening>,
    sealed: &mut Option<(Seal, Opening)>,
) -> Result<Inputs> {
    let mut openings = carried;
    let hidden = circuit.key().description().inputs.iter().skip(openings.len());
    for input in hidden.filter(|input| input.visibility == Visibility::Sealed) {
        let made = match (sealed.take(), generated.input(&input.name)) {
            (Some(made), _) => made,
            (None, Some(ids)) => circuit.seal_input(parameters, &input.name, ids)?,
            (None, None) => bail!("no ids called {}", foreign::name(&input.name)),
        };
        openings.push(made.1.clone());
        *sealed = Some(made);
    }
    let plain = Inputs::plain(circuit).into_iter();
    let tensors = plain.filter_map(|name| generated.input(name).cloned()).collect();
    Ok(Inputs::new(circuit, tensors, openings)?)
}

/// A model that generates, of one circuit or of several.
struct Model {
    circuits: Vec<PathBuf>,
    /// The only circuit, or what all of them compute.
    whole: Result<Circuit, Graph>,
    /// Whether ids are sealed.
    sealed: bool,
}

impl Model {
    fn read(arguments: &Generate) -> Result<Self> {
        let sealed = |circuit: &Circuit| {
            let ids = circuit.key().description().inputs.first();
            ids.is_some_and(|ids| ids.visibility == Visibility::Sealed)
        };
        let path = &arguments.circuit;
        let Some(count) = arguments.segments else {
            let circuit = read_circuit(path)?;
            budget::allow(&arguments.budget, &[("proving", circuit.proving())])
                .with_context(|| foreign::path(path))?;
            let sealed = sealed(&circuit);
            return Ok(Self { circuits: vec![path.clone()], whole: Ok(circuit), sealed });
        };
        let circuits = segments::circuits(path, count)?;
        let (mut graphs, mut hidden) = (Vec::new(), false);
        for path in &circuits {
            let circuit = read_circuit(path)?;
            segments::refuse(&arguments.budget, path, &circuit)?;
            hidden |= graphs.is_empty() && sealed(&circuit);
            graphs.push(circuit.into_graph());
        }
        let whole = Graph::joined(graphs).with_context(|| foreign::path(path))?;
        Ok(Self { circuits, whole: Err(whole), sealed: hidden })
    }

    fn graph(&self) -> &Graph {
        match &self.whole {
            Ok(circuit) => circuit.graph(),
            Err(graph) => graph,
        }
    }
}

/// What turns text into ids and back: the one named, or for a prompt in words the one beside the
/// model.
fn tokenizer(arguments: &Generate) -> Result<Option<Tokenizer>> {
    let beside = || set::directory(&arguments.circuit).join("tokenizer.json");
    let path = match (&arguments.tokenizer, &arguments.text) {
        (Some(path), _) => path.clone(),
        (None, Some(_)) => beside(),
        (None, None) => return Ok(None),
    };
    Tokenizer::read(&path).map(Some)
}

/// Where results go.
struct Paths {
    proofs: Vec<PathBuf>,
    /// Seal and opening of the ids, if they are sealed.
    sealed: Option<[PathBuf; 2]>,
}

impl Paths {
    fn new(arguments: &Generate, model: &Model) -> Result<Self> {
        let endings: &[&str] =
            if model.sealed { &["proof", "ids.seal", "ids.opening"] } else { &["proof"] };
        // A prompt in words has no file to lie beside.
        let prompt = arguments.prompt.as_ref().unwrap_or(&arguments.circuit);
        let named = arguments.destination.names(prompt, endings)?;
        let sealed = ["ids.seal", "ids.opening"].map(|ending| named.path(ending));
        if model.graph().generator().is_none() {
            bail!(
                "{}: it does not generate; compile the model with --generate N, and give all \
                segments of one that was split (--segments)",
                foreign::path(&arguments.circuit)
            );
        }
        let proof = |number: usize| match arguments.segments {
            None => named.path("proof"),
            Some(_) => named.path(&format!("{number}.proof")),
        };
        let proofs = (1..=model.circuits.len()).map(proof).collect();
        Ok(Self { proofs, sealed: model.sealed.then_some(sealed) })
    }

    fn all(&self) -> Vec<PathBuf> {
        self.proofs.iter().chain(self.sealed.iter().flatten()).cloned().collect()
    }
}
