//! Conv, Gemm, MatMul, BatchNormalization.

use zkinfer_models::testing::onnx::{Builder, Op};

use super::{conv, conv_op};
use crate::support::{case, close, weights};

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
