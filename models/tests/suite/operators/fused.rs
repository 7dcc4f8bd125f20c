//! Attention, what stands before it, and what onnxruntime fuses.

use ndarray::ArrayD;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{defined, weights};

fn numbers(tensor: &ArrayD<f32>) -> Vec<f64> {
    tensor.iter().map(|&x| f64::from(x)).collect()
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let powers: Vec<f64> = scores.iter().map(|x| x.exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|x| x / total).collect()
}

/// Three queries of two numbers over as many keys, each allowed those that `sees` says.
fn attended(inputs: &[ArrayD<f32>], sees: impl Fn(usize, usize) -> bool) -> Vec<f64> {
    let [q, k, v] = [0, 1, 2].map(|index| numbers(&inputs[index]));
    let mut result = Vec::new();
    for row in 0..3 {
        let score = |key: usize| -> f64 {
            let dot: f64 = (0..2).map(|i| q[2 * row + i] * k[2 * key + i]).sum();
            if sees(row, key) { dot / 2f64.sqrt() } else { f64::NEG_INFINITY }
        };
        let none = (0..3).all(|key| !sees(row, key));
        let weights = softmax(&(0..3).map(score).collect::<Vec<_>>());
        for i in 0..2 {
            let sum = (0..3).map(|key| weights[key] * v[2 * key + i]).sum();
            result.push(if none { 0.0 } else { sum });
        }
    }
    result
}

#[test]
fn attention_to_known_keys() {
    let builder = |op: Op| {
        let inputs = ["q", "k", "v"].into_iter();
        let builder =
            inputs.fold(Builder::new(24), |builder, name| builder.input(name, &[1, 1, 3, 2]));
        builder.node(op).output("y")
    };
    let op = |inputs: &[&str]| Op::new("Attention", inputs, &["y"]);
    defined(builder(op(&["q", "k", "v"])), 5.0, |inputs| attended(inputs, |_, _| true));
    let causal = op(&["q", "k", "v"]).int("is_causal", 1);
    defined(builder(causal), 5.0, |inputs| attended(inputs, |query, key| key <= query));
    // The last query sees nothing.
    let mask = TensorProto {
        name: "m".into(),
        dims: vec![3, 3],
        data_type: DataType::Bool as i32,
        raw_data: vec![1, 0, 1, 0, 1, 1, 0, 0, 0].into(),
        ..TensorProto::default()
    };
    let masked = builder(op(&["q", "k", "v", "m"])).tensor(mask);
    let sees = |query: usize, key: usize| [[1, 0, 1], [0, 1, 1], [0, 0, 0]][query][key] == 1;
    defined(masked, 5.0, |inputs| attended(inputs, sees));
}

#[test]
fn positions_turn_pairs() {
    let (cosines, sines) = ([0.5, 1.0, -0.25, 0.0], [0.75, 0.0, 0.5, 1.0]);
    let builder = |interleaved: i64| {
        let op = Op::new("RotaryEmbedding", &["x", "c", "s", "p"], &["y"]);
        let positions = TensorProto {
            name: "p".into(),
            dims: vec![1, 1],
            data_type: DataType::Int64 as i32,
            raw_data: 1i64.to_le_bytes().to_vec().into(),
            ..TensorProto::default()
        };
        let builder = Builder::new(23).input("x", &[1, 1, 1, 4]);
        let builder = builder.floats("c", &[2, 2], &cosines).floats("s", &[2, 2], &sines);
        builder.tensor(positions).node(op.int("interleaved", interleaved)).output("y")
    };
    for (interleaved, [first, second]) in [(0, [[0, 1], [2, 3]]), (1, [[0, 2], [1, 3]])] {
        defined(builder(interleaved), 4.0, |inputs| {
            let x = numbers(&inputs[0]);
            let mut result = vec![0.0; 4];
            for pair in 0..2 {
                let (a, b) = (x[first[pair]], x[second[pair]]);
                let (c, s) = (f64::from(cosines[2 + pair]), f64::from(sines[2 + pair]));
                result[first[pair]] = a * c - b * s;
                result[second[pair]] = a * s + b * c;
            }
            result
        });
    }
}

#[test]
fn gates_and_causal_convolutions() {
    let builder = Builder::new(28).input("a", &[2, 4]).input("b", &[2, 4]);
    let gated =
        builder.node(Op::new("SwiGLU", &["a", "b"], &["y"]).float("alpha", 2.0)).output("y");
    defined(gated, 4.0, |inputs| {
        let pairs = inputs[0].iter().zip(&inputs[1]);
        pairs
            .map(|(&a, &b)| f64::from(a) / (1.0 + (-2.0 * f64::from(a)).exp()) * f64::from(b))
            .collect()
    });
    let builder =
        Builder::new(27).input("x", &[1, 2, 4]).floats("w", &[2, 1, 2], &[1.0, 0.5, -1.0, 2.0]);
    let op = Op::new("CausalConvWithState", &["x", "w"], &["y", "state"]);
    defined(builder.node(op).output("y"), 3.0, |inputs| {
        let (x, w) = (numbers(&inputs[0]), [[1.0, 0.5], [-1.0, 2.0]]);
        let value = |index: usize| {
            let before = if index.is_multiple_of(4) { 0.0 } else { x[index - 1] };
            w[index / 4][0] * before + w[index / 4][1] * x[index]
        };
        (0..8).map(value).collect()
    });
}

#[test]
fn what_onnxruntime_fuses() {
    let own = |name: &str, inputs: &[&str]| Op::new(name, inputs, &["y"]).domain("com.microsoft");
    let w = weights(6);
    let conv = own("FusedConv", &["x", "w", "", "z"]).string("activation", "LeakyRelu");
    let builder = Builder::new(13).input("x", &[1, 2, 5]).floats("w", &[3, 2, 1], &w);
    let builder = builder.input("z", &[1, 3, 5]);
    defined(builder.node(conv.floats("activation_params", &[0.25])).output("y"), 4.0, |inputs| {
        let (x, z) = (numbers(&inputs[0]), numbers(&inputs[1]));
        let value = |index: usize| {
            let term = |c: usize| f64::from(w[index / 5 * 2 + c]) * x[c * 5 + index % 5];
            let sum = term(0) + term(1) + z[index];
            if sum < 0.0 { 0.25 * sum } else { sum }
        };
        (0..15).map(value).collect()
    });
    let product = own("FusedMatMul", &["a", "b"]).float("alpha", 0.5).int("transB", 1);
    let builder =
        Builder::new(13).input("a", &[2, 3]).input("b", &[4, 3]).node(product).output("y");
    defined(builder, 4.0, |inputs| {
        let (a, b) = (numbers(&inputs[0]), numbers(&inputs[1]));
        let dot = |i: usize, j: usize| -> f64 { (0..3).map(|k| a[3 * i + k] * b[3 * j + k]).sum() };
        (0..8).map(|index| 0.5 * dot(index / 4, index % 4)).collect()
    });
    let skip = own("SkipSimplifiedLayerNormalization", &["a", "b", "g"]).float("epsilon", 1e-3);
    let builder = Builder::new(13).input("a", &[2, 4]).input("b", &[2, 4]);
    defined(builder.floats("g", &[4], &[2.0; 4]).node(skip).output("y"), 5.0, |inputs| {
        let pairs = inputs[0].iter().zip(&inputs[1]);
        let sums: Vec<f64> = pairs.map(|(&a, &b)| f64::from(a) + f64::from(b)).collect();
        let normal = |row: &[f64]| -> Vec<f64> {
            let square = row.iter().map(|x| x * x).sum::<f64>() / 4.0;
            row.iter().map(|x| 2.0 * x / (square + 1e-3).sqrt()).collect()
        };
        sums.chunks(4).flat_map(normal).collect()
    });
}
