//! Sums of products that an Add reads are added as they are, and rounded once.

use zkinfer_models::integer::graph::{Graph, Operator};
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{case, close, weights};

/// For each Convolution and Linear, whether it is rounded by itself.
fn rounded(graph: &Graph) -> Vec<bool> {
    let layers = graph.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Convolution { requantise, .. } | Operator::Linear { requantise, .. } => {
            Some(requantise.is_some())
        }
        _ => None,
    });
    layers.collect()
}

/// A convolution of three channels by `3·3`, and one by `1·1`.
fn block() -> Builder {
    Builder::new(17)
        .batched_input("x", &[3, 5, 5])
        .floats("w1", &[3, 3, 3, 3], &weights(81))
        .floats("w2", &[3, 3, 1, 1], &weights(9))
        .floats("b2", &[3], &[0.4, -0.3, 1.5])
        .node(Op::new("Conv", &["x", "w1"], &["a"]).ints("pads", &[1; 4]))
        .node(Op::new("Relu", &["a"], &["r"]))
        .node(Op::new("Conv", &["r", "w1"], &["c"]).ints("pads", &[1; 4]))
        .node(Op::new("Conv", &["x", "w2", "b2"], &["d"]))
}

#[test]
fn a_convolution_and_what_it_is_added_to() {
    for operator in ["Add", "Sub"] {
        for operands in [["c", "x"], ["x", "c"]] {
            let builder = block().node(Op::new(operator, &operands, &["s"]));
            let builder = builder.node(Op::new("Relu", &["s"], &["y"])).output("y");
            let case = close(builder, 4.0, &["Convolution", "Convolution", "Sum"]);
            assert_eq!(rounded(&case.quantised.graph), [true, false], "{operator} {operands:?}");
            assert_eq!(case.quantised.report.nodes[1].shift, None);
        }
    }
}

#[test]
fn two_convolutions_and_a_constant() {
    let builder = block()
        .floats("k", &[1, 3, 5, 5], &weights(75))
        .node(Op::new("Sum", &["c", "k", "d"], &["s"]))
        .node(Op::new("Sigmoid", &["s"], &["y"]))
        .output("y");
    let operators = ["Convolution", "Convolution", "Convolution", "Constant", "Sum"];
    let case = close(builder, 7.0, &operators);
    assert_eq!(rounded(&case.quantised.graph), [true, false, false]);
}

/// One operand far smaller than the other: its weights keep a few steps all the same.
#[test]
fn a_small_convolution_beside_a_large_one() {
    let small: Vec<f32> = weights(9).iter().map(|weight| weight / 300.0).collect();
    let builder = block()
        .floats("w3", &[3, 3, 1, 1], &small)
        .node(Op::new("Conv", &["x", "w3"], &["e"]))
        .node(Op::new("Add", &["e", "c"], &["y"]))
        .output("y");
    close(builder, 4.0, &["Convolution", "Convolution", "Convolution", "Sum"]);
}

#[test]
fn matrix_products_of_one_position() {
    let of = |rows: i64| {
        Builder::new(17)
            .input("x", &[rows, 6])
            .floats("w", &[6, 6], &weights(36))
            .node(Op::new("MatMul", &["x", "w"], &["m"]))
            .node(Op::new("Add", &["m", "x"], &["y"]))
            .output("y")
    };
    let one = close(of(1), 3.0, &["Linear", "Sum"]);
    assert_eq!(rounded(&one.quantised.graph), [false]);
    assert_eq!(rounded(&case(of(4)).quantised.graph), [true]);
}

#[test]
fn what_somebody_else_reads_is_rounded() {
    let added = || block().node(Op::new("Add", &["c", "x"], &["y"]));
    let put_out = case(added().output("y").output("c"));
    assert_eq!(rounded(&put_out.quantised.graph), [true, true]);
    let read = added().node(Op::new("Tanh", &["c"], &["z"])).output("y").output("z");
    assert_eq!(rounded(&case(read).quantised.graph), [true, true]);
    let twice = block().node(Op::new("Add", &["c", "c"], &["y"])).output("y");
    assert_eq!(rounded(&case(twice).quantised.graph), [true, true]);
    let active = block()
        .node(Op::new("Relu", &["c"], &["e"]))
        .node(Op::new("Add", &["e", "x"], &["y"]))
        .output("y");
    assert_eq!(rounded(&case(active).quantised.graph), [true, true]);
}
