//! Conv, Gemm, MatMul, BatchNormalization.

use zkinfer_models::float::graph::Operator;
use zkinfer_models::testing::onnx::{Builder, Op};

use super::{conv, conv_op};
use crate::support::{case, close, defined, weights};

#[test]
fn conv_in_two_dimensions() {
    close(conv(conv_op(), &[3, 2, 3, 3], &[2, 6, 5]).output("y"), 3.0, &["Convolution"]);
    let strided = conv_op()
        .ints("strides", &[2, 1])
        .ints("pads", &[1, 0, 2, 1])
        .ints("dilations", &[1, 2])
        .ints("kernel_shape", &[3, 2]);
    let case = close(conv(strided, &[3, 2, 3, 2], &[2, 6, 5]).output("y"), 3.0, &["Convolution"]);
    assert_eq!(case.quantised.graph.nodes[0].shape, [1, 3, 4, 4]);
}

#[test]
fn conv_in_one_dimension() {
    let op = conv_op().ints("pads", &[1, 1]).ints("strides", &[2]);
    let case = close(conv(op, &[4, 3, 3], &[3, 9]).output("y"), 3.0, &["Convolution"]);
    assert_eq!(case.quantised.graph.nodes[0].shape, [1, 4, 5]);
}

#[test]
fn conv_with_groups() {
    close(
        conv(conv_op().int("group", 2), &[4, 2, 2, 2], &[4, 4, 4]).output("y"),
        3.0,
        &["Convolution"],
    );
    // Depthwise.
    close(
        conv(conv_op().int("group", 3), &[3, 1, 3, 3], &[3, 5, 5]).output("y"),
        3.0,
        &["Convolution"],
    );
}

#[test]
fn conv_with_automatic_padding() {
    for mode in ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"] {
        let op = conv_op().string("auto_pad", mode).ints("strides", &[2, 2]);
        close(conv(op, &[2, 1, 3, 2], &[1, 5, 6]).output("y"), 3.0, &["Convolution"]);
    }
}

#[test]
fn gemm_in_all_transpositions() {
    for (trans_a, trans_b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (input, matrix) = match (trans_a, trans_b) {
            (0, 0) => ([1, 5], [5, 3]),
            (0, _) => ([1, 5], [3, 5]),
            (_, 0) => ([5, 1], [5, 3]),
            _ => ([5, 1], [3, 5]),
        };
        let op = Op::new("Gemm", &["x", "w", "c"], &["y"])
            .int("transA", trans_a)
            .int("transB", trans_b)
            .float("alpha", 0.5)
            .float("beta", 2.0);
        let builder = Builder::new(13)
            .input("x", &input)
            .floats("w", &matrix, &weights(15))
            .floats("c", &[1, 3], &[0.3, -0.2, 0.1])
            .node(op)
            .output("y");
        let case = case(builder);
        assert!(case.distance() < 3.0);
    }
}

#[test]
fn gemm_with_the_constant_on_the_left() {
    for (trans_a, trans_b) in [(0, 0), (1, 1)] {
        let (matrix, input) = if trans_a == 0 { ([3, 5], [5, 2]) } else { ([5, 3], [2, 5]) };
        let op =
            Op::new("Gemm", &["w", "x", "c"], &["y"]).int("transA", trans_a).int("transB", trans_b);
        let builder = Builder::new(13)
            .input("x", &input)
            .floats("w", &matrix, &weights(15))
            .floats("c", &[3, 1], &[0.3, -0.2, 0.1])
            .node(op)
            .output("y");
        let case = case(builder);
        assert!(case.distance() < 3.0);
        assert_eq!(case.integers()[0].shape(), [3, 2]);
    }
}

#[test]
fn mat_mul_with_a_constant() {
    let mat_mul = |input: &[i64], matrix: &[i64], operands: [&str; 2]| {
        let count = matrix.iter().product::<i64>() as usize;
        Builder::new(13)
            .input("x", input)
            .floats("w", matrix, &weights(count))
            .node(Op::new("MatMul", &operands, &["y"]))
            .output("y")
    };
    close(mat_mul(&[1, 4, 6], &[6, 5], ["x", "w"]), 3.0, &["Linear"]);
    close(mat_mul(&[6], &[6, 5], ["x", "w"]), 3.0, &["Linear"]);
    close(mat_mul(&[1, 2, 6], &[1, 6, 5], ["x", "w"]), 3.0, &["Linear"]);
    close(mat_mul(&[1, 6], &[6], ["x", "w"]), 3.0, &["Linear", "Reshape"]);
    close(mat_mul(&[1, 6, 2], &[3, 6], ["w", "x"]), 3.0, &["Transpose", "Linear", "Transpose"]);
    close(mat_mul(&[6], &[3, 6], ["w", "x"]), 3.0, &["Linear"]);
}

/// Both computed, of any rank; a vector is a row or a column, and batches broadcast.
#[test]
fn mat_mul_of_computed_matrices() {
    for (left, right, moves) in [
        (&[4, 6][..], &[6, 5][..], &[][..]),
        (&[2, 4, 6], &[2, 6, 5], &[]),
        (&[6], &[6], &["Reshape", "Reshape"]),
        (&[3, 6], &[6], &["Reshape"]),
    ] {
        let builder = Builder::new(13).input("a", left).input("b", right);
        let builder = builder.node(Op::new("MatMul", &["a", "b"], &["y"])).output("y");
        let case = case(builder);
        assert!(case.distance() < 3.0, "{}", case.distance());
        let operators = case.operators();
        assert_eq!(operators.iter().filter(|&&name| name == "MatMul").count(), 1);
        assert!(operators.starts_with(moves), "{operators:?}");
    }
    let builder = Builder::new(13).input("a", &[2, 1, 3, 4]).input("b", &[1, 5, 4, 2]);
    let case = case(builder.node(Op::new("MatMul", &["a", "b"], &["y"])).output("y"));
    assert!(case.distance() < 3.0, "{}", case.distance());
    assert_eq!(case.quantised.graph.shape(case.quantised.graph.outputs[0].value), [2, 5, 3, 2]);
}

/// `softmax(x·wq·(x·wk)ᵀ/√d)·(x·wv)`, with two heads. The number goes into the product, on
/// whichever side of it the file has it.
#[test]
fn attention_is_two_products_of_computed_matrices() {
    let scale = 1.0 / 3f32.sqrt();
    let attention = |scale_behind: bool| {
        let mut builder = Builder::new(13)
            .batched_input("x", &[4, 6])
            .floats("scale", &[1], &[scale])
            .integers("heads", &[1, 4, 2, 3]);
        for (head, permutation) in [("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])] {
            let name = |part: &str| format!("{head}{part}");
            let strong: Vec<f32> = weights(36).into_iter().map(|weight| 3.0 * weight).collect();
            builder = builder
                .floats(&name("w"), &[6, 6], &strong)
                .node(Op::new("MatMul", &["x", &name("w")], &[&name("l")]))
                .node(Op::new("Reshape", &[&name("l"), "heads"], &[&name("r")]))
                .node(Op::new("Transpose", &[&name("r")], &[&name("")]).ints("perm", &permutation));
        }
        let scores = match scale_behind {
            true => builder.node(Op::new("MatMul", &["q", "k"], &["qk"])).node(Op::new(
                "Mul",
                &["qk", "scale"],
                &["scores"],
            )),
            false => builder.node(Op::new("Mul", &["scale", "q"], &["qs"])).node(Op::new(
                "MatMul",
                &["qs", "k"],
                &["scores"],
            )),
        };
        let builder = scores
            .node(Op::new("Softmax", &["scores"], &["p"]).int("axis", -1))
            .node(Op::new("MatMul", &["p", "v"], &["y"]))
            .output("y");
        case(builder)
    };
    for scale_behind in [true, false] {
        let case = attention(scale_behind);
        assert!(case.distance() < 8.0, "{}", case.distance());
        let products: Vec<_> = case
            .model
            .graph()
            .nodes
            .iter()
            .filter_map(|node| match node.operator {
                Operator::MatMul { factor, .. } => Some(factor),
                _ => None,
            })
            .collect();
        assert_eq!(products, [scale, 1.0]);
        assert!(!case.operators().contains(&"Convolution"), "{:?}", case.operators());
    }
}

/// What else is read keeps its number, and a negative one is none for a factor.
#[test]
fn numbers_that_stay_beside_a_product() {
    let factors = |number: f32, shown: bool| {
        let builder = Builder::new(13)
            .input("a", &[4, 6])
            .input("b", &[6, 5])
            .floats("number", &[1], &[number])
            .node(Op::new("Mul", &["a", "number"], &["scaled"]))
            .node(Op::new("MatMul", &["scaled", "b"], &["y"]))
            .output("y");
        let case = case(if shown { builder.output("scaled") } else { builder });
        assert!(case.distance() < 3.0, "{}", case.distance());
        let nodes = case.model.graph().nodes.iter();
        let factor = |operator: &Operator| match operator {
            Operator::MatMul { factor, .. } => Some(*factor),
            _ => None,
        };
        nodes.filter_map(|node| factor(&node.operator)).collect::<Vec<_>>()
    };
    assert_eq!(factors(0.5, false), [0.5]);
    assert_eq!(factors(0.5, true), [1.0]);
    assert_eq!(factors(-0.5, false), [1.0]);
}

#[test]
fn gemm_of_computed_matrices() {
    let gemm = |shapes: [&[i64]; 3], alpha: f32, transposed: [i64; 2]| {
        let op = Op::new("Gemm", &["a", "b", "c"], &["y"]).float("alpha", alpha).float("beta", 0.5);
        let op = op.int("transA", transposed[0]).int("transB", transposed[1]);
        let [a, b, c] = shapes;
        let builder = Builder::new(13).input("a", a).input("b", b).input("c", c);
        case(builder.node(op).output("y")).distance()
    };
    for distance in [
        gemm([&[4, 6], &[6, 5], &[4, 5]], 1.0, [0, 0]),
        gemm([&[6, 4], &[6, 5], &[5]], 0.25, [1, 0]),
        gemm([&[4, 6], &[5, 6], &[4, 1]], -2.0, [0, 1]),
    ] {
        assert!(distance < 4.0, "{distance}");
    }
}

/// Gemm with a constant matrix adds a computed third operand too.
#[test]
fn gemm_with_a_computed_bias() {
    let builder = Builder::new(13)
        .input("a", &[4, 6])
        .input("c", &[5])
        .floats("b", &[6, 5], &weights(30))
        .node(Op::new("Gemm", &["a", "b", "c"], &["y"]).float("beta", 2.0))
        .output("y");
    let case = case(builder);
    assert!(case.distance() < 3.0, "{}", case.distance());
    assert!(case.operators().ends_with(&["Sum"]), "{:?}", case.operators());
}

#[test]
fn gemm_then_activation_then_gemm() {
    let builder = Builder::new(17)
        .batched_input("x", &[8])
        .floats("w1", &[6, 8], &weights(48))
        .floats("b1", &[6], &weights(6))
        .floats("w2", &[3, 6], &weights(18))
        .node(Op::new("Gemm", &["x", "w1", "b1"], &["h"]).int("transB", 1))
        .node(Op::new("Relu", &["h"], &["r"]))
        .node(Op::new("Gemm", &["r", "w2"], &["y"]).int("transB", 1))
        .output("y");
    let case = close(builder, 5.0, &["Linear", "Linear"]);
    let report = &case.quantised.report.nodes;
    assert_eq!(report[0].shift, Some(12));
    assert!(report[0].range.is_some() && report[1].range.is_none());
    // The last accumulator is put out as it is.
    assert_eq!((report[1].shift, report[1].multipliers.unwrap().1), (None, 64));
}

#[test]
fn batch_normalization_is_folded_or_becomes_depthwise() {
    let normalise = |builder: Builder, input: &str| {
        builder
            .floats("scale", &[3], &[0.5, -1.5, 2.0])
            .floats("bias", &[3], &[0.1, 0.2, -0.3])
            .floats("mean", &[3], &[0.3, -0.1, 0.0])
            .floats("variance", &[3], &[0.5, 1.5, 0.2])
            .node(
                Op::new(
                    "BatchNormalization",
                    &[input, "scale", "bias", "mean", "variance"],
                    &["n"],
                )
                .float("epsilon", 1e-3),
            )
    };
    let folded = normalise(conv(conv_op(), &[3, 2, 3, 3], &[2, 6, 5]), "y");
    close(folded.output("n"), 3.0, &["Convolution"]);
    let alone = normalise(Builder::new(15).input("x", &[1, 3, 4, 4]), "x");
    close(alone.node(Op::new("Relu", &["n"], &["r"])).output("r"), 3.0, &["Convolution"]);
    let flat = normalise(Builder::new(9).input("x", &[1, 3]), "x");
    close(flat.output("n"), 3.0, &["Reshape", "Convolution", "Reshape"]);
    let gemm = Builder::new(13)
        .input("x", &[1, 4])
        .floats("w", &[4, 3], &weights(12))
        .node(Op::new("Gemm", &["x", "w"], &["y"]));
    close(normalise(gemm, "y").output("n"), 3.0, &["Linear"]);
}

/// A stack of one constant matrix on the left, as inverse frequencies stand before positions, and
/// of several.
#[test]
fn constant_stacks_on_the_left() {
    for (stack, batches) in [(1, 1), (1, 2), (2, 2)] {
        let w = weights(6 * stack);
        let builder = Builder::new(13)
            .floats("w", &[stack as i64, 2, 3], &w)
            .input("x", &[batches as i64, 3, 4])
            .node(Op::new("MatMul", &["w", "x"], &["y"]))
            .output("y");
        defined(builder, 3.0, |inputs| {
            let x: Vec<f64> = inputs[0].iter().map(|&x| f64::from(x)).collect();
            let value = |index: usize| -> f64 {
                let (batch, row, column) = (index / 8, index / 4 % 2, index % 4);
                let weight = |t: usize| f64::from(w[6 * (batch % stack) + 3 * row + t]);
                (0..3).map(|t| weight(t) * x[12 * batch + 4 * t + column]).sum()
            };
            (0..8 * batches).map(value).collect()
        });
    }
}
