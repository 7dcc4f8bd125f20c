//! Data of many samples and of many kinds: all of them proven, tables, shapes.

mod desk;

use std::fs;

use desk::Desk;
use ndarray::Array2;
use ndarray_npy::write_npy;
use serde_json::Value;
use zkinfer_models::Dataset;
use zkinfer_models::integer::signature::Input;
use zkinfer_models::testing::onnx::{Builder, Op};

const CIRCUIT: &str = "mlp-64-32-16-10.zkc";

/// The first samples of the network's test set, as a table.
fn table(desk: &Desk, count: usize) {
    let input = Input { name: "image".into(), shape: vec![1, 64], grid: None };
    let data = Dataset::read(desk.path("test.npz"), &[input]).expect("data").first(count);
    let row = |row: Vec<String>| row.join(",");
    let names = row((0..64).map(|pixel| format!("pixel {pixel}")).collect());
    let rows = data
        .samples()
        .iter()
        .map(|sample| row(sample[0].iter().map(ToString::to_string).collect()));
    let text = std::iter::once(names).chain(rows).collect::<Vec<_>>().join("\n");
    fs::write(desk.path("digits.csv"), text).expect("a table");
}

#[test]
fn each_sample_gets_a_proof_of_its_own() {
    let desk = Desk::compiled();
    table(&desk, 3);
    desk.refuse(
        &["prove", CIRCUIT, "digits.csv"],
        &["it holds 3 samples, expected one; save a single sample, or take all of them with --all"],
    );
    // What is there already is not overwritten, and nothing else is written then.
    fs::write(desk.path("digits.2.proof"), "mine").expect("a file");
    desk.refuse(&["prove", CIRCUIT, "digits.csv", "--all"], &["digits.2.proof"]);
    fs::remove_file(desk.path("digits.2.proof")).expect("removed");

    let proven = desk.json(&["prove", CIRCUIT, "digits.csv", "--all"]);
    let ran = desk.json(&["run", CIRCUIT, "digits.csv", "--all"]);
    let (proofs, samples) = (list(&proven["proofs"]), list(&ran["samples"]));
    assert_eq!((proofs.len(), samples.len()), (3, 3));
    for (number, (proof, sample)) in (1..).zip(proofs.iter().zip(samples)) {
        let name = format!("digits.{number}.proof");
        assert!(proof["proof"].as_str().expect("a path").ends_with(&name));
        assert_eq!(proof["outputs"], sample["outputs"]);
        desk.succeed(&["verify", &name, "mlp-64-32-16-10.vk"]);
    }
    assert_ne!(samples[0]["outputs"], samples[1]["outputs"]);
    let text = desk.succeed(&["run", CIRCUIT, "digits.csv", "--all"]);
    assert!(text.contains("sample 3 of 3"), "{text}");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn shapes_are_fixed_from_the_command_line() {
    let desk = Desk::new();
    let model = "mlp-64-32-16-10.onnx";
    desk.refuse(
        &["compile", model, "--shape", "image=1,65"],
        &["but `--shape` says 1,65: dimension 1 is 64 and cannot be 65"],
    );
    desk.refuse(
        &["compile", model, "--shape", "x=1,64"],
        &["shape of \"x\": the model has no input of this name; its inputs are \"image\""],
    );
    let compiled = desk.json(&["compile", model, "--no-seal", "--shape", "image=2,64"]);
    assert!(!compiled["report"]["notes"].to_string().contains("dimension"), "{compiled}");
}

/// The lengths that the file leaves open, and whether its softmax is proven, are those that it was
/// compiled with: nobody says them twice.
#[test]
fn a_network_is_evaluated_as_it_was_compiled() {
    let desk = Desk::new();
    let builder = Builder::new(13)
        .batched_input("x", &[4])
        .floats(
            "w",
            &[4, 3],
            &[0.5, -1.0, 0.25, 1.0, 0.5, -0.5, -0.75, 0.125, 1.0, 0.25, 0.5, -1.0],
        )
        .node(Op::new("MatMul", &["x", "w"], &["h"]))
        .node(Op::new("Softmax", &["h"], &["y"]))
        .output("y");
    fs::write(desk.path("m.onnx"), builder.bytes()).expect("a file");
    let number = |(row, column): (usize, usize)| ((row * 7 + column * 3) % 11) as f32 / 5.0 - 1.0;
    write_npy(desk.path("x.npy"), &Array2::from_shape_fn((3, 4), number)).expect("a file");
    desk.succeed(&["compile", "m.onnx", "--calibration", "x.npy", "--shape", "x=3,4", "--no-seal"]);
    let evaluated = desk.json(&["evaluate", "m.onnx", "x.npy"]);
    assert_eq!(evaluated["samples"], 1, "{evaluated}");
    // Logits, which are beyond what probabilities are.
    assert!(evaluated["outputs"][0]["magnitude"].as_f64() > Some(1.01), "{evaluated}");

    let kept = ["compile", "m.onnx", "--calibration", "x.npy", "--softmax", "keep", "-o", "kept"];
    desk.succeed(&[&kept[..], &["--no-seal"]].concat());
    let evaluated = desk.json(&["evaluate", "m.onnx", "x.npy", "--circuit", "kept.zkc"]);
    assert_eq!(evaluated["samples"], 3, "{evaluated}");
    let output = &evaluated["outputs"][0];
    assert!(output["magnitude"].as_f64() < Some(1.0), "probabilities: {evaluated}");
    assert!(output["error"].as_f64() < Some(0.05), "{evaluated}");
    desk.refuse(
        &["evaluate", "m.onnx", "x.npy", "--circuit", "kept.zkc", "--dim", "batch=3"],
        &["\"x\" [1, 4]", "[[3, 4]]"],
    );
}
