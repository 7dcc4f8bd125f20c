//! Add, Sub, Concat, several inputs and outputs.

use zkinfer_models::testing::onnx::{Builder, Op};

use super::unary;
use crate::support::{close, weights};

fn two_inputs(op: Op, second: &[i64]) -> Builder {
    Builder::new(13).input("a", &[1, 3, 4]).input("b", second).node(op).output("y")
}

#[test]
fn add_and_sub_of_activations() {
    close(two_inputs(Op::new("Add", &["a", "b"], &["y"]), &[1, 3, 4]), 2.5, &["Sum"]);
    close(two_inputs(Op::new("Sub", &["a", "b"], &["y"]), &[1, 3, 4]), 2.5, &["Sum"]);
    // Broadcasting copies.
    close(two_inputs(Op::new("Add", &["a", "b"], &["y"]), &[1, 3, 1]), 2.5, &["Concat", "Sum"]);
    close(
        two_inputs(Op::new("Sub", &["b", "a"], &["y"]), &[4]),
        2.5,
        &["Reshape", "Concat", "Sum"],
    );
    let fused = two_inputs(Op::new("Add", &["a", "b"], &["s"]), &[1, 3, 4]);
    close(fused.node(Op::new("Relu", &["s"], &["y"])), 2.5, &["Sum"]);
}

#[test]
fn a_value_added_to_itself() {
    close(unary(13, &[1, 9], Op::new("Add", &["x", "x"], &["y"])), 2.0, &["Sum"]);
}

#[test]
fn add_and_sub_with_constants() {
    for op in [
        Op::new("Add", &["x", "c"], &["y"]),
        Op::new("Sub", &["x", "c"], &["y"]),
        Op::new("Sub", &["c", "x"], &["y"]),
    ] {
        let builder = Builder::new(13)
            .input("x", &[1, 2, 3])
            .floats("c", &[2, 1], &[0.5, -2.0])
            .node(op)
            .output("y");
        close(builder, 2.0, &["Sum"]);
    }
}

#[test]
fn concat_shares_the_quantisation_of_its_producers() {
    let builder = Builder::new(13)
        .input("x", &[1, 2, 4, 4])
        .floats("w1", &[2, 2, 1, 1], &weights(4))
        .floats("w2", &[3, 2, 1, 1], &weights(6).iter().map(|w| 3.0 * w).collect::<Vec<_>>())
        .node(Op::new("Conv", &["x", "w1"], &["a"]))
        .node(Op::new("Relu", &["a"], &["ra"]))
        .node(Op::new("Conv", &["x", "w2"], &["b"]))
        .node(Op::new("Concat", &["ra", "b"], &["c"]).int("axis", 1))
        .node(Op::new("Abs", &["c"], &["y"]))
        .output("y");
    let case = close(builder, 3.0, &["Convolution", "Convolution", "Concat", "Activation"]);
    let nodes = &case.quantised.graph.nodes;
    assert_eq!(nodes[0].quantisation, nodes[2].quantisation);
}

#[test]
fn concat_rescales_what_others_read_too() {
    let builder = Builder::new(13)
        .input("a", &[1, 3])
        .input("b", &[1, 2])
        .floats("w", &[2, 5], &weights(10))
        .floats("c", &[1], &[4.0])
        .node(Op::new("Add", &["b", "c"], &["b2"]))
        .node(Op::new("Concat", &["a", "b2"], &["y"]).int("axis", -1))
        .node(Op::new("Relu", &["b2"], &["z"]))
        .output("y")
        .output("z");
    close(builder, 3.0, &["Sum", "Sum", "Sum", "Concat", "Activation"]);
}

#[test]
fn several_inputs_and_outputs() {
    let builder = Builder::new(13)
        .batched_input("left", &[4])
        .batched_input("right", &[4])
        .floats("w", &[4, 2], &weights(8))
        .node(Op::new("Add", &["left", "right"], &["sum"]))
        .node(Op::new("MatMul", &["sum", "w"], &["y"]))
        .node(Op::new("Sub", &["left", "right"], &["z"]))
        .output("y")
        .output("z");
    close(builder, 3.0, &["Sum", "Linear", "Sum"]);
}
