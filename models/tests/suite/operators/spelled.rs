//! Operators that are spelled out in others at import, or have become quantised operators of their
//! own.

use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};

use super::unary;
use crate::support::{case, close, refusal, weights};

/// One operator over `a` and `b` of shape `[1, 3, 4]`.
fn pair(op: Op) -> Builder {
    Builder::new(13).input("a", &[1, 3, 4]).input("b", &[1, 3, 4]).node(op).output("y")
}

/// The same where `b` is positive: between 1 and 2.
fn positive(op: Op) -> Builder {
    let abs = Op::new("Abs", &["b"], &["c"]);
    let add = Op::new("Add", &["c", "one"], &["d"]);
    let builder =
        Builder::new(13).input("a", &[1, 3, 4]).input("b", &[1, 3, 4]).floats("one", &[1], &[1.0]);
    builder.node(abs).node(add).node(op).output("y")
}

#[test]
fn transposed_convolutions() {
    let weighted = |op: Op| {
        let builder =
            Builder::new(13).input("x", &[1, 2, 4, 3]).floats("w", &[2, 3, 3, 3], &weights(54));
        builder.floats("b", &[3], &weights(3)).node(op).output("y")
    };
    let op = || Op::new("ConvTranspose", &["x", "w", "b"], &["y"]);
    close(weighted(op()), 4.0, &["Convolution"]);
    close(
        weighted(
            op().ints("strides", &[2, 2]).ints("pads", &[1; 4]).ints("output_padding", &[1, 1]),
        ),
        4.0,
        &[
            "Reshape",
            "Pad",
            "Reshape",
            "Slice",
            "Reshape",
            "Pad",
            "Reshape",
            "Slice",
            "Convolution",
        ],
    );
}

#[test]
fn resized_planes() {
    let resize = |mode: &str, scales: &[f32]| {
        let op = Op::new("Resize", &["x", "", "s"], &["y"]).string("mode", mode);
        let builder = Builder::new(13).input("x", &[1, 2, 3, 4]).floats("s", &[4], scales);
        builder
            .node(
                op.string("coordinate_transformation_mode", "asymmetric")
                    .string("nearest_mode", "floor"),
            )
            .output("y")
    };
    close(
        resize("nearest", &[1.0, 1.0, 2.0, 2.0]),
        1.0,
        &["Reshape", "Concat", "Reshape", "Reshape", "Concat", "Reshape"],
    );
    close(resize("linear", &[1.0, 1.0, 2.0, 1.0]), 3.0, &["Transpose", "Linear", "Transpose"]);
    close(
        resize("linear", &[1.0, 1.0, 2.0, 2.0]),
        4.0,
        &["Transpose", "Linear", "Transpose", "Linear"],
    );
}

#[test]
fn elements_elsewhere() {
    let split = Builder::new(13).input("x", &[1, 6]).integers("s", &[4, 2]);
    let split = split.node(Op::new("Split", &["x", "s"], &["y", "z"]).int("axis", 1));
    close(split.output("y").output("z"), 1.0, &["Slice", "Slice"]);
    let gather = |indices: &[i64]| Builder::new(13).input("x", &[1, 4, 3]).integers("i", indices);
    close(
        gather(&[2, 0, 2]).node(Op::new("Gather", &["x", "i"], &["y"]).int("axis", 1)).output("y"),
        1.0,
        &["Slice", "Slice", "Concat"],
    );
    let tile = Builder::new(13).input("x", &[1, 2, 3]).integers("r", &[1, 2, 1]);
    close(tile.node(Op::new("Tile", &["x", "r"], &["y"])).output("y"), 1.0, &["Concat"]);
    let expand = Builder::new(13).input("x", &[1, 2, 1]).integers("s", &[1, 2, 3]);
    close(expand.node(Op::new("Expand", &["x", "s"], &["y"])).output("y"), 1.0, &["Concat"]);
    let depth = Op::new("DepthToSpace", &["x"], &["y"]).int("blocksize", 2);
    close(unary(13, &[1, 8, 2, 3], depth), 1.0, &["Reshape", "Transpose", "Reshape"]);
}

#[test]
fn reductions() {
    let reduce = |name: &str| {
        unary(13, &[1, 3, 4], Op::new(name, &["x"], &["y"]).ints("axes", &[2]).int("keepdims", 0))
    };
    close(reduce("ReduceMean"), 2.0, &["AveragePool", "Reshape"]);
    close(reduce("ReduceMax"), 1.0, &["MaxPool", "Reshape"]);
    close(reduce("ReduceMin"), 2.0, &["Activation", "MaxPool", "Activation", "Reshape"]);
    let sum = Builder::new(13).input("x", &[1, 3, 4]).integers("axes", &[1]);
    close(
        sum.node(Op::new("ReduceSum", &["x", "axes"], &["y"])).output("y"),
        2.0,
        &["Transpose", "AveragePool", "Reshape"],
    );
}

#[test]
fn arithmetic_of_activations() {
    close(pair(Op::new("Mul", &["a", "b"], &["y"])), 3.0, &["Product"]);
    close(pair(Op::new("Mul", &["a", "a"], &["y"])), 3.0, &["Activation"]);
    close(positive(Op::new("Div", &["a", "d"], &["y"])), 3.0, &["Activation", "Binary"]);
    close(positive(Op::new("Pow", &["d", "a"], &["y"])), 3.0, &["Activation", "Binary"]);
}

#[test]
fn rectifiers_with_slopes() {
    let prelu = Builder::new(13).input("x", &[1, 3, 4]).floats("s", &[3, 1], &[0.1, 0.25, -0.5]);
    close(
        prelu.node(Op::new("PRelu", &["x", "s"], &["y"])).output("y"),
        3.0,
        &["Reshape", "Activation", "Activation", "Concat", "Convolution", "Reshape"],
    );
}

#[test]
fn comparisons_choose() {
    for name in ["Less", "GreaterOrEqual"] {
        let builder = pair(Op::new(name, &["a", "b"], &["c"])).node(Op::new(
            "Where",
            &["c", "b", "a"],
            &["y"],
        ));
        close(builder, 2.0, &["Binary", "Sum", "Sum", "Select"]);
    }
    close(pair(Op::new("Max", &["a", "b"], &["y"])), 2.0, &["Sum", "Sum", "Max"]);
    close(pair(Op::new("Min", &["a", "b"], &["y"])), 2.0, &["Sum", "Sum", "Min"]);
}

#[test]
fn normalisations() {
    let lrn = Op::new("LRN", &["x"], &["y"])
        .int("size", 3)
        .float("alpha", 0.5)
        .float("beta", 0.75)
        .float("bias", 1.0);
    close(
        unary(13, &[1, 4, 2, 3], lrn),
        4.0,
        &["Activation", "Reshape", "AveragePool", "Reshape", "Product"],
    );
    let instance = Builder::new(13)
        .input("x", &[1, 2, 4, 4])
        .floats("s", &[2], &[0.5, 2.0])
        .floats("b", &[2], &[1.0, -1.0]);
    close(
        instance.node(Op::new("InstanceNormalization", &["x", "s", "b"], &["y"])).output("y"),
        6.0,
        &["Reshape", "Normalise", "Convolution", "Reshape"],
    );
}

#[test]
fn the_largest_in_order() {
    let builder = |inputs: &[i64]| Builder::new(13).input("x", inputs).integers("k", &[3]);
    let top = |smallest: i64| {
        Op::new("TopK", &["x", "k"], &["y", "i"]).int("axis", 1).int("largest", 1 - smallest)
    };
    for smallest in [0, 1] {
        close(builder(&[1, 6]).node(top(smallest)).output("y"), 1.0, &["TopK"]);
        // On integers, the order is exact, and the first of equal elements comes first.
        let case = case(builder(&[1, 6]).node(top(smallest)).output("y").integer_output("i"));
        assert_eq!(case.operators(), ["TopK", "TopK"]);
        let graph = &case.quantised.graph;
        for x in [[3, 9, -4, 9, 3, 8], [0; 6], [-128, 127, 127, -128, -128, 127]] {
            let mut order: Vec<i64> = (0..6).collect();
            order.sort_by_key(
                |&index| if smallest == 1 { x[index as usize] } else { -x[index as usize] },
            );
            let tensor = ndarray::arr2(&[x]).into_dyn();
            let outputs = interpreter::run(graph, &[tensor]).unwrap();
            let elements: Vec<i64> = order[..3].iter().map(|&index| x[index as usize]).collect();
            assert_eq!(outputs[0].as_slice(), Some(&elements[..]));
            assert_eq!(outputs[1].as_slice(), Some(&order[..3]));
        }
    }
    // With 256 numbers an element, and as many places as the lane has.
    close(builder(&[1, 1024]).node(top(0)).output("y"), 1.0, &["TopK"]);
    let message = refusal(builder(&[1, 1025]).node(top(0)).output("y"));
    let keys = "one of 256 numbers and one of 1025 places, and that are more than 262144 together";
    assert!(message.contains(keys) && message.contains("end2end"), "{message}");
    let many = Builder::new(13).input("x", &[1, 1 << 15]).integers("k", &[1 << 15]);
    let message = refusal(many.node(top(0)).output("y"));
    assert!(message.contains("too many comparisons") && message.contains("end2end"), "{message}");
}

#[test]
fn casts_of_numbers_and_of_conditions() {
    let cast =
        |from: &str, to: &str| Op::new("Cast", &[from], &[to]).int("to", DataType::Float as i64);
    close(unary(13, &[1, 6], cast("x", "y")), 1.0, &[]);
    // A condition next to where it changes does not matter to the product.
    let builder = pair(Op::new("Less", &["a", "b"], &["c"])).node(cast("c", "f"));
    let builder =
        builder.node(Op::new("Sub", &["b", "a"], &["d"])).node(Op::new("Mul", &["f", "d"], &["y"]));
    close(builder, 3.0, &["Binary", "Sum", "Product"]);
}

#[test]
fn the_branch_of_a_known_condition() {
    for (condition, operator) in [(0, "Sum"), (1, "Activation")] {
        let branch = |op: Op| Builder::new(13).node(op).output("z");
        let choice = Op::new("If", &["c"], &["y"])
            .graph("then_branch", branch(Op::new("Relu", &["x"], &["z"])))
            .graph("else_branch", branch(Op::new("Add", &["x", "x"], &["z"])));
        let known = TensorProto {
            name: "c".into(),
            data_type: DataType::Bool as i32,
            raw_data: vec![condition].into(),
            ..TensorProto::default()
        };
        close(
            Builder::new(13).input("x", &[1, 5]).tensor(known).node(choice).output("y"),
            2.0,
            &[operator],
        );
    }
}

#[test]
fn branches_that_the_data_chooses_are_refused_with_what_they_hold() {
    let branch =
        |operator: &str| Builder::new(13).node(Op::new(operator, &["x"], &["z"])).output("z");
    let chosen = |one: &str, other: &str| {
        let choice = Op::new("If", &["c"], &["y"]).graph("then_branch", branch(one));
        let builder = Builder::new(13)
            .input("x", &[1, 5])
            .node(Op::new("ReduceMax", &["x"], &["top"]).int("keepdims", 0))
            .node(Op::new("Cast", &["top"], &["c"]).int("to", DataType::Bool as i64))
            .node(choice.graph("else_branch", branch(other)));
        refusal(builder.output("y"))
    };
    let message = chosen("LSTM", "Det");
    let held = "same for all data (in its branches Det, LSTM is not supported either); use Where";
    assert!(message.contains(held), "{message}");
    assert!(chosen("Relu", "Neg").contains("same for all data; use Where"));
}

#[test]
fn a_softmax_in_the_middle() {
    let builder = Builder::new(13).input("x", &[1, 5]).floats("w", &[5, 3], &weights(15));
    let builder = builder.node(Op::new("Softmax", &["x"], &["p"]).int("axis", 1));
    close(
        builder.node(Op::new("MatMul", &["p", "w"], &["y"])).output("y"),
        6.0,
        &["Softmax", "Linear"],
    );
}
