//! What verifying may take is known before it starts, and more than is allowed is refused with the
//! figures.

mod desk;

use std::time::Duration;

use desk::Desk;
use zkinfer::verification::{SealRefusal, check_seal};
use zkinfer::verifier::circuit::description::{
    Contract, Form, Function, Input, Node, Operator, Output, OutputSource, Quantisation,
    Requantise, Scheme, Weights,
};
use zkinfer::verifier::wire::seal::Record;
use zkinfer::verifier::{
    Budget, Description, Parameters, Proof, Rejection, Seal, Statement, Value, VerifyingKey,
    Visibility, usable_rows,
};

const READING: Scheme = Scheme::PerTensor(Quantisation { scale: 1.0, zero_point: 0 });

fn refused(desk: &Desk, arguments: &[&str], parts: &[&str]) {
    let output = desk.run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(parts.iter().all(|part| stderr.contains(part)), "{stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_budget_that_is_too_small_is_said_with_the_figures() {
    let desk = Desk::proven();
    refused(
        &desk,
        &["verify", "sample.proof", "--memory", "1"],
        &["may take up to", "the 1 MB and 600 seconds allowed", "--memory MB"],
    );
    refused(
        &desk,
        &["verify", "sample.proof", "--time", "0"],
        &["may take up to", "4000 MB and 0 seconds allowed"],
    );
    desk.succeed(&["verify", "sample.proof"]);
}

#[test]
fn work_that_is_predicted_to_take_too_much_memory_is_refused_before_it_begins() {
    let desk = Desk::new();
    let with = |arguments: &[&'static str], most| [arguments, &["--max-memory", most]].concat();
    let model = "mlp-64-32-16-10.zkc";
    let compile =
        ["compile", "mlp-64-32-16-10.onnx", "--calibration", "calibration.npz", "--no-seal"];
    let commands: [(&str, &[&'static str]); 3] = [
        ("compiling", &compile),
        ("sealing", &["seal", model]),
        ("proving", &["prove", model, "sample.npy"]),
    ];
    for (what, arguments) in commands {
        let expected = ["is predicted to take", "more than the 1000.0 kB of --max-memory", "--dim"];
        desk.refuse(&with(arguments, "1MB"), &[&[what], &expected[..]].concat());
        desk.succeed(&with(arguments, "1GB"));
    }
}

/// A key of a few hundred bytes, and a proof that names it.
fn write(desk: &Desk, name: &str, description: Description) {
    let key = VerifyingKey::new(description).expect("a valid description");
    let statement =
        Statement { inputs: vec![Value::Private], outputs: vec![Value::Public(Vec::new())] };
    let proof = Proof { key: key.digest(), seal: None, statement, argument: Vec::new() };
    let file = |extension: &str, bytes: Vec<u8>| {
        std::fs::write(desk.path(&format!("{name}.{extension}")), bytes).expect("a file");
    };
    file("vk", key.to_bytes());
    file("proof", proof.to_bytes());
}

fn description(k: u32, shape: &[usize], nodes: Vec<Operator>, output: &[usize]) -> Description {
    let source = OutputSource::Node(nodes.len());
    let node = |operator| Node { name: "n".into(), operator };
    let mut description = Description {
        name: "hostile".into(),
        k,
        limb_bits: 1,
        bias_digits: u32::from(nodes.iter().any(Operator::has_sealed_weights)),
        inputs: vec![Input {
            name: "x".into(),
            shape: shape.to_vec(),
            minimum: 0,
            maximum: 255,
            quantisation: READING,
            visibility: Visibility::Private,
        }],
        functions: vec![Function::clamp(0, 1)],
        nodes: std::iter::once(Operator::Input(0)).chain(nodes).map(node).collect(),
        outputs: vec![Output {
            name: "y".into(),
            shape: output.to_vec(),
            source,
            quantisation: READING,
            visibility: Visibility::Public,
        }],
    };
    description.number_functions();
    description
}

fn clamp(input: usize, shift: u32) -> Operator {
    Operator::Requantise(Requantise { input, shift, function: 0, form: Form::Wide })
}

#[test]
fn a_short_key_that_asks_for_gigabytes() {
    let desk = Desk::new();
    write(&desk, "hostile", description(16, &[1 << 23], vec![clamp(0, 60)], &[1 << 23]));
    refused(
        &desk,
        &["verify", "hostile.proof"],
        &["hostile.vk", "may take up to", "the 4000 MB and 600 seconds allowed"],
    );
}

#[test]
fn a_seal_whose_range_proof_takes_more_than_is_allowed() {
    let contract = Contract {
        input: 0,
        rows: 4096,
        groups: 1,
        kernel: [1; 2],
        strides: [1; 2],
        pads: [0; 4],
        dilations: [1; 2],
        weights: Weights::Sealed,
        row_factors: vec![1; 4096],
        column_factors: vec![],
        bias: vec![0; 4096],
    };
    let sealed =
        description(12, &[512, 1, 1], vec![Operator::Contract(contract), clamp(1, 4)], &[4096]);
    let key = VerifyingKey::new(sealed).expect("a valid description");
    let sheets: Vec<_> = key.layout().model_sheets().collect();
    let parameters = Parameters::derive_for_verifying(12).expect("a supported size");
    let record = Record {
        k: 12,
        usable: usable_rows(12),
        parameters: parameters.digest(),
        tensors: sheets.iter().map(|sheet| sheet.tensor.clone()).collect(),
        commitments: vec![[0; 32]; sheets.iter().map(|sheet| sheet.columns.len()).sum()],
    };
    let (seal, parameters) = (Seal { record, range_proofs: Vec::new() }, parameters);
    let check = |bytes, milliseconds| {
        let budget = Budget { bytes, time: Duration::from_millis(milliseconds) };
        check_seal(seal.clone(), &key, &parameters, None, budget).expect_err("no range proof")
    };
    for (bytes, milliseconds) in [(1 << 20, 60_000), (1 << 30, 50)] {
        let refusal = check(bytes, milliseconds);
        assert!(matches!(refusal, SealRefusal::TooCostly(_)), "{refusal:?}");
    }
    let missing = Rejection::SealParts { expected: 1, got: 0 };
    let refusal = check(1 << 30, 60_000);
    assert!(matches!(&refusal, SealRefusal::Rejected(why) if *why == missing), "{refusal:?}");
}
