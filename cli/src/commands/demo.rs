//! `zkinfer demo`: the main job on a shipped network, shown stage by stage.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zkinfer::foreign;
use zkinfer::models::Dataset;
use zkinfer::verifier::{Proof, VerifyingKey};
use zkinfer::{Compile as _, Model, Objective, Seal, Stage, verify};

use crate::arguments::Demo;
use crate::loading::parameters;
use crate::outcome::Outcome;
use crate::screen::{Lap, Progress, Stages, bytes, picture, print_json, say, seconds};

const MODEL: &[u8] = include_bytes!("../../../models/zoo/lenet5/lenet5.onnx");
const CALIBRATION: &[u8] = include_bytes!("../../../models/zoo/lenet5/calibration.npz");
const TEST: &[u8] = include_bytes!("../../../models/zoo/lenet5/test.npz");
const SIDE: usize = 28;

pub fn run(arguments: &Demo, json: bool) -> Result<Outcome> {
    let show = |line: String| {
        if !json {
            say!("{line}");
        }
    };
    let files = tempfile::tempdir().context("no temporary directory")?;
    let shipped = |name: &str, content: &[u8]| {
        let path = files.path().join(name);
        std::fs::write(&path, content).with_context(|| foreign::path(&path)).map(|()| path)
    };

    show(format!("LeNet-5, trained on handwritten digits ({})", bytes(MODEL.len())));
    let start = Instant::now();
    let progress = Progress::new("compiling");
    let model = Model::from_bytes("lenet5.onnx", MODEL)?;
    let calibration = Dataset::read(shipped("calibration.npz", CALIBRATION)?, model.inputs())?;
    let circuit = model.quantise(&model.calibrate(&calibration)?)?.compile(Objective::Prover)?;
    let key_file = circuit.key().to_bytes();
    drop(progress);
    let compiled = start.elapsed().as_secs_f64();
    let layout = circuit.key().layout();
    let k = circuit.key().description().k;
    show(format!(
        "compiled   {:>8}  quantised to int8; 2^{k} rows, {} columns, {} lookups; key {}, no other \
        set-up",
        seconds(compiled),
        layout.columns(),
        layout.lookups.len(),
        bytes(key_file.len())
    ));

    let start = Instant::now();
    let parameters = parameters(k)?;
    let loaded = start.elapsed().as_secs_f64();
    show(format!(
        "parameters {:>8}  hashed from a fixed string: no trusted set-up; cached",
        seconds(loaded)
    ));

    let start = Instant::now();
    let progress = Progress::new("sealing the weights");
    let (seal, opening) = circuit.seal(&parameters)?;
    drop(progress);
    let sealed = start.elapsed().as_secs_f64();
    let seal_file = seal.to_bytes();
    show(format!(
        "sealed     {:>8}  the weights stay secret; {} commitments, seal {}, once per model",
        seconds(sealed),
        seal.record.commitments.len(),
        bytes(seal_file.len())
    ));

    let test = Dataset::read(shipped("test.npz", TEST)?, model.inputs())?;
    let Some(inputs) = test.samples().get(arguments.index) else {
        bail!("--index {}: the test set has {} digits", arguments.index, test.samples().len());
    };
    let label = test.labels().and_then(|labels| labels.get(arguments.index)?.first());
    if let Some(pixels) = inputs.first().and_then(|image| image.as_slice()) {
        show(String::new());
        picture(pixels, SIDE).lines().for_each(|line| show(line.into()));
        show(String::new());
    }

    let running = Stage::Running.name();
    let (progress, stages) = (Progress::new(running), Stages::new(running));
    let observer = |stage: Stage| {
        stages.enter(stage.name());
        progress.stage(stage.name());
    };
    let proof = circuit.session(&parameters, Some(&opening))?.observer(&observer).prove(inputs)?;
    let laps = stages.finish();
    drop(progress);
    let proof_file = proof.to_bytes();
    let proved: f64 = laps.iter().map(|lap| lap.wall).sum();
    show(format!("proved     {:>8}  proof {}", seconds(proved), bytes(proof.argument.len())));
    for Lap { name, wall, .. } in &laps {
        show(format!("           {:>8}    {name}", seconds(*wall)));
    }

    // From here on, only what a verifier has: three files. The seal's own proof is checked once,
    // then its digest is known.
    let start = Instant::now();
    let seal = Seal::from_bytes(&seal_file)?.check(&parameters)?;
    let checked = start.elapsed().as_secs_f64();
    show(format!(
        "seal check {:>8}  every weight is in its range; once per verifier",
        seconds(checked)
    ));
    let start = Instant::now();
    let (key, proof) = (VerifyingKey::from_bytes(&key_file)?, Proof::from_bytes(&proof_file)?);
    let outputs = verify(&key, &parameters, Some(&seal), &proof)?;
    let verified = start.elapsed().as_secs_f64();
    let class = outputs
        .first()
        .and_then(|output| output.class)
        .context("the network has no class output")?;
    show(format!("verified   {:>8}  the network says {class}", seconds(verified)));

    let mut forged = proof.clone();
    let output = forged.statement.outputs.first_mut();
    let scores = output
        .and_then(|value| value.integers_mut())
        .context("the network has no public output")?;
    let other = (class + 1) % scores.len();
    scores.swap(class, other);
    let rejection = match verify(&key, &parameters, Some(&seal), &forged) {
        Ok(_) => bail!("a forged proof was accepted: please report this"),
        Err(rejection) => rejection,
    };
    show(format!("rejected             the same proof for class {other}: {rejection}"));
    // Other weights have another seal, so a proof by them names another model.
    let (other_seal, _) = circuit.seal(&parameters)?;
    let other_seal = other_seal.check(&parameters)?;
    let foreign = match verify(&key, &parameters, Some(&other_seal), &proof) {
        Ok(_) => bail!("a proof was accepted under another seal: please report this"),
        Err(rejection) => rejection,
    };
    show(format!("rejected             the same proof under another seal: {foreign}"));
    if json {
        let stages: Vec<_> =
            laps.iter().map(|lap| json!({ "name": lap.name, "seconds": lap.wall })).collect();
        print_json(&json!({
            "model": key.description().name,
            "label": label,
            "class": class,
            "seconds": {
                "compile": compiled, "parameters": loaded, "seal": sealed,
                    "check_seal": checked, "prove": proved, "verify": verified,
            },
            "stages": stages,
            "bytes": { "key": key_file.len(), "seal": seal_file.len(),
                "proof": proof.argument.len() },
            "forgery": { "class": other, "rejected": rejection.to_string() },
            "other_seal": { "rejected": foreign.to_string() },
        }))?;
    }
    Ok(Outcome::Done)
}
