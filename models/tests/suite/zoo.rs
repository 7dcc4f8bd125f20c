//! The shipped networks: int8 within half a point of float, and files quantised by
//! onnxruntime as good as their float originals; transformers besides by both of torch's exporters.

use std::path::{Path, PathBuf};

use zkinfer_models::float::reference::Executor;
use zkinfer_models::integer::interpreter::Interpreter;
use zkinfer_models::quantise::settings::{Bits, Options, Widths};
use zkinfer_models::{Dataset, Evaluation, Model, data};

fn zoo(name: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo").join(name).join(file)
}

/// The first samples of a test set: all where the network is small, some where running the
/// specification takes long.
fn test_set(name: &str, model: &Model, samples: usize) -> Dataset {
    Dataset::read(zoo(name, "test.npz"), model.inputs()).unwrap().first(samples)
}

fn evaluate(name: &str, file: &str, samples: usize, bits: Bits) -> Evaluation {
    let model = Model::load(zoo(name, file)).unwrap();
    let calibration = Dataset::read(zoo(name, "calibration.npz"), model.inputs()).unwrap();
    let test = test_set(name, &model, samples);
    let options = Options { widths: Widths::all(bits), ..Options::default() };
    let calibration = model.calibrate(&calibration).unwrap();
    let quantised = model.quantise_with(&calibration, &options).unwrap();
    let evaluation = model.evaluate(&quantised.graph, &test).unwrap();
    let error = &evaluation.outputs[0];
    println!(
        "{file}: float {:.2} %, int8 {:.2} %, agreement {:.2} % of {} samples; logits off by {:.3} \
        at most, {:.4} on average, of {:.1}",
        100.0 * evaluation.float_accuracy.unwrap(),
        100.0 * evaluation.int8_accuracy.unwrap(),
        100.0 * evaluation.agreement.unwrap(),
        evaluation.samples,
        error.all.largest,
        error.all.mean,
        error.all.magnitude
    );
    let sample = ["sample.npy", "sample.npz"]
        .map(|sample| zoo(name, sample))
        .into_iter()
        .find(|path| path.exists());
    let sample = data::read_sample(sample.unwrap(), &quantised.graph.signature()).unwrap();
    let inputs = quantised.graph.quantise_inputs(&sample).unwrap();
    let outputs = Interpreter::new(&quantised.graph).unwrap().run(&inputs).unwrap();
    assert_eq!(outputs[0].shape(), quantised.graph.shape(quantised.graph.outputs[0].value));
    evaluation
}

fn check(name: &str, samples: usize) {
    let own = evaluate(name, &format!("{name}.onnx"), samples, Bits::EIGHT);
    assert_eq!(own.float_by, Executor::Tract);
    let (float, int8) = (own.float_accuracy.unwrap(), own.int8_accuracy.unwrap());
    assert!(float >= 0.95);
    // One of 200 is just that.
    assert!((float - int8).abs() <= 0.005 + 1e-9, "float {float}, int8 {int8}");
    assert!(own.agreement.unwrap() >= 0.98);
    let given = evaluate(name, &format!("{name}.qdq.onnx"), samples, Bits::EIGHT);
    // tract's float operators are not what onnxruntime computes on integers.
    assert_eq!(given.float_by, Executor::Own);
    let int8 = given.int8_accuracy.unwrap();
    assert!((float - int8).abs() <= 0.015, "float {float}, as onnxruntime quantised it {int8}");
}

#[test]
fn small_mlp() {
    check("mlp-64-32-16-10", 360);
}

#[test]
fn small_cnn() {
    check("cnn-8x8", 360);
}

#[test]
fn lenet5() {
    check("lenet5", 360);
}

#[test]
fn large_mlp() {
    check("mlp-784-512-256-10", 360);
}

#[test]
fn two_inputs() {
    check("twins", 360);
}

#[test]
fn residual_network() {
    check("resnet8-32", 100);
}

#[test]
fn depthwise_network() {
    check("mobilenetv2-32", 200);
}

#[test]
fn segmenter() {
    check("unet-32", 50);
}

/// Of 360 samples, two.
const HALF_A_POINT: f64 = 2.0 / 360.0 + 1e-9;

/// The files of a transformer: by torch's exporters, and as onnxruntime quantised it.
const BOTH: [&str; 3] = ["", ".script", ".qdq"];
const ONE: [&str; 2] = ["", ".qdq"];

/// A transformer as exporters write it, and as onnxruntime quantised that, with activations of 12
/// bits where the file has none.
fn check_transformer(name: &str, files: &[&str], samples: usize, least: f64, agreement: f64) {
    for ending in files {
        let file = format!("{name}{ending}.onnx");
        let found = evaluate(name, &file, samples, Bits::TWELVE);
        let (float, int8) = (found.float_accuracy.unwrap(), found.int8_accuracy.unwrap());
        assert!(float >= least, "{file}: float {float}");
        assert!((float - int8).abs() <= HALF_A_POINT, "{file}: float {float}, int8 {int8}");
        // The file's own 8 bits keep less.
        let least = if file.ends_with(".qdq.onnx") { agreement - 0.02 } else { agreement };
        assert!(found.agreement.unwrap() >= least, "{file}: {:?}", found.agreement);
    }
}

#[test]
fn one_block_transformer() {
    check_transformer("transformer-16", &BOTH, 360, 0.94, 0.98);
}

#[test]
fn vision_transformer() {
    check_transformer("vit-8x8", &BOTH, 360, 0.97, 0.98);
}

#[test]
fn language_model() {
    check_transformer("nanogpt-64", &ONE, 16, 0.77, 0.97);
    let found = evaluate("nanogpt-64", "nanogpt-64.onnx", 4, Bits::TWELVE);
    let [float, integers] = found.perplexity.unwrap();
    assert!((2.0..3.0).contains(&float) && (integers / float - 1.0).abs() < 0.01, "{integers}");
}

#[test]
fn without_data_ranges_come_from_the_input_range() {
    let model = Model::load(zoo("lenet5", "lenet5.onnx")).unwrap();
    let quantised = model.quantise(&model.calibrate_input_range(0.0, 1.0).unwrap()).unwrap();
    let evaluation = model.evaluate(&quantised.graph, &test_set("lenet5", &model, 100)).unwrap();
    assert!(evaluation.int8_accuracy.unwrap() >= 0.9);
}
