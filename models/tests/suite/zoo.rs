//! The shipped networks: int8 within one percentage point of float.

use std::path::{Path, PathBuf};

use zkinfer_models::interpreter::Interpreter;
use zkinfer_models::{Dataset, Model, data};

fn zoo(name: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo").join(name).join(file)
}

fn check(name: &str) {
    let model = Model::load(zoo(name, &format!("{name}.onnx"))).unwrap();
    let calibration = Dataset::read(zoo(name, "calibration.npz"), model.inputs()).unwrap();
    let test = Dataset::read(zoo(name, "test.npz"), model.inputs()).unwrap();
    for source in ["calibration data", "input range 0..1"] {
        let calibration = match source {
            "calibration data" => model.calibrate(&calibration),
            _ => model.calibrate_input_range(0.0, 1.0),
        };
        let quantised = model.quantise(&calibration.unwrap()).unwrap();
        let evaluation = model.evaluate(&quantised.graph, &test).unwrap();
        let (float, int8) = (evaluation.float_accuracy.unwrap(), evaluation.int8_accuracy.unwrap());
        let error = &evaluation.outputs[0];
        println!(
            "{name}, {source}: float {:.2} %, int8 {:.2} %, agreement {:.2} % of {}; logits off by {:.3} at most, {:.4} on average, of {:.1}",
            100.0 * float,
            100.0 * int8,
            100.0 * evaluation.agreement,
            evaluation.samples,
            error.largest,
            error.mean,
            error.magnitude
        );
        for node in &quantised.report.nodes {
            println!(
                "  {} {} {:?} shift {:?} multipliers {:?}",
                node.name, node.operator, node.shape, node.shift, node.multipliers
            );
        }
        if source == "calibration data" {
            assert!(float >= 0.95);
            assert!((float - int8).abs() <= 0.01, "float {float}, int8 {int8}");
            assert!(evaluation.agreement >= 0.99);
            let sample = data::read_sample(zoo(name, "sample.npy"), &quantised.graph.signature()).unwrap();
            let inputs = quantised.graph.quantise_inputs(&sample).unwrap();
            let outputs = Interpreter::new(&quantised.graph).unwrap().run(&inputs).unwrap();
            assert_eq!(outputs[0].shape(), [1, 10]);
        }
    }
}

#[test]
fn small_mlp() {
    check("mlp-64-32-16-10");
}

#[test]
fn small_cnn() {
    check("cnn-8x8");
}

#[test]
fn lenet5() {
    check("lenet5");
}

#[test]
fn large_mlp() {
    check("mlp-784-512-256-10");
}
