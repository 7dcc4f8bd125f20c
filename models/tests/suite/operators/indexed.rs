//! Elements gathered and scattered by constant indices, with the values that ONNX defines.

use zkinfer_models::integer::interpreter;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::{Dataset, Model};

use crate::support::refusal;

/// An initialiser of integers.
fn indices(name: &str, shape: &[i64], elements: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: DataType::Int64 as i32,
        int64_data: elements.to_vec(),
        ..TensorProto::default()
    }
}

/// What the integers stand for when `x` is 1, 2, 3, …, and the operators that they take.
fn counted(builder: Builder) -> (Vec<f64>, Vec<usize>, Vec<&'static str>) {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let inputs = model.inputs().iter().enumerate().map(|(place, input)| {
        let count: usize = input.shape.iter().product();
        let numbers = (1..=count).map(|x| x as f32 + 20.0 * place as f32);
        ndarray::ArrayD::from_shape_vec(input.shape.clone(), numbers.collect()).unwrap()
    });
    let sample: Vec<_> = inputs.collect();
    let calibration = model.calibrate(&Dataset::new(vec![sample.clone()], None).unwrap()).unwrap();
    let graph = model.quantise(&calibration).unwrap().graph;
    let outputs = interpreter::run(&graph, &graph.quantise_inputs(&sample).unwrap()).unwrap();
    let output = &graph.dequantise_outputs(&outputs)[0];
    let operators = graph.nodes.iter().map(|node| node.operator.name()).collect();
    (output.iter().map(|x| (x * 2.0).round() / 2.0).collect(), output.shape().to_vec(), operators)
}

fn check(builder: Builder, shape: &[usize], expected: &[f64]) -> Vec<&'static str> {
    let (values, found, operators) = counted(builder.output("y"));
    assert_eq!((values.as_slice(), found.as_slice()), (expected, shape), "{operators:?}");
    operators
}

#[test]
fn elements_gathered_one_by_one() {
    let gather = |axis: i64, shape: &[i64], elements: &[i64]| {
        Builder::new(17)
            .input("x", &[2, 3])
            .tensor(indices("i", shape, elements))
            .node(Op::new("GatherElements", &["x", "i"], &["y"]).int("axis", axis))
    };
    check(gather(1, &[2, 2], &[0, -1, 1, 1]), &[2, 2], &[1.0, 3.0, 5.0, 5.0]);
    check(gather(0, &[1, 3], &[1, 0, 1]), &[1, 3], &[4.0, 2.0, 6.0]);
    let operators = check(gather(1, &[1, 2], &[0, 2]), &[1, 2], &[1.0, 3.0]);
    assert_eq!(operators, ["Reshape", "Slice", "Reshape"], "a view, one slice of step 2");
    let message = refusal(gather(1, &[1, 1], &[3]).output("y"));
    assert!(message.contains("index 3 is outside a dimension of 3"), "{message}");
    let message = refusal(gather(1, &[3, 1], &[0, 0, 0]).output("y"));
    assert!(message.contains("indices of shape [3, 1] for shape [2, 3] and axis 1"), "{message}");
}

#[test]
fn blocks_gathered_by_tuples() {
    let gather = |batches: i64, shape: &[i64], elements: &[i64]| {
        Builder::new(17)
            .input("x", &[2, 2, 2])
            .tensor(indices("i", shape, elements))
            .node(Op::new("GatherND", &["x", "i"], &["y"]).int("batch_dims", batches))
    };
    check(gather(0, &[2, 2], &[0, 1, 1, -2]), &[2, 2], &[3.0, 4.0, 5.0, 6.0]);
    check(gather(0, &[1, 3], &[1, 0, 1]), &[1], &[6.0]);
    check(gather(1, &[2, 1], &[1, 0]), &[2, 2], &[3.0, 4.0, 5.0, 6.0]);
    check(gather(0, &[2, 1], &[1, 0]), &[2, 2, 2], &[5.0, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0]);
    let message = refusal(gather(2, &[2, 1], &[1, 0]).output("y"));
    assert!(message.contains("2 of its dimensions batches"), "{message}");
}

/// Data, constant or computed, beside updates, computed or constant.
#[test]
fn updates_take_the_place_of_elements() {
    let one = Builder::new(17)
        .input("x", &[1, 4])
        .tensor(indices("i", &[1, 2], &[0, 2]))
        .floats("u", &[1], &[9.0])
        .node(Op::new("ScatterND", &["x", "i", "u"], &["y"]));
    check(one, &[1, 4], &[1.0, 2.0, 9.0, 4.0]);
    let rows = Builder::new(17)
        .input("x", &[3, 2])
        .input("u", &[2, 2])
        .tensor(indices("i", &[2, 1], &[2, 0]))
        .node(Op::new("ScatterND", &["x", "i", "u"], &["y"]));
    check(rows, &[3, 2], &[23.0, 24.0, 3.0, 4.0, 21.0, 22.0]);
    let elements = Builder::new(17)
        .floats("d", &[2, 3], &[0.0; 6])
        .input("u", &[2, 2])
        .tensor(indices("i", &[2, 2], &[0, 2, 1, -1]))
        .node(Op::new("ScatterElements", &["d", "i", "u"], &["y"]).int("axis", 1));
    check(elements, &[2, 3], &[1.0, 0.0, 2.0, 0.0, 3.0, 4.0]);
    let twice = Builder::new(17)
        .input("x", &[3])
        .input("u", &[2])
        .tensor(indices("i", &[2], &[1, 1]))
        .node(Op::new("ScatterElements", &["x", "i", "u"], &["y"]));
    check(twice, &[3], &[1.0, 22.0, 3.0]);
}

#[test]
fn updates_are_joined_with_elements() {
    let joined = |operator: &str, reduction: &str| {
        Builder::new(18)
            .input("x", &[4])
            .floats("u", &[3], &[2.0, 0.5, 3.0])
            .tensor(match operator {
                "ScatterND" => indices("i", &[3, 1], &[1, 3, 1]),
                _ => indices("i", &[3], &[1, 3, 1]),
            })
            .node(Op::new(operator, &["x", "i", "u"], &["y"]).string("reduction", reduction))
    };
    for operator in ["ScatterND", "ScatterElements"] {
        check(joined(operator, "add"), &[4], &[1.0, 7.0, 3.0, 4.5]);
        check(joined(operator, "mul"), &[4], &[1.0, 12.0, 3.0, 2.0]);
        check(joined(operator, "max"), &[4], &[1.0, 3.0, 3.0, 4.0]);
        check(joined(operator, "min"), &[4], &[1.0, 2.0, 3.0, 0.5]);
        let message = refusal(joined(operator, "mean").output("y"));
        assert!(message.contains("attribute `reduction`"), "{message}");
    }
}

#[test]
fn an_order_without_any_order_is_refused() {
    let scrambled: Vec<i64> = (0..100 * 100).map(|i| i * i * 7919 % 9973).collect();
    let builder = Builder::new(17)
        .input("x", &[10_000])
        .tensor(indices("i", &[10_000], &scrambled))
        .node(Op::new("GatherElements", &["x", "i"], &["y"]))
        .output("y");
    let message = refusal(builder);
    assert!(message.contains("slices would make them, expected at most 4096"), "{message}");
}
