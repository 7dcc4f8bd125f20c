//! Activations, fused and by themselves.

use zkinfer_models::testing::onnx::{Builder, Op};

use super::{conv, conv_op, unary};
use crate::support::{case, close};

#[test]
fn conv_requantised_with_activations() {
    let activations = [
        Op::new("Relu", &["y"], &["z"]),
        Op::new("LeakyRelu", &["y"], &["z"]).float("alpha", 0.2),
        Op::new("Sigmoid", &["y"], &["z"]),
        Op::new("Tanh", &["y"], &["z"]),
    ];
    for activation in activations {
        let builder = conv(conv_op(), &[3, 2, 3, 3], &[2, 6, 5]).node(activation).output("z");
        let case = close(builder, 5.0, &["Convolution"]);
        assert_eq!(case.quantised.graph.nodes[0].name, "y_node");
    }
}

#[test]
fn relu_outputs_begin_at_minus_128() {
    let case = case(
        conv(conv_op(), &[3, 2, 3, 3], &[2, 6, 5])
            .node(Op::new("Relu", &["y"], &["z"]))
            .output("z"),
    );
    assert_eq!(case.quantised.graph.nodes[0].quantisation.zero_point, -128);
}

#[test]
fn standalone_activations() {
    for (operator, steps) in [("Relu", 2.5), ("Sigmoid", 2.0), ("Tanh", 2.0)] {
        close(unary(13, &[1, 40], Op::new(operator, &["x"], &["y"])), steps, &["Activation"]);
    }
    let leaky = Op::new("LeakyRelu", &["x"], &["y"]).float("alpha", 0.3);
    close(unary(13, &[1, 40], leaky), 2.5, &["Activation"]);
}

#[test]
fn clip_as_attributes_and_as_inputs() {
    let old = Op::new("Clip", &["x"], &["y"]).float("min", -0.25).float("max", 0.5);
    close(unary(9, &[1, 40], old.clone()), 3.0, &["Activation"]);
    close(
        unary(10, &[1, 40], Op::new("Clip", &["x"], &["y"]).float("max", 0.5)),
        3.0,
        &["Activation"],
    );
    let new = |inputs: &[&str]| {
        Builder::new(13)
            .input("x", &[1, 40])
            .floats("low", &[], &[-0.25])
            .floats("high", &[], &[0.5])
            .node(Op::new("Clip", inputs, &["y"]))
            .output("y")
    };
    close(new(&["x", "low", "high"]), 3.0, &["Activation"]);
    close(new(&["x", "low"]), 3.0, &["Activation"]);
    close(new(&["x", "", "high"]), 3.0, &["Activation"]);
    // Without bounds it is nothing at all.
    assert!(case(new(&["x"])).operators().is_empty());
}

#[test]
fn relu6_after_a_convolution() {
    let builder = conv(conv_op(), &[3, 2, 3, 3], &[2, 6, 5])
        .floats("zero", &[], &[0.0])
        .floats("six", &[], &[6.0])
        .node(Op::new("Clip", &["y", "zero", "six"], &["z"]))
        .output("z");
    close(builder, 4.0, &["Convolution"]);
}
