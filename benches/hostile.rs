//! What a stranger's file costs: reading it, against its bytes; verifying by it, against the bound
//! that its key gives. Over hostile families and every network of the zoo; ends with an error if a
//! limit is broken.
//!
//! Each case is a process of its own: peak memory is the system's, time is processor time of all
//! threads. The argument verified is one of random form and the right length, so everything is done
//! but to accept it. Multiplications are timed in the same run, since machines differ.

#[path = "hostile/families.rs"]
mod families;
mod support;

use std::path::Path;
use std::process::{Command, ExitCode};

use cpu_time::ProcessTime;
use ff::{Field, PrimeField};
use pasta_curves::group::{Curve, Group, GroupEncoding};
use pasta_curves::{Eq, Fp};
use serde::{Deserialize, Serialize};
use zkinfer::verifier::argument::schedule::Sizes;
use zkinfer::verifier::circuit::sheet::Role;
use zkinfer::verifier::wire::seal::Record;
use zkinfer::verifier::{
    Cost, Parameters, Proof, Rejection, Seal, Statement, Value, VerifyingKey, Visibility,
    usable_rows,
};
use zkinfer::{Compile, Exposure, Objective};

/// Networks of the zoo with files of their own.
const NETWORKS: [&str; 8] = [
    "mlp-64-32-16-10",
    "cnn-8x8",
    "lenet5",
    "mlp-784-512-256-10",
    "twins",
    "mobilenetv2-32",
    "unet-32",
    "resnet8-32",
];
/// Tells a process of this bench that it is to verify what lies in a folder.
const FOLDER: &str = "ZKINFER_HOSTILE_FOLDER";

/// What a process measured of itself.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Measured {
    base: u64,
    read_bytes: u64,
    read_seconds: f64,
    bytes: u64,
    seconds: f64,
}

/// Peak memory of this process so far.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.expect("a system that counts peak memory") * 1024
}

/// An argument of the right length for a key, and what belongs to it.
fn bogus(key: &VerifyingKey, parameters: &Parameters) -> (Proof, Option<Seal>) {
    let point = (Eq::generator() * Fp::from(7)).to_affine().to_bytes();
    let description = key.description();
    let columns = |role| key.layout().sheet(role).map_or(0, |sheet| sheet.columns.len());
    let value = |visibility, elements: usize, least: i64, role| match visibility {
        Visibility::Public => Value::Public(vec![least; elements]),
        Visibility::Sealed => Value::Sealed(vec![point; columns(role)]),
        Visibility::Private => Value::Private,
    };
    let inputs = description.inputs.iter().enumerate();
    let inputs = inputs.map(|(index, input)| {
        value(input.visibility, input.shape.iter().product(), input.minimum, Role::Input(index))
    });
    let outputs = description.outputs.iter().zip(&key.analysis().outputs).enumerate();
    let outputs = outputs.map(|(index, (output, facts))| {
        value(output.visibility, facts.elements, facts.interval.minimum, Role::Output(index))
    });
    let statement = Statement { inputs: inputs.collect(), outputs: outputs.collect() };
    let argument = Sizes::of(key).parts().into_iter().flat_map(|(part, count)| {
        let element = if part.is_scalars() { Fp::from(3).to_repr() } else { point };
        std::iter::repeat_n(element, count).flatten()
    });
    let seal = key.has_sealed_weights().then(|| {
        let sheets: Vec<_> = key.layout().model_sheets().collect();
        let record = Record {
            k: description.k,
            usable: usable_rows(description.k),
            parameters: parameters.digest(),
            tensors: sheets.iter().map(|sheet| sheet.tensor.clone()).collect(),
            commitments: vec![point; sheets.iter().map(|sheet| sheet.columns.len()).sum()],
        };
        Seal { record, range_proofs: Vec::new() }
    });
    let digest = seal.as_ref().map(|seal| seal.record.digest());
    (Proof { key: key.digest(), seal: digest, statement, argument: argument.collect() }, seal)
}

/// Reads and verifies what lies in a folder.
fn verify(folder: &Path) -> Measured {
    let file = |name: &str| std::fs::read(folder.join(name));
    let mut measured = Measured { base: peak(), ..Measured::default() };
    let start = ProcessTime::now();
    let key = VerifyingKey::from_bytes(&file("key").expect("a key")).expect("a valid key");
    (measured.read_bytes, measured.read_seconds) = (peak(), start.elapsed().as_secs_f64());
    let k = key.description().k;
    let generators = file(&format!("../generators-{k}")).expect("parameters");
    let start = ProcessTime::now();
    let parameters = Parameters::read_for_verifying(k, &generators).expect("parameters");
    drop(generators);
    let proof = Proof::from_bytes(&file("proof").expect("a proof")).expect("a proof");
    let seal = file("seal").ok().map(|bytes| Seal::from_bytes(&bytes).expect("a seal"));
    let seal = seal.map(|seal| {
        let digest = seal.record.digest();
        seal.trust(digest).expect("its own digest")
    });
    let verdict = key.verify_sealed(&parameters, seal.as_ref(), &proof);
    assert_eq!(verdict, Err(Rejection::Opening), "everything but the opening is as it should be");
    (measured.bytes, measured.seconds) = (peak(), start.elapsed().as_secs_f64());
    measured
}

/// A field multiplication on this machine, now.
fn multiplication() -> f64 {
    const ROUNDS: u32 = 1 << 12;
    const LENGTH: u32 = 1 << 10;
    let elements: Vec<Fp> = (0..u64::from(LENGTH)).map(|i| Fp::from_raw([i, 2, 3, 4])).collect();
    let start = ProcessTime::now();
    let mut sum = Fp::ZERO;
    for _ in 0..ROUNDS {
        sum += elements.iter().zip(elements.iter().rev()).map(|(a, b)| *a * b).sum::<Fp>();
    }
    std::hint::black_box(sum);
    start.elapsed().as_secs_f64() / f64::from(ROUNDS * LENGTH)
}

/// Measures a key in a process of its own. Gives what is wrong.
fn case(name: &str, key: &VerifyingKey, folder: &Path) -> Vec<String> {
    let own = folder.join(name.replace(' ', "-"));
    std::fs::create_dir_all(&own).expect("a folder");
    let k = key.description().k;
    let generators = folder.join(format!("generators-{k}"));
    let parameters = Parameters::derive_for_verifying(k).expect("a supported size");
    if !generators.exists() {
        std::fs::write(&generators, parameters.to_bytes()).expect("a file");
    }
    let (proof, seal) = bogus(key, &parameters);
    let bytes = key.to_bytes();
    std::fs::write(own.join("key"), &bytes).expect("a file");
    std::fs::write(own.join("proof"), proof.to_bytes()).expect("a file");
    if let Some(seal) = seal {
        std::fs::write(own.join("seal"), seal.to_bytes()).expect("a file");
    }
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).env(FOLDER, &own).output().expect("this program");
    let Ok(measured) = serde_json::from_slice::<Measured>(&output.stdout) else {
        return vec![format!("{name}: {}", String::from_utf8_lossy(&output.stderr))];
    };
    let bound = Cost::of(key);
    let seconds = bound.multiplications as f64 * multiplication();
    let [memory, time] = [bound.bytes as f64 / measured.bytes as f64, seconds / measured.seconds];
    let read = measured.read_bytes.saturating_sub(measured.base);
    let allowed = 64 * bytes.len() as u64 + (64 << 20);
    let slow = measured.read_seconds / (bytes.len() as f64 / 1e6).max(0.05);
    println!(
        "| {name} | {} | {:.1} | {:.3} | {:.0} / {:.0} = {memory:.2} | {seconds:.3} / {:.3} = \
        {time:.2} |",
        bytes.len(),
        read as f64 / 1e6,
        measured.read_seconds,
        bound.bytes as f64 / 1e6,
        measured.bytes as f64 / 1e6,
        measured.seconds,
    );
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            wrong.push(format!("{name}: {what}"));
        }
    };
    check(read <= allowed, "reading takes more than 64 times the file's bytes and 64 MB");
    check(slow <= 1.0, "reading takes more than a second for each megabyte");
    check((1.0..=2.0).contains(&memory), "the bound on memory is not within a factor of two");
    check((1.0..=2.0).contains(&time), "the bound on time is not within a factor of two");
    wrong
}

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os(FOLDER) {
        println!("{}", serde_json::to_string(&verify(Path::new(&folder))).expect("numbers"));
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a folder");
    println!(
        "| case | file, bytes | reading, MB | s | verifying: bound / measured, MB | CPU-s \
        |\n|---|---|---|---|---|---|"
    );
    let mut wrong = Vec::new();
    for (name, description) in families::all() {
        wrong.extend(case(name, &families::key(description), folder.path()));
    }
    for name in NETWORKS {
        for (form, exposure) in [("public", Exposure::public()), ("sealed", Exposure::default())] {
            let (model, data) = support::load(name);
            let quantised =
                model.quantise(&model.calibrate(&data).expect("calibration")).expect("int8");
            let circuit = quantised.compile_with(&exposure, Objective::Prover).expect("a circuit");
            wrong.extend(case(&format!("{name} {form}"), circuit.key(), folder.path()));
        }
    }
    wrong.iter().for_each(|what| eprintln!("{what}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
