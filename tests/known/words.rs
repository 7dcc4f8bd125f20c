//! A small transformer: four words of a table, a norm, a head of causal attention, a gate.

use ndarray::ArrayD;
use zkinfer::Model;
use zkinfer::models::testing::onnx::messages::DataType;
use zkinfer::models::testing::onnx::messages::tensor_shape_proto::Length;
use zkinfer::models::testing::onnx::{Builder, Op};
use zkinfer::models::{Dataset, Quantised};

const LENGTH: usize = 4;
const WIDTH: usize = 8;
const WORDS: usize = 11;

/// Real numbers of at most `most` in size, each seed its own.
fn noise(count: usize, seed: usize, most: f32) -> Vec<f32> {
    (0..count).map(|at| ((at * seed + at * at) % 23) as f32 / 11.0 * most - most).collect()
}

/// The float network.
fn model() -> Model {
    let square = [WIDTH as i64; 2];
    let weights = |seed| noise(WIDTH * WIDTH, seed, 0.6);
    let mask: Vec<f32> =
        (0..LENGTH * LENGTH).map(|at| if at % LENGTH > at / LENGTH { -1e9 } else { 0.0 }).collect();
    let shape = [1, LENGTH as i64].map(Length::DimValue);
    let builder = Builder::new(17)
        .typed_input("ids", DataType::Int64, shape.into())
        .floats("table", &[WORDS as i64, WIDTH as i64], &noise(WORDS * WIDTH, 37, 1.0))
        .floats("scale", &[WIDTH as i64], &noise(WIDTH, 5, 1.5))
        .floats("queries", &square, &weights(41))
        .floats("keys", &square, &weights(29))
        .floats("values", &square, &weights(13))
        .floats("root", &[1], &[0.35])
        .floats("mask", &[LENGTH as i64; 2], &mask)
        .node(Op::new("Gather", &["table", "ids"], &["words"]))
        .node(Op::new("LayerNormalization", &["words", "scale"], &["normed"]))
        .node(Op::new("MatMul", &["normed", "queries"], &["q"]))
        .node(Op::new("MatMul", &["normed", "keys"], &["k"]))
        .node(Op::new("MatMul", &["normed", "values"], &["v"]))
        .node(Op::new("Transpose", &["k"], &["kt"]).ints("perm", &[0, 2, 1]))
        .node(Op::new("MatMul", &["q", "kt"], &["products"]))
        .node(Op::new("Mul", &["products", "root"], &["scores"]))
        .node(Op::new("Add", &["scores", "mask"], &["masked"]))
        .node(Op::new("Softmax", &["masked"], &["weights"]).int("axis", -1))
        .node(Op::new("MatMul", &["weights", "v"], &["mixed"]))
        .node(Op::new("Mul", &["mixed", "v"], &["gated"]))
        .node(Op::new("Add", &["gated", "words"], &["y"]))
        .output("y");
    Model::from_bytes("words.onnx", &builder.bytes()).expect("a model")
}

fn ids(sample: usize) -> ArrayD<f32> {
    let ids = (0..LENGTH).map(|at| ((sample * 7 + at * (sample + 3)) % WORDS) as f32).collect();
    ArrayD::from_shape_vec(vec![1, LENGTH], ids).expect("four words")
}

/// Quantised with sequences that meet every word.
pub fn quantised() -> Quantised {
    let model = model();
    let samples = (0..32).map(|sample| vec![ids(sample)]).collect();
    let data = Dataset::new(samples, None).expect("samples");
    model.quantise(&model.calibrate(&data).expect("ranges")).expect("integers")
}

/// What is proven.
pub fn sample() -> Vec<ArrayD<f32>> {
    vec![ids(5)]
}
