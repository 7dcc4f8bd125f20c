//! Operators that ONNX, or the file itself, defines by others.

use ndarray::ArrayD;
use zkinfer_models::Model;
use zkinfer_models::testing::onnx::messages::AttributeType;
use zkinfer_models::testing::onnx::{Builder, Op};

use super::unary;
use crate::support::{close, defined, refusal, weights};

/// Rows of a sample's first input.
fn rows(inputs: &[ArrayD<f32>], length: usize) -> Vec<Vec<f64>> {
    let numbers: Vec<f64> = inputs[0].iter().map(|&x| f64::from(x)).collect();
    numbers.chunks(length).map(<[f64]>::to_vec).collect()
}

fn mean(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len() as f64
}

/// A row less its mean, over its deviation.
fn normal(row: &[f64], epsilon: f64) -> Vec<f64> {
    let centre = mean(row);
    let variance = mean(&row.iter().map(|x| (x - centre).powi(2)).collect::<Vec<_>>());
    row.iter().map(|x| (x - centre) / (variance + epsilon).sqrt()).collect()
}

#[test]
fn layers_are_normalised() {
    let (scale, bias) = (weights(8), weights(7)[..6].to_vec());
    let bias = [&bias[..], &[0.5, -0.5]].concat();
    let op = |inputs: &[&str]| Op::new("LayerNormalization", inputs, &["y"]).float("epsilon", 1e-3);
    let builder = |op: Op| {
        let builder = Builder::new(17).input("x", &[1, 3, 8]).floats("s", &[8], &scale);
        builder.floats("b", &[8], &bias).node(op).output("y")
    };
    let expected = |inputs: &[ArrayD<f32>], bias: &[f32]| -> Vec<f64> {
        let rows = rows(inputs, 8).into_iter().map(|row| normal(&row, 1e-3));
        let scaled = rows.flat_map(|row| {
            let terms = row.into_iter().zip(&scale).zip(bias);
            terms.map(|((x, &s), &b)| x * f64::from(s) + f64::from(b)).collect::<Vec<_>>()
        });
        scaled.collect()
    };
    defined(builder(op(&["x", "s", "b"])), 5.0, |x| expected(x, &bias));
    defined(builder(op(&["x", "s"]).int("axis", 2)), 5.0, |x| expected(x, &[0.0; 8]));
}

#[test]
fn groups_are_normalised() {
    let builder = Builder::new(21).input("x", &[1, 4, 3]);
    let builder = builder.floats("s", &[4], &[1.0, 2.0, -1.0, 0.5]).floats("b", &[4], &[0.25; 4]);
    let op = Op::new("GroupNormalization", &["x", "s", "b"], &["y"]).int("num_groups", 2);
    defined(builder.node(op).output("y"), 5.0, |inputs| {
        let rows = rows(inputs, 6).into_iter().flat_map(|row| normal(&row, 1e-5));
        let scale = |index: usize| [1.0, 2.0, -1.0, 0.5][index / 3];
        rows.enumerate().map(|(index, x)| x * scale(index) + 0.25).collect()
    });
}

#[test]
fn norms_are_made_one() {
    let norm = |p: i64| {
        let op = Op::new("LpNormalization", &["x"], &["y"]).int("p", p);
        unary(18, &[2, 5], op)
    };
    defined(norm(1), 3.0, |inputs| {
        let norm = |row: &[f64]| row.iter().map(|x| x.abs()).sum::<f64>();
        rows(inputs, 5).iter().flat_map(|row| row.iter().map(|x| x / norm(row))).collect()
    });
    defined(norm(2), 3.0, |inputs| {
        let norm = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
        rows(inputs, 5).iter().flat_map(|row| row.iter().map(|x| x / norm(row))).collect()
    });
    let op = Op::new("RMSNormalization", &["x", "s"], &["y"]);
    let builder = Builder::new(23).input("x", &[2, 5]).floats("s", &[5], &[2.0; 5]);
    defined(builder.node(op).output("y"), 4.0, |inputs| {
        let square = |row: &[f64]| mean(&row.iter().map(|x| x * x).collect::<Vec<_>>());
        let rows = rows(inputs, 5);
        rows.iter()
            .flat_map(|row| row.iter().map(|x| 2.0 * x / (square(row) + 1e-5).sqrt()))
            .collect()
    });
}

#[test]
fn losses_count_the_target() {
    let loss = |op: Op| {
        let builder = Builder::new(13).input("x", &[3, 4]).floats("w", &[4], &[1.0, 2.0, 3.0, 4.0]);
        builder.integers("t", &[2, -1, 1]).node(op).output("y")
    };
    let op = |name: &str| Op::new(name, &["x", "t", "w"], &["y"]).int("ignore_index", -1);
    defined(loss(op("NegativeLogLikelihoodLoss").string("reduction", "none")), 3.0, |inputs| {
        let x = rows(inputs, 4);
        vec![-3.0 * x[0][2], 0.0, -2.0 * x[2][1]]
    });
    defined(loss(op("SoftmaxCrossEntropyLoss")), 6.0, |inputs| {
        let x = rows(inputs, 4);
        let total = |row: &[f64]| row.iter().map(|x| x.exp()).sum::<f64>().ln();
        let (first, last) = (x[0][2] - total(&x[0]), x[2][1] - total(&x[2]));
        vec![-(3.0 * first + 2.0 * last) / 5.0]
    });
}

/// `f(x; a) = LeakyRelu(x, a) + x`, and what applies it twice.
fn of_its_own(outer: Builder) -> Builder {
    let leaky = Op::new("LeakyRelu", &["x"], &["t"]);
    let body = Builder::new(13)
        .input("x", &[])
        .node(leaky.reference("alpha", AttributeType::Float, "a"))
        .node(Op::new("Add", &["t", "x"], &["y"]))
        .output("y");
    let twice = Builder::new(13)
        .input("x", &[])
        .node(Op::new("f", &["x"], &["t"]).domain("own").float("a", 0.5))
        .node(Op::new("f", &["t"], &["y"]).domain("own"))
        .output("y");
    let builder = outer.function("own", "f", body).function("own", "g", twice);
    builder.node(Op::new("g", &["x"], &["y"]).domain("own")).output("y")
}

#[test]
fn functions_of_the_file_are_inlined() {
    let case = close(of_its_own(Builder::new(13).input("x", &[1, 6])), 3.0, &["Activation"]);
    // Both are told apart, and the second has ONNX's slope.
    let names: Vec<&str> = case.model.graph().nodes.iter().map(|node| &*node.name).collect();
    assert_eq!(names, ["y_node/y_node/y_node"]);
    defined(of_its_own(Builder::new(13).input("x", &[1, 6])), 3.0, |inputs| {
        let f = |x: f64, slope: f64| x + if x < 0.0 { slope * x } else { x };
        inputs[0].iter().map(|&x| f(f(f64::from(x), 0.5), 0.01)).collect()
    });
}

#[test]
fn functions_without_end_are_refused() {
    let node = || Op::new("f", &["x"], &["y"]).domain("own");
    let body = || Builder::new(13).input("x", &[]).node(node()).output("y");
    let builder = Builder::new(13).input("x", &[1, 6]).function("own", "f", body());
    let message = refusal(builder.node(node()).output("y"));
    assert!(message.contains("function \"f\": it applies itself"), "{message}");
    let relu = Builder::new(12).input("x", &[]).node(Op::new("Relu", &["x"], &["y"])).output("y");
    let builder = Builder::new(13).input("x", &[1, 6]).function("own", "f", relu);
    let message = refusal(builder.node(node()).output("y"));
    assert!(message.contains("written in opset 12, and the model in opset 13"), "{message}");
}

/// A small file does not become large memory: 4 MB that are applied 20 times.
#[test]
fn constants_inside_of_functions_are_not_copied_without_end() {
    let constant = Op::new("Constant", &[], &["c"]).floats("value_floats", &[0.5; 1 << 20]);
    let body = Builder::new(13).input("x", &[]).node(constant);
    let body = body.node(Op::new("Add", &["x", "c"], &["y"])).output("y");
    let mut builder = Builder::new(13).input("v0", &[1, 1 << 20]).function("own", "f", body);
    for index in 0..20 {
        let (from, to) = (format!("v{index}"), format!("v{}", index + 1));
        builder = builder.node(Op::new("f", &[&from], &[&to]).domain("own"));
    }
    let message = refusal(builder.output("v20"));
    assert!(message.contains("functions become more than 67108864 bytes of nodes"), "{message}");
}

/// What cannot be imported inside of a function is said of the node that applies it.
#[test]
fn faults_inside_are_those_of_the_node() {
    let op = Op::new("NegativeLogLikelihoodLoss", &["x", "t"], &["y"]);
    let builder = Builder::new(13).input("x", &[3, 4]).input("t", &[3]);
    let message = refusal(builder.node(op).output("y"));
    assert!(message.contains("\"y_node\" (NegativeLogLikelihoodLoss): its targets: "), "{message}");
    let op = Op::new("LayerNormalization", &["x", "s"], &["y"]);
    let builder = Builder::new(17).input("x", &[3, 4]).floats("s", &[3], &[1.0; 3]);
    let message = refusal(builder.node(op).output("y"));
    assert!(message.contains("(LayerNormalization): its Mul: "), "{message}");
}

/// An operator that is a function of ONNX's of the same name, with a value of the same name inside.
#[test]
fn functions_of_the_same_name_keep_their_values_apart() {
    let body = Builder::new(21)
        .input("x", &[])
        .input("s", &[])
        .node(Op::new("Neg", &["x"], &["d"]))
        .node(Op::new("LayerNormalization", &["d", "s"], &["y"]))
        .output("y");
    let network = Builder::new(21)
        .function("mine", "LayerNormalization", body)
        .input("x", &[1, 4])
        .floats("s", &[4], &[1.0; 4])
        .node(Op::new("LayerNormalization", &["x", "s"], &["y"]).domain("mine"))
        .output("y");
    let model = Model::from_bytes("m.onnx", &network.bytes()).unwrap();
    let x = ArrayD::from_shape_vec(vec![1, 4], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let found = model.run_own(&[x]).unwrap();
    let expected = [1.341_635, 0.447_212, -0.447_212, -1.341_635];
    assert!(found[0].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?}");
}
