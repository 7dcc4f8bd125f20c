//! `zkinfer generate`: a language model's answer, and the proof that it is what the model says.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::files::set::{self, NewFile};
use zkinfer::foreign;
use zkinfer::models::data;
use zkinfer::{Circuit, Generated, Opening, Source, Stage, Visibility};

use super::prove;
use crate::arguments::Generate;
use crate::budget;
use crate::generation::{self, Stream};
use crate::loading::{parameters, read_circuit};
use crate::outcome::Outcome;
use crate::screen::{Progress, bytes, print_json, say, seconds};
use crate::tokenizer::Tokenizer;

pub fn run(arguments: &Generate, json: bool) -> Result<Outcome> {
    let progress = Progress::new("reading the model");
    let circuit = read_circuit(&arguments.circuit)?;
    let paths = Paths::new(arguments, &circuit)?;
    arguments.destination.check(&paths.all())?;
    budget::allow(&arguments.budget, &[("proving", circuit.proving())])
        .with_context(|| foreign::path(&arguments.circuit))?;
    let tokenizer = tokenizer(arguments)?;
    let prompt = match (&arguments.prompt, &arguments.text, &tokenizer) {
        (Some(path), ..) => data::read_ids(path, "ids")?,
        (None, Some(text), Some(tokenizer)) => tokenizer.encode(text).context("--text")?,
        _ => bail!("no prompt: give --prompt or --text"),
    };
    let opening = prove::model_opening(&arguments.circuit, arguments.opening.as_deref(), &circuit)?;
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
    let generated = circuit.generate(&prompt, arguments.tokens, told);
    let generated = generated.with_context(|| foreign::path(&arguments.circuit))?;
    if stream.is_some() {
        say!("");
    }
    drop(progress);
    let progress = Progress::new("proving");
    let generating = start.elapsed().as_secs_f64();
    let parameters = parameters(circuit.key().description().k)?;
    let observer = |stage: Stage| progress.stage(stage.name());
    let device = prove::device(arguments.device, &circuit, &parameters, &progress)?;
    let session = circuit
        .session(&parameters, opening.as_ref())
        .with_context(|| foreign::path(&arguments.circuit))?
        .self_check(!arguments.no_self_check)
        .on(device)
        .observer(&observer);
    let inputs = generated.inputs(&circuit);
    let sealed = match paths.sealed.as_ref().zip(inputs.first()) {
        Some((_, ids)) => {
            progress.stage("sealing the ids");
            Some(circuit.seal_input(&parameters, &circuit.graph().inputs[0].name, ids)?)
        }
        None => None,
    };
    let opened: Option<&Opening> = sealed.as_ref().map(|(_, opening)| opening);
    let source = |(index, tensor)| match opened.filter(|_| index == 0) {
        Some(opening) => Source::Opening(opening),
        None => Source::Tensor(tensor),
    };
    let sources: Vec<Source<'_>> = inputs.iter().enumerate().map(source).collect();
    let inference = session.infer(&sources).with_context(|| foreign::path(&arguments.circuit))?;
    let proof = inference.proof.to_bytes();
    let sealed = sealed.map(|(seal, opening)| (seal.to_bytes(), opening.to_bytes()));
    let mut files = vec![NewFile::public(&paths.proof, &proof)];
    if let (Some((seal, opening)), Some([seal_path, opening_path])) = (&sealed, &paths.sealed) {
        files.push(NewFile::public(seal_path, seal));
        files.push(NewFile::secret(opening_path, opening));
    }
    arguments.destination.write(&files)?;
    drop(session);
    drop(progress);
    let taken = start.elapsed().as_secs_f64();
    let Generated { prompt, answer, .. } = &generated;
    if json {
        print_json(&json!({
            "proof": foreign::json_path(&paths.proof),
            "seal": paths.sealed.as_ref().map(|[seal, _]| foreign::json_path(seal)),
            "opening": paths.sealed.as_ref().map(|[_, opening]| foreign::json_path(opening)),
            "bytes": proof.len(),
            "key": inference.proof.key.to_string(),
            "model": inference.proof.model().to_string(),
            "prompt": prompt,
            "answer": answer,
            "answer_text": tokenizer.as_ref().map(|tokenizer| tokenizer.decode(answer)),
            "generating_seconds": generating,
            "seconds": taken,
        }))?;
        return Ok(Outcome::Done);
    }
    generation::print_ids(prompt, answer, tokenizer.as_ref());
    say!(
        "generated in {}, proved in {}: {} ({})",
        seconds(generating),
        seconds(taken),
        foreign::path(&paths.proof),
        bytes(proof.len())
    );
    for path in paths.sealed.iter().flatten() {
        say!("{}  the ids, sealed", foreign::path(path));
    }
    Ok(Outcome::Done)
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
    proof: PathBuf,
    /// Seal and opening of the ids, if they are sealed.
    sealed: Option<[PathBuf; 2]>,
}

impl Paths {
    fn new(arguments: &Generate, circuit: &Circuit) -> Result<Self> {
        let ids = circuit.key().description().inputs.first();
        let sealed = ids.is_some_and(|ids| ids.visibility == Visibility::Sealed);
        let endings: &[&str] =
            if sealed { &["proof", "ids.seal", "ids.opening"] } else { &["proof"] };
        // A prompt in words has no file to lie beside.
        let prompt = arguments.prompt.as_ref().unwrap_or(&arguments.circuit);
        let named = arguments.destination.names(prompt, endings)?;
        let sealed = sealed.then(|| ["ids.seal", "ids.opening"].map(|ending| named.path(ending)));
        if circuit.graph().generator().is_none() {
            bail!(
                "{}: it does not generate; compile the model with --generate N",
                foreign::path(&arguments.circuit)
            );
        }
        Ok(Self { proof: named.path("proof"), sealed })
    }

    fn all(&self) -> Vec<PathBuf> {
        let sealed = self.sealed.iter().flatten().cloned();
        std::iter::once(self.proof.clone()).chain(sealed).collect()
    }
}
