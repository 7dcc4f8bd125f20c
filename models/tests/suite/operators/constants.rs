//! Constants, empty tensors, and elements that nothing reads.

use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::{Dataset, Model};

use crate::support::{close, defined};

fn list(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        raw_data: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

#[test]
fn a_constant_is_split() {
    let split = Op::new("Split", &["c", "s"], &["a", "b"]).int("axis", 0);
    let builder = Builder::new(13)
        .input("x", &[1, 3])
        .floats("c", &[5], &[1.0, 2.0, 0.5, 0.25, 4.0])
        .integers("s", &[2, 3])
        .node(split)
        .node(Op::new("Add", &["x", "b"], &["y"]))
        .output("y");
    defined(builder, 2.0, |inputs| {
        inputs[0].iter().zip([0.5, 0.25, 4.0]).map(|(&x, b)| f64::from(x) + b).collect()
    });
}

/// What is empty is joined to nothing, be it cut out of something or stored.
#[test]
fn empty_tensors_are_joined() {
    let builder = Builder::new(13)
        .input("x", &[1, 4])
        .floats("e", &[1, 0], &[])
        .integers("to", &[0])
        .integers("axis", &[1])
        .node(Op::new("Slice", &["x", "to", "to", "axis"], &["none"]))
        .node(Op::new("Split", &["x", "parts"], &["a", "b"]).int("axis", 1))
        .integers("parts", &[4, 0])
        .node(Op::new("Concat", &["e", "a", "none", "b"], &["y"]).int("axis", 1))
        .output("y");
    close(builder, 1.0, &["Slice"]);
}

/// Sizes beyond 53 bits, a product over one axis, and the largest integer there is.
#[test]
fn shapes_are_computed_exactly() {
    let builder = Builder::new(18)
        .input("x", &[1, 2, 6])
        .node(Op::new("Shape", &["x"], &["shape"]))
        .tensor(list("two", &[1, 2]))
        .tensor(list("from", &[1]))
        .tensor(list("large", &[i64::MAX - 1]))
        .tensor(list("one", &[1]))
        .tensor(list("zero", &[0]))
        .node(Op::new("Gather", &["shape", "two"], &["sides"]))
        .node(Op::new("ReduceProd", &["sides", "zero"], &["area"]))
        .node(Op::new("Add", &["large", "one"], &["end"]))
        .node(Op::new("Sub", &["end", "large"], &["start"]))
        .node(Op::new("Reshape", &["x", "area"], &["flat"]))
        .node(Op::new("Slice", &["flat", "start", "end"], &["y"]))
        .output("y");
    // 11 of 12 elements, from the second on.
    let case = close(builder, 1.0, &["Reshape", "Slice"]);
    assert_eq!(case.quantised.graph.nodes[1].shape, [11]);
}

/// `a / b`, and 0 where b is 0.
fn guarded(guard: bool) -> Builder {
    let builder = Builder::new(13)
        .input("a", &[1, 4])
        .input("b", &[1, 4])
        .floats("zero", &[1], &[0.0])
        .node(Op::new("Div", &["a", "b"], &["q"]));
    match guard {
        true => builder.node(Op::new("Equal", &["b", "zero"], &["c"])).node(Op::new(
            "Where",
            &["c", "zero", "q"],
            &["y"],
        )),
        false => builder.node(Op::new("Identity", &["q"], &["y"])),
    }
    .output("y")
}

#[test]
fn a_guarded_quotient_may_be_none() {
    let tensor =
        |values: [f32; 4]| ndarray::Array2::from_shape_vec((1, 4), values.to_vec()).unwrap();
    let samples: Vec<Vec<_>> = [[1.0, 2.0, -1.0, 0.0], [0.0, 1.0, 0.5, 2.0]]
        .map(|a| vec![tensor(a).into_dyn(), tensor([2.0, 1.0, 0.0, 0.0]).into_dyn()])
        .to_vec();
    let dataset = Dataset::new(samples.clone(), None).unwrap();
    let model = Model::from_bytes("case.onnx", &guarded(true).bytes()).unwrap();
    let calibration = model.calibrate(&dataset).unwrap();
    // The infinite quotients set no scale.
    assert!(calibration.results.values().all(|range| range.maximum <= 2.0));
    let quantised = model.quantise(&calibration).unwrap();
    let inputs = quantised.graph.quantise_inputs(&samples[0]).unwrap();
    let outputs = zkinfer_models::integer::interpreter::run(&quantised.graph, &inputs).unwrap();
    let numbers = quantised.graph.dequantise_outputs(&outputs);
    for (&found, expected) in numbers[0].iter().zip([0.5, 2.0, 0.0, 0.0]) {
        assert!((found - expected).abs() < 0.03, "{found} {expected}");
    }
    let model = Model::from_bytes("case.onnx", &guarded(false).bytes()).unwrap();
    let message = model.calibrate(&dataset).unwrap_err().to_string();
    assert!(message.contains("node \"q_node\" becomes"), "{message}");
}
