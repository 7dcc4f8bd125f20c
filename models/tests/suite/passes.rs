//! What the passes make of a graph, and that they keep its function (every case is compared with
//! tract).

use zkinfer_models::Model;
use zkinfer_models::float::activation::Activation;
use zkinfer_models::float::graph::Operator;
use zkinfer_models::float::layer::Layer;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{Case, close, weights};

fn conv_net() -> Builder {
    Builder::new(13)
        .batched_input("x", &[2, 6, 6])
        .floats("w", &[3, 2, 3, 3], &weights(54))
        .node(Op::new("Conv", &["x", "w"], &["c"]))
}

fn activation(case: &Case, node: usize) -> Option<Activation> {
    case.model.graph().nodes[node].fused.clone()
}

#[test]
fn relu_moves_before_max_pool_and_views() {
    let builder = conv_net()
        .node(
            Op::new("MaxPool", &["c"], &["p"])
                .ints("kernel_shape", &[2, 2])
                .ints("strides", &[2, 2]),
        )
        .node(Op::new("Flatten", &["p"], &["f"]))
        .node(Op::new("Relu", &["f"], &["y"]))
        .output("y");
    let case = close(builder, 3.0, &["Convolution", "MaxPool", "Reshape"]);
    assert_eq!(activation(&case, 0), Some(Activation::Relu));
    assert_eq!(case.quantised.graph.nodes[0].quantisation.zero_point, -128);
}

#[test]
fn a_falling_function_stays_behind_max_pool() {
    let builder = conv_net()
        .node(Op::new("MaxPool", &["c"], &["p"]).ints("kernel_shape", &[2, 2]))
        .node(Op::new("LeakyRelu", &["p"], &["y"]).float("alpha", -0.5))
        .output("y");
    close(builder, 6.0, &["Convolution", "MaxPool", "Activation"]);
}

#[test]
fn values_that_others_read_are_not_fused() {
    let builder = conv_net()
        .node(Op::new("Relu", &["c"], &["r"]))
        .node(Op::new("Add", &["c", "r"], &["y"]))
        .output("y");
    close(builder, 4.0, &["Convolution", "Activation", "Sum"]);
    let put_out = conv_net().node(Op::new("Relu", &["c"], &["r"])).output("c").output("r");
    close(put_out, 4.0, &["Convolution", "Activation"]);
}

#[test]
fn constants_fold_along_a_chain() {
    let builder = conv_net()
        .floats("per_channel", &[3, 1, 1], &[0.5, -0.5, 1.0])
        .floats("scalar", &[], &[2.0])
        .floats("s", &[3], &[1.0, 2.0, -1.0])
        .floats("o", &[3], &[0.1, 0.2, 0.3])
        .floats("m", &[3], &[0.0, 0.5, 1.0])
        .floats("v", &[3], &[1.0, 2.0, 0.5])
        .node(Op::new("Add", &["c", "per_channel"], &["a"]))
        .node(Op::new("BatchNormalization", &["a", "s", "o", "m", "v"], &["n"]))
        .node(Op::new("Sub", &["scalar", "n"], &["d"]))
        .node(Op::new("Relu", &["d"], &["y"]))
        .output("y");
    let case = close(builder, 4.0, &["Convolution"]);
    assert_eq!(case.quantised.graph.nodes[0].name, "c_node");
}

#[test]
fn a_constant_per_element_stays_a_sum() {
    let builder = conv_net()
        .floats("k", &[1, 3, 4, 4], &weights(48))
        .node(Op::new("Add", &["c", "k"], &["y"]))
        .output("y");
    close(builder, 4.0, &["Convolution", "Sum"]);
    let both = conv_net()
        .floats("k", &[1, 3, 4, 4], &weights(48))
        .node(Op::new("Add", &["c", "c"], &["d"]))
        .node(Op::new("Sub", &["k", "d"], &["y"]))
        .output("y");
    close(both, 4.0, &["Convolution", "Sum"]);
}

#[test]
fn a_residual_block() {
    let builder = Builder::new(17)
        .batched_input("x", &[3, 5, 5])
        .floats("w1", &[3, 3, 3, 3], &weights(81))
        .floats("w2", &[3, 3, 3, 3], &weights(81))
        .node(Op::new("Conv", &["x", "w1"], &["a"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Relu", &["a"], &["r"]))
        .node(Op::new("Conv", &["r", "w2"], &["b"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Add", &["b", "x"], &["s"]))
        .node(Op::new("Relu", &["s"], &["t"]))
        .node(Op::new("GlobalAveragePool", &["t"], &["y"]))
        .output("y");
    close(builder, 6.0, &["Convolution", "Convolution", "Sum", "AveragePool"]);
}

#[test]
fn raw_accumulators_pass_views_to_outputs() {
    let builder = conv_net()
        .node(Op::new("Transpose", &["c"], &["t"]).ints("perm", &[0, 2, 3, 1]))
        .node(Op::new("Flatten", &["t"], &["y"]))
        .output("y");
    let case = close(builder, 3.0, &["Convolution", "Transpose", "Reshape"]);
    assert!(case.quantised.report.nodes[0].shift.is_none());
    // Read by something that computes as well, it is requantised.
    let both = conv_net()
        .node(Op::new("MaxPool", &["c"], &["y"]).ints("kernel_shape", &[2, 2]))
        .output("c")
        .output("y");
    let case = close(both, 3.0, &["Convolution", "MaxPool"]);
    assert!(case.quantised.report.nodes[0].shift.is_some());
}

#[test]
fn weights_are_folded_in_the_float_graph_too() {
    let builder = Builder::new(13)
        .input("x", &[1, 2])
        .floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0])
        .floats("b", &[2], &[0.5, -0.5])
        .node(Op::new("MatMul", &["x", "w"], &["m"]))
        .node(Op::new("Sub", &["b", "m"], &["y"]))
        .output("y");
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let [node] = model.graph().nodes.as_slice() else {
        panic!("{:?}", model.graph());
    };
    let Operator::Gemm { layer: Layer::Real { weights, bias } } = &node.operator else {
        panic!("{node:?}");
    };
    // One row per output feature.
    assert_eq!(weights, &[-1.0, -3.0, -2.0, -4.0]);
    assert_eq!(bias, &[0.5, -0.5]);
    assert_eq!(node.value, "y");
}

/// A mask that hides nothing is a sum with zeros.
#[test]
fn zeros_that_are_added_are_left_out() {
    let builder = Builder::new(17)
        .input("x", &[1, 4, 3])
        .input("z", &[1, 3, 4])
        .floats("zeros", &[1, 1, 4], &[0.0; 4])
        .node(Op::new("MatMul", &["x", "z"], &["scores"]))
        .node(Op::new("Add", &["zeros", "scores"], &["masked"]))
        .node(Op::new("Sub", &["masked", "zeros"], &["same"]))
        .node(Op::new("Softmax", &["same"], &["p"]).int("axis", -1))
        .node(Op::new("MatMul", &["p", "x"], &["y"]))
        .output("y");
    let case = close(builder, 6.0, &["MatMul", "Softmax", "MatMul"]);
    let negated = Builder::new(17)
        .input("x", &[1, 4])
        .floats("zeros", &[1, 4], &[0.0; 4])
        .node(Op::new("Sub", &["zeros", "x"], &["y"]))
        .output("y");
    let graph = case.model.graph();
    assert!(!graph.nodes.iter().any(|node| matches!(node.operator, Operator::Add { .. })));
    crate::support::defined(negated, 2.0, |inputs| {
        inputs[0].iter().map(|&x| -f64::from(x)).collect()
    });
}

/// As GPT-2 has it, whose layers join all positions first.
#[test]
fn learned_factors_go_through_a_reshape_into_a_layer() {
    let builder = Builder::new(17)
        .input("x", &[1, 3, 4])
        .floats("scale", &[4], &[1.5, 0.5, -1.0, 2.0])
        .floats("bias", &[4], &[0.25, -0.5, 0.0, 1.0])
        .integers("rows", &[3, 4])
        .floats("w", &[4, 2], &weights(8))
        .floats("b", &[2], &weights(2))
        .node(Op::new("LayerNormalization", &["x", "scale", "bias"], &["n"]))
        .node(Op::new("Reshape", &["n", "rows"], &["joined"]))
        .node(Op::new("Gemm", &["joined", "w", "b"], &["y"]))
        .output("y");
    let case = crate::support::case(builder);
    let operators = case.operators();
    let computes: Vec<_> = operators.iter().filter(|&&name| name != "Reshape").collect();
    assert_eq!(computes, [&"Normalise", &"Linear"], "{operators:?}");
    assert!(case.distance() <= 5.0, "{} steps", case.distance());
}
