//! Operators that move elements, and those that vanish.

use zkinfer_models::Model;
use zkinfer_models::float::graph::Operator;
use zkinfer_models::float::layer::Layer;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op, float_tensor};

use super::unary;
use crate::support::{Case, case, close, weights};

/// A view of an input keeps its integers exactly.
fn view(builder: Builder, operators: &[&str], shape: &[usize]) -> Case {
    let case = close(builder, 1.0, operators);
    assert_eq!(case.integers()[0].shape(), shape);
    case
}

#[test]
fn flatten_and_reshape() {
    view(unary(13, &[1, 2, 3], Op::new("Flatten", &["x"], &["y"])), &["Reshape"], &[1, 6]);
    view(
        unary(13, &[1, 2, 3], Op::new("Flatten", &["x"], &["y"]).int("axis", -1)),
        &["Reshape"],
        &[2, 3],
    );
    view(
        unary(13, &[1, 2, 3], Op::new("Flatten", &["x"], &["y"]).int("axis", 3)),
        &["Reshape"],
        &[6, 1],
    );
    let reshape = |target: &[i64]| {
        unary(14, &[1, 2, 6], Op::new("Reshape", &["x", "s"], &["y"])).integers("s", target)
    };
    view(reshape(&[0, -1]), &["Reshape"], &[1, 12]);
    view(reshape(&[-1, 4]), &["Reshape"], &[3, 4]);
    view(reshape(&[12]), &["Reshape"], &[12]);
}

#[test]
fn squeeze_and_unsqueeze() {
    view(
        unary(9, &[1, 3, 1], Op::new("Squeeze", &["x"], &["y"]).ints("axes", &[2])),
        &["Reshape"],
        &[1, 3],
    );
    view(
        unary(9, &[1, 3], Op::new("Unsqueeze", &["x"], &["y"]).ints("axes", &[0, 3])),
        &["Reshape"],
        &[1, 1, 3, 1],
    );
    let newer = |operator: &str, shape: &[i64]| {
        unary(13, shape, Op::new(operator, &["x", "axes"], &["y"])).integers("axes", &[-1])
    };
    view(newer("Squeeze", &[1, 3, 1]), &["Reshape"], &[1, 3]);
    view(newer("Unsqueeze", &[1, 3]), &["Reshape"], &[1, 3, 1]);
    view(unary(13, &[1, 3, 1], Op::new("Squeeze", &["x"], &["y"])), &["Reshape"], &[3]);
}

#[test]
fn transpose() {
    let permuted = Op::new("Transpose", &["x"], &["y"]).ints("perm", &[0, 2, 3, 1]);
    view(unary(13, &[1, 2, 3, 4], permuted), &["Transpose"], &[1, 3, 4, 2]);
    view(unary(13, &[1, 2, 3], Op::new("Transpose", &["x"], &["y"])), &["Transpose"], &[3, 2, 1]);
}

#[test]
fn slice_as_attributes_and_as_inputs() {
    let old = Op::new("Slice", &["x"], &["y"])
        .ints("starts", &[1, -3])
        .ints("ends", &[9, -1])
        .ints("axes", &[1, 2]);
    view(unary(9, &[1, 4, 5], old), &["Slice", "Slice"], &[1, 3, 2]);
    let new = unary(13, &[1, 4, 5], Op::new("Slice", &["x", "s", "e", "a", "t"], &["y"]))
        .integers("s", &[-1, 0])
        .integers("e", &[i64::MIN, 5])
        .integers("a", &[2, 1])
        .integers("t", &[-2, 2]);
    view(new, &["Slice", "Slice"], &[1, 2, 3]);
    let plain = unary(13, &[4, 5], Op::new("Slice", &["x", "s", "e"], &["y"]))
        .integers("s", &[1, 0])
        .integers("e", &[3, 5]);
    view(plain, &["Slice"], &[2, 5]);
}

#[test]
fn pad_as_attributes_and_as_inputs() {
    let old = Op::new("Pad", &["x"], &["y"]).ints("pads", &[0, 0, 1, 0, 0, 2]).float("value", 0.5);
    view(unary(9, &[1, 2, 3], old), &["Pad"], &[1, 2, 6]);
    let new =
        unary(13, &[1, 2, 3], Op::new("Pad", &["x", "p", "v"], &["y"]).string("mode", "constant"))
            .integers("p", &[0, 1, 0, 0, 0, 1])
            .floats("v", &[], &[-0.25]);
    view(new, &["Pad"], &[1, 3, 4]);
    let axes = unary(18, &[1, 2, 3], Op::new("Pad", &["x", "p", "", "a"], &["y"]))
        .integers("p", &[1, 1])
        .integers("a", &[-1]);
    view(axes, &["Pad"], &[1, 2, 5]);
}

#[test]
fn padding_beyond_the_range_saturates_and_warns() {
    let op = Op::new("Pad", &["x"], &["y"]).ints("pads", &[0, 1, 0, 0]).float("value", 5.0);
    let case = case(unary(9, &[1, 4], op));
    let [warning] = case.quantised.report.warnings.as_slice() else {
        panic!("{:?}", case.quantised.report.warnings);
    };
    assert!(
        warning.starts_with("\"y_node\" pads with 5, outside the range of its input"),
        "{warning}"
    );
}

#[test]
fn identity_dropout_and_constant_vanish() {
    let builder = Builder::new(13)
        .input("x", &[1, 4])
        .node(
            Op::new("Constant", &[], &["w"])
                .tensor("value", float_tensor("", &[4, 2], &weights(8))),
        )
        .node(Op::new("Constant", &[], &["c"]).floats("value_floats", &[0.5, 1.5]))
        .node(Op::new("Identity", &["x"], &["i"]))
        .node(Op::new("Dropout", &["i"], &["d", "mask"]))
        .node(Op::new("MatMul", &["d", "w"], &["m"]))
        .node(Op::new("Add", &["m", "c"], &["y"]))
        .output("y");
    close(builder, 3.0, &["Linear"]);
}

#[test]
fn views_of_constants_are_carried_out() {
    let builder = Builder::new(13)
        .input("x", &[1, 4])
        .floats("w", &[2, 4], &weights(8))
        .node(Op::new("Transpose", &["w"], &["t"]).ints("perm", &[1, 0]))
        .node(Op::new("MatMul", &["x", "t"], &["y"]))
        .output("y");
    close(builder, 3.0, &["Linear"]);
}

#[test]
fn raw_data_and_unnamed_nodes() {
    let raw: Vec<u8> = weights(8).iter().flat_map(|w| w.to_le_bytes()).collect();
    let tensor = TensorProto {
        float_data: Vec::new(),
        raw_data: raw.into(),
        ..float_tensor("w", &[4, 2], &[])
    };
    let builder = Builder::new(21)
        .input("x", &[1, 4])
        .tensor(tensor)
        .node(Op::new("MatMul", &["x", "w"], &["y"]).named(""))
        .output("y");
    let case = close(builder, 3.0, &["Linear"]);
    assert_eq!(case.quantised.graph.nodes[0].name, "MatMul_0");
}

#[test]
fn all_opsets_in_range_are_read() {
    for opset in 9..=21 {
        let case = case(unary(opset, &[1, 4], Op::new("Relu", &["x"], &["y"])));
        assert!(case.distance() < 2.5, "opset {opset}");
    }
}

/// Weights that the file has quantised stay the integers that they are, however they are moved.
#[test]
fn quantised_weights_are_moved_as_they_are() {
    let integers = |op: Op, shape: &[i64]| {
        let weights = TensorProto {
            name: "q".into(),
            dims: shape.to_vec(),
            data_type: DataType::Int8 as i32,
            int32_data: (0..shape.iter().product::<i64>() as i32).map(|x| 3 * x - 7).collect(),
            ..TensorProto::default()
        };
        let builder = Builder::new(13).input("x", &[1, 4]).tensor(weights).floats("s", &[], &[0.5]);
        let builder = builder
            .integers("shape", &[4, 2])
            .integers("first", &[0])
            .integers("second", &[1])
            .node(Op::new("DequantizeLinear", &["q", "s"], &["d"]))
            .node(op)
            .node(Op::new("MatMul", &["x", "w"], &["y"]))
            .output("y");
        let model = Model::from_bytes("m.onnx", &builder.bytes()).unwrap();
        model
            .graph()
            .nodes
            .iter()
            .any(|node| matches!(&node.operator, Operator::Gemm { layer: Layer::Integer { .. } }))
    };
    for (view, operands, shape) in [
        ("Dropout", vec!["d"], vec![4, 2]),
        ("Flatten", vec!["d"], vec![4, 2]),
        ("Identity", vec!["d"], vec![4, 2]),
        ("Reshape", vec!["d", "shape"], vec![2, 4]),
        ("Squeeze", vec!["d", "first"], vec![1, 4, 2]),
        ("Transpose", vec!["d"], vec![2, 4]),
        ("Unsqueeze", vec!["d", "second"], vec![4]),
    ] {
        assert!(integers(Op::new(view, &operands, &["w"]), &shape), "{view}");
    }
    // What computes makes real numbers of them.
    assert!(!integers(Op::new("Relu", &["d"], &["w"]), &[4, 2]));
}
