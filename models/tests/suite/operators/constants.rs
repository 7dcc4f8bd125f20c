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
        raw_data: values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into(),
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

/// A matrix of few numbers, as exporters of filter banks have it, is made without a step for each
/// element between two of them; and each kind of update.
#[test]
fn constants_are_gathered_and_scattered() {
    let places: Vec<i64> = (0..4000).map(|i| i * i * 7919 % 199_933).collect();
    let numbers: Vec<f32> = (0..4000).map(|i| (i % 7) as f32 - 3.0).collect();
    let builder = Builder::new(17)
        .input("x", &[1, 500])
        .integers("size", &[200_000])
        .integers("matrix", &[500, 400])
        .tensor(list("places", &places))
        .floats("numbers", &[4000], &numbers)
        .node(Op::new("ConstantOfShape", &["size"], &["zeros"]))
        .node(Op::new("ScatterElements", &["zeros", "places", "numbers"], &["flat"]))
        .node(Op::new("Reshape", &["flat", "matrix"], &["weights"]))
        .node(Op::new("MatMul", &["x", "weights"], &["y"]))
        .output("y");
    let mut weights = vec![0.0; 200_000];
    for (&place, &number) in places.iter().zip(&numbers) {
        weights[place as usize] = f64::from(number);
    }
    defined(builder, 2.0, |inputs| {
        let column = |column: usize| {
            let row = |(row, &x): (usize, &f32)| f64::from(x) * weights[400 * row + column];
            inputs[0].iter().enumerate().map(row).sum()
        };
        (0..400).map(column).collect()
    });
    let tuples = TensorProto { dims: vec![3, 1], ..list("tuples", &[1, 1, -1]) };
    for (reduction, expected) in
        [("none", [6, 7]), ("add", [13, 10]), ("mul", [60, 21]), ("max", [6, 7]), ("min", [2, 3])]
    {
        let scatter = Op::new("ScatterND", &["data", "tuples", "updates"], &["joined"]);
        let builder = Builder::new(18)
            .input("x", &[40])
            .integers("data", &[1, 2, 3])
            .integers("updates", &[5, 6, 7])
            .integers("second", &[1])
            .tensor(tuples.clone())
            .tensor(TensorProto { dims: vec![1, 1], ..list("last", &[-1]) })
            .node(scatter.string("reduction", reduction))
            .node(Op::new("GatherElements", &["joined", "second"], &["begin"]))
            .node(Op::new("GatherND", &["joined", "last"], &["end"]))
            .node(Op::new("Concat", &["begin", "end"], &["ends"]).int("axis", 0))
            .node(Op::new("Pad", &["x", "ends"], &["y"]))
            .output("y");
        let case = defined(builder, 1.0, |inputs| {
            let zeros = |count: i64| vec![0.0; count as usize];
            let x = inputs[0].iter().map(|&x| f64::from(x)).collect();
            [zeros(expected[0]), x, zeros(expected[1])].concat()
        });
        assert_eq!(case.quantised.graph.nodes.len(), 1, "{reduction}");
    }
}
