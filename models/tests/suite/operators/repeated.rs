//! Loops whose number of iterations is known.

use ndarray::ArrayD;
use zkinfer_models::testing::onnx::messages::DataType;
use zkinfer_models::testing::onnx::{Builder, Op};

use crate::support::{defined, refusal};

fn numbers(tensor: &ArrayD<f32>) -> Vec<f64> {
    tensor.iter().map(|&x| f64::from(x)).collect()
}

/// `s' = s·w + x`, and what comes out of each step is `relu(s')`.
fn step(opset: i64) -> Builder {
    Builder::new(opset)
        .input("s", &[2])
        .input("x", &[2])
        .floats("w", &[2], &[0.5, -0.75])
        .node(Op::new("Mul", &["s", "w"], &["kept"]).named("forget"))
        .node(Op::new("Add", &["kept", "x"], &["sum"]))
        .node(Op::new("Relu", &["sum"], &["shown"]))
        .output("sum")
        .output("shown")
}

/// States after each step over `[steps][2]`.
fn states(x: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let after = x.iter().scan([0.25, 0.5], |state, x| {
        *state = [0.5 * state[0] + x[0], -0.75 * state[1] + x[1]];
        Some(*state)
    });
    after.collect()
}

#[test]
fn a_scan_is_its_steps() {
    for opset in [11, 13] {
        let scan = |x: &[i64]| Builder::new(opset).input("xs", x).floats("s0", &[2], &[0.25, 0.5]);
        let op = |outputs: &[&str]| {
            Op::new("Scan", &["s0", "xs"], outputs)
                .graph("body", step(opset))
                .int("num_scan_inputs", 1)
        };
        let rows = |inputs: &[ArrayD<f32>]| -> Vec<[f64; 2]> {
            numbers(&inputs[0]).chunks(2).map(|row| [row[0], row[1]]).collect()
        };
        let last = scan(&[4, 2]).node(op(&["y"]));
        defined(last.output("y"), 4.0, |inputs| states(&rows(inputs))[3].to_vec());
        let all = scan(&[4, 2]).node(op(&["", "y"]));
        defined(all.output("y"), 4.0, |inputs| {
            states(&rows(inputs)).concat().iter().map(|x| x.max(0.0)).collect()
        });
        // Along the second dimension from behind, stacked along the second, the last one first.
        let turned = op(&["", "y"])
            .ints("scan_input_axes", &[1])
            .ints("scan_input_directions", &[1])
            .ints("scan_output_axes", &[1])
            .ints("scan_output_directions", &[1]);
        defined(scan(&[2, 3]).node(turned).output("y"), 4.0, |inputs| {
            let x = numbers(&inputs[0]);
            let shown = states(&[2, 1, 0].map(|step| [x[step], x[3 + step]]));
            let row = |row: usize| [2, 1, 0].map(|step: usize| shown[step][row].max(0.0));
            [row(0), row(1)].concat()
        });
    }
}

/// `s' = s·W + i + x` with `x` from outside, and each step's number and state come out.
fn looped(trips: &[i64], condition: Option<&str>) -> Builder {
    let body = Builder::new(13)
        .input("i", &[])
        .input("going", &[])
        .input("s", &[1, 2])
        .node(Op::new("Constant", &[], &["w"]).tensor("value", weights()))
        .node(Op::new("MatMul", &["s", "w"], &["turned"]))
        .node(Op::new("Cast", &["i"], &["number"]).int("to", DataType::Float as i64))
        .node(Op::new("Add", &["turned", "number"], &["counted"]))
        .node(Op::new("Add", &["counted", "x"], &["next"]))
        .integers("limit", &[2])
        .node(Op::new("Less", &["i", "limit"], &["below"]))
        .node(Op::new("ReduceMax", &["next"], &["top"]).int("keepdims", 0))
        .node(Op::new("Less", &["top", "number"], &["small"]))
        .output(condition.unwrap_or("going"))
        .output("next")
        .output("next");
    let op = Op::new("Loop", &["trips", "", "x"], &["y", "all"]).graph("body", body);
    Builder::new(13).input("x", &[1, 2]).integers("trips", trips).node(op)
}

fn weights() -> zkinfer_models::testing::onnx::messages::TensorProto {
    zkinfer_models::testing::onnx::float_tensor("", &[2, 2], &[0.0, 0.5, -0.5, 0.25])
}

fn after(x: &[f64], trips: usize) -> Vec<Vec<f64>> {
    let mut state = [x[0], x[1]];
    let next = (0..trips).map(|i| {
        let i = i as f64;
        state = [-0.5 * state[1] + i + x[0], 0.5 * state[0] + 0.25 * state[1] + i + x[1]];
        state.to_vec()
    });
    next.collect()
}

#[test]
fn a_loop_of_a_known_number_of_iterations_is_unrolled() {
    defined(looped(&[3], None).output("y"), 4.0, |inputs| {
        after(&numbers(&inputs[0]), 3).concat()[4..].to_vec()
    });
    defined(looped(&[3], None).output("all"), 4.0, |inputs| {
        after(&numbers(&inputs[0]), 3).concat()
    });
    // Known to hold, each time that it is asked.
    defined(looped(&[3], Some("below")).output("y"), 4.0, |inputs| {
        after(&numbers(&inputs[0]), 3)[2].clone()
    });
    // Without an iteration, what comes out is what goes in.
    let none = looped(&[0], None).node(Op::new("Neg", &["y"], &["z"])).output("z");
    defined(none, 1.0, |inputs| numbers(&inputs[0]).iter().map(|x| -x).collect());
}

#[test]
fn loops_that_the_data_or_nothing_ends_are_refused() {
    let unknown = "its condition alone says when it ends, expected a constant number";
    assert!(refusal(looped(&[i64::MAX], None).output("y")).contains(unknown));
    let ends = "iterations, by a condition that its body computes, and a circuit computes the same";
    for (trips, condition) in [(4, "below"), (3, "small")] {
        let message = refusal(looped(&[trips], Some(condition)).output("y"));
        assert!(message.contains(&format!("it may end before its {trips} {ends}")), "{message}");
    }
    let message = refusal(looped(&[0], None).output("all"));
    assert!(message.contains("it has no iteration, so its output \"all\" is empty"), "{message}");
    let message = refusal(looped(&[100_000], None).output("y"));
    assert!(message.contains("100000 iterations of 8 nodes are more than 65536"), "{message}");
    let counted = Builder::new(13)
        .input("x", &[1, 2])
        .node(Op::new("ReduceMax", &["x"], &["top"]).int("keepdims", 0))
        .node(Op::new("Cast", &["top"], &["n"]).int("to", DataType::Int64 as i64))
        .node(Op::new("Loop", &["n", "", "x"], &["y"]).graph("body", Builder::new(13)));
    let message = refusal(counted.output("y"));
    assert!(message.contains("how often it is repeated depends on the data"), "{message}");
    assert!(message.contains("dynamo=True"), "{message}");
}
