//! Files that are quantised already: what they say is proven, what they leave open is measured on
//! data or refused.

use ndarray::ArrayD;
use zkinfer_models::integer::interpreter;
use zkinfer_models::model::Error;
use zkinfer_models::onnx::Refusal;
use zkinfer_models::quantise::QuantiseError;
use zkinfer_models::testing::onnx::messages::{DataType, TensorProto};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::testing::random::Random;
use zkinfer_models::{Dataset, Model, Quantised};

use crate::support::{refusal, refusals, weights};

/// An initialiser of integers.
pub fn integers(name: &str, element: DataType, shape: &[i64], values: &[i32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: element as i32,
        int32_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// A file with scale and zero point of int8 for each name, which are `name_s` and `name_z`.
pub trait Grids: Sized {
    fn grid(self, name: &str, scale: f32, zero: i32) -> Self;
    /// QuantizeLinear and DequantizeLinear from one value to another.
    fn rounded(self, from: &str, to: &str, grid: &str) -> Self;
}

impl Grids for Builder {
    fn grid(self, name: &str, scale: f32, zero: i32) -> Self {
        let (scale_name, zero_name) = (format!("{name}_s"), format!("{name}_z"));
        self.floats(&scale_name, &[], &[scale]).tensor(integers(
            &zero_name,
            DataType::Int8,
            &[],
            &[zero],
        ))
    }

    fn rounded(self, from: &str, to: &str, grid: &str) -> Self {
        let (scale, zero, quantised) =
            (format!("{grid}_s"), format!("{grid}_z"), format!("{to}_quantised"));
        self.node(Op::new("QuantizeLinear", &[from, &scale, &zero], &[&quantised])).node(Op::new(
            "DequantizeLinear",
            &[&quantised, &scale, &zero],
            &[to],
        ))
    }
}

/// `x`, quantised, times weights of int8, quantised: `z`.
fn layer(opset: i64) -> Builder {
    let weights: Vec<i32> = (0..12).map(|index| (index * 37) % 200 - 100).collect();
    Builder::new(opset)
        .input("x", &[1, 4])
        .grid("x", 0.02, 3)
        .grid("w", 0.01, 0)
        .grid("z", 0.05, -7)
        .tensor(integers("w_quantised", DataType::Int8, &[4, 3], &weights))
        .rounded("x", "x_rounded", "x")
        .node(Op::new("DequantizeLinear", &["w_quantised", "w_s", "w_z"], &["w"]))
        .node(Op::new("MatMul", &["x_rounded", "w"], &["m"]))
        .rounded("m", "z", "z")
}

fn model(builder: Builder) -> Model {
    Model::from_bytes("case.onnx", &builder.bytes()).unwrap()
}

/// Quantised without calibration data.
fn as_it_is(model: &Model) -> Result<Quantised, Error> {
    model.quantise(&model.calibrate_input_range(0.0, 1.0)?)
}

fn samples(model: &Model, count: usize) -> Dataset {
    let mut random = Random::new(11);
    let mut sample =
        || model.inputs().iter().map(|input| random.tensor(&input.shape, -1.0, 1.0)).collect();
    Dataset::new((0..count).map(|_| sample()).collect(), None).unwrap()
}

/// The outputs as numbers.
fn outputs(quantised: &Quantised, inputs: &[ArrayD<f32>]) -> Vec<ArrayD<f64>> {
    let graph = &quantised.graph;
    let integers = graph.quantise_inputs(inputs).unwrap();
    graph.dequantise_outputs(&interpreter::run(graph, &integers).unwrap())
}

/// The largest distance between integers and our execution of the float graph.
fn distance(model: &Model, quantised: &Quantised) -> f64 {
    let samples = samples(model, 20);
    let distances = samples.samples().iter().map(|inputs| {
        let (float, ours) = (model.run(inputs).unwrap(), outputs(quantised, inputs));
        let pairs = float[0].iter().zip(&ours[0]);
        pairs.map(|(&float, &ours)| (f64::from(float) - ours).abs()).fold(0.0, f64::max)
    });
    distances.fold(0.0, f64::max)
}

/// What `quantize_static` makes of a classifier: the logits' grid is the file's, and nothing is
/// measured. An ArgMax behind the rounded softmax is one of the logits.
#[test]
fn a_final_softmax_is_dropped_with_its_quantisation() {
    let builder = layer(17)
        .grid("y", 1.0 / 256.0, -128)
        .node(Op::new("Softmax", &["z"], &["s"]).int("axis", -1))
        .rounded("s", "y", "y")
        .node(Op::new("ArgMax", &["y"], &["class"]).int("axis", 1))
        .output("y")
        .integer_output("class");
    let model = model(builder);
    assert!(model.notes()[0].contains("dropped, and with it the quantisation"), "{model:?}");
    let quantised = as_it_is(&model).unwrap();
    assert!(quantised.report.warnings.is_empty(), "{:?}", quantised.report.warnings);
    let logits = as_it_is(&self::model(layer(17).output("z"))).unwrap();
    for inputs in samples(&model, 20).samples() {
        let (ours, logits) = (outputs(&quantised, inputs), outputs(&logits, inputs));
        assert_eq!(ours[0], logits[0]);
        let largest = logits[0].iter().copied().fold(f64::MIN, f64::max);
        assert_eq!(logits[0][[0, ours[1][[0, 0]] as usize]], largest);
    }
    // Over another dimension it is no ArgMax of the logits.
    let other = layer(17)
        .grid("y", 1.0 / 256.0, -128)
        .node(Op::new("Softmax", &["z"], &["s"]).int("axis", -1))
        .rounded("s", "y", "y")
        .node(Op::new("ArgMax", &["y"], &["class"]).int("axis", 0))
        .integer_output("class");
    assert!(self::model(other).notes().is_empty());
}

/// `QLinearSoftmax` at the end is dropped too, and in the middle both forms are what their
/// definition says, up to a step.
#[test]
fn a_softmax_between_grids_needs_no_data() {
    let middle = |form: &str| {
        let builder = layer(17).grid("y", 1.0 / 256.0, -128);
        match form {
            "qdq" => builder
                .node(Op::new("Softmax", &["z"], &["s"]).int("axis", -1))
                .rounded("s", "y", "y"),
            _ => builder
                .node(
                    Op::new("QLinearSoftmax", &["z_quantised", "z_s", "z_z", "y_s", "y_z"], &["q"])
                        .domain("com.microsoft")
                        .int("axis", -1)
                        .int("opset", 17),
                )
                .node(Op::new("DequantizeLinear", &["q", "y_s", "y_z"], &["y"])),
        }
    };
    let end = model(middle("qop").output("y"));
    assert!(end.notes()[0].contains("(QLinearSoftmax) is dropped"), "{:?}", end.notes());
    let logits = as_it_is(&end).unwrap();
    for form in ["qdq", "qop"] {
        let behind = middle(form)
            .grid("o", 1.0 / 256.0, 127)
            .node(Op::new("Neg", &["y"], &["n"]))
            .rounded("n", "o", "o");
        let model = model(behind.output("o"));
        let quantised = as_it_is(&model).unwrap();
        for inputs in samples(&model, 20).samples() {
            let (ours, logits) = (outputs(&quantised, inputs), outputs(&logits, inputs));
            let sum: f64 = logits[0].iter().map(|x| x.exp()).sum();
            for (ours, logit) in ours[0].iter().zip(&logits[0]) {
                let right = (logit.exp() / sum * 256.0).round();
                assert!((ours * -256.0 - right).abs() <= 1.0, "{form}: {ours} for {right}");
            }
        }
    }
}

#[test]
fn long_softmaxes_between_grids_are_refused() {
    let builder = Builder::new(17)
        .input("x", &[1, 300])
        .grid("x", 0.02, 3)
        .rounded("x", "r", "x")
        .node(Op::new("Softmax", &["r"], &["s"]).int("axis", -1))
        .rounded("s", "t", "x")
        .node(Op::new("Relu", &["t"], &["y"]))
        .output("y");
    assert!(refusal(builder).contains("it normalises 300 quantised numbers together"));
}

/// What a quantised file leaves in floating point is measured on data, or refused by name.
#[test]
fn values_without_a_grid_want_data() {
    let open = |builder: Builder| match as_it_is(&model(builder)) {
        Err(Error::Quantise(QuantiseError::LeftOpen { values, .. })) => values,
        other => panic!("{other:?}"),
    };
    let partial = || {
        layer(17)
            .floats("b", &[3], &[0.5, 0.25, -0.5])
            .node(Op::new("Add", &["z", "b"], &["a"]))
            .node(Op::new("Tanh", &["a"], &["t"]))
            .node(Op::new("Mul", &["t", "z"], &["y"]))
    };
    // A product is put out as it is, whatever its range.
    assert_eq!(open(partial().output("y")), "\"t\"");
    // A table reads its argument over a measured range even where its result has a grid.
    let fused = partial().rounded("t", "o", "x").output("o");
    assert_eq!(open(fused), "\"a_node before its Tanh\"");
    let model = model(partial().output("y"));
    let quantised = model.quantise(&model.calibrate(&samples(&model, 64)).unwrap()).unwrap();
    assert!(
        quantised.report.notes.iter().any(|note| note.contains("quantised but for \"t\"")),
        "{:?}",
        quantised.report.notes
    );
    assert!(distance(&model, &quantised) < 0.1);
}

/// The argument of a table has so many steps that the result is as good as its grid.
#[test]
fn a_table_before_a_grid_reads_finely() {
    for (element, steps) in [(DataType::Int8, 256.0), (DataType::Int16, 65_536.0)] {
        let zero = if element == DataType::Int8 { -128 } else { -32_768 };
        let builder = layer(21)
            .floats("b", &[3], &[0.5, 0.25, -0.5])
            .floats("o_s", &[], &[1.0 / steps as f32])
            .tensor(integers("o_z", element, &[], &[zero]))
            .node(Op::new("Add", &["z", "b"], &["a"]))
            .node(Op::new("Sigmoid", &["a"], &["t"]))
            .rounded("t", "y", "o")
            .output("y");
        let model = model(builder);
        let quantised = model.quantise(&model.calibrate(&samples(&model, 64)).unwrap()).unwrap();
        let logits = as_it_is(&self::model(layer(21).output("z"))).unwrap();
        for inputs in samples(&model, 20).samples() {
            let (ours, logits) = (outputs(&quantised, inputs), outputs(&logits, inputs));
            for ((ours, z), b) in ours[0].iter().zip(&logits[0]).zip([0.5, 0.25, -0.5]) {
                let right = 1.0 / (1.0 + (-(z + b)).exp());
                assert!((ours - right).abs() * steps <= 1.1, "{element:?}: {ours} for {right}");
            }
        }
    }
}

fn first(refusals: Vec<Refusal>) -> String {
    refusals.into_iter().next().map(|refusal| refusal.reason).unwrap()
}

/// What `quantize_dynamic` makes of two layers, scales per tensor or per channel.
fn dynamic(scales: usize) -> Builder {
    let quantised: Vec<i32> = (0..24).map(|index| (index * 53) % 250 - 125).collect();
    let (first, second) = ([0.01, 0.02, 0.015, 0.01, 0.02, 0.03], [0.02, 0.01, 0.03, 0.02]);
    let zero = |name: &str| integers(name, DataType::Int8, &[], &[0]);
    let dims = |count: usize| if scales == 1 { vec![] } else { vec![count as i64] };
    let of = |all: &[f32]| if scales == 1 { vec![all[0]] } else { all.to_vec() };
    Builder::new(17)
        .input("x", &[1, 4])
        .tensor(integers("w1", DataType::Int8, &[4, 6], &quantised))
        .tensor(integers("w2", DataType::Int8, &[6, 4], &quantised))
        .floats("w1_s", &dims(6), &of(&first))
        .floats("w2_s", &dims(4), &of(&second))
        .tensor(zero("w1_z"))
        .tensor(zero("w2_z"))
        .floats("b", &[6], &weights(6))
        .node(Op::new("DynamicQuantizeLinear", &["x"], &["q1", "s1", "z1"]))
        .node(Op::new("Mul", &["s1", "w1_s"], &["s1w"]))
        .node(Op::new("MatMulInteger", &["q1", "w1", "z1", "w1_z"], &["i1"]))
        .node(Op::new("Cast", &["i1"], &["c1"]).int("to", 1))
        .node(Op::new("Mul", &["c1", "s1w"], &["m1"]))
        .node(Op::new("Add", &["m1", "b"], &["a"]))
        .node(Op::new("Relu", &["a"], &["r"]))
        .node(Op::new("DynamicQuantizeLinear", &["r"], &["q2", "s2", "z2"]))
        .node(Op::new("Mul", &["s2", "w2_s"], &["s2w"]))
        .node(Op::new("MatMulInteger", &["q2", "w2", "z2", "w2_z"], &["i2"]))
        .node(Op::new("Cast", &["i2"], &["c2"]).int("to", 1))
        .node(Op::new("Mul", &["c2", "s2w"], &["y"]))
}

/// Scales that a file computes from the data are measured instead, which is said; what is left of
/// each product is one layer with the file's weights.
#[test]
fn dynamic_quantisation_becomes_static_by_calibration() {
    for scales in [1, 6] {
        let model = model(dynamic(scales).output("y"));
        assert!(
            model.notes()[0].starts_with("the file quantises \"x\", \"r\" dynamically"),
            "{:?}",
            model.notes()
        );
        match as_it_is(&model) {
            Err(Error::Quantise(QuantiseError::Dynamic { values, .. })) => {
                assert_eq!(values, "\"x\", \"r\"");
            }
            other => panic!("{other:?}"),
        }
        let quantised = model.quantise(&model.calibrate(&samples(&model, 64)).unwrap()).unwrap();
        let nodes = &quantised.graph.nodes;
        let operators: Vec<&str> = nodes.iter().map(|node| node.operator.name()).collect();
        assert_eq!(operators, ["Linear", "Linear"]);
        // Weights up to 125 steps of 0.02: the largest sums are some 5, in steps of 5/255 each.
        assert!(distance(&model, &quantised) < 0.2, "{}", distance(&model, &quantised));
    }
}

#[test]
fn scales_of_the_data_go_nowhere_else() {
    let scale = refusals(dynamic(1).node(Op::new("Relu", &["s1"], &["o"])).output("y").output("o"));
    assert!(first(scale).starts_with("input 0 is a scale that the file computes from the data"));
    let unscaled = refusals(dynamic(1).node(Op::new("Relu", &["c2"], &["o"])).output("o"));
    assert!(first(unscaled).contains("has not been multiplied with their scales"));
    let integers = refusals(dynamic(1).node(Op::new("Relu", &["q2"], &["o"])).output("o"));
    assert!(first(integers).starts_with("it reads dynamically quantised integers"));
    let twice = dynamic(1).node(Op::new("Mul", &["c2", "s2w"], &["again"]));
    assert!(
        first(refusals(twice.output("y").output("again")))
            .contains("something else than the integer product they belong to")
    );
    let put_out = refusal(dynamic(1).output("s1"));
    assert!(put_out.contains("it is a scale that DynamicQuantizeLinear computes"), "{put_out}");
    assert!(refusal(dynamic(1).output("c2")).contains("whose scale is not fixed"));
    // Rounded and read again: as an activation is.
    let rounded = dynamic(1).node(Op::new("DequantizeLinear", &["q2", "s2", "z2"], &["o"]));
    let rounded = model(rounded.node(Op::new("Neg", &["o"], &["n"])).output("n"));
    assert!(
        distance(
            &rounded,
            &rounded.quantise(&rounded.calibrate(&samples(&rounded, 64)).unwrap()).unwrap()
        ) < 0.05
    );
}

#[test]
fn onnxruntimes_product_of_a_dynamically_quantised_value() {
    let values: Vec<i32> = (0..12).map(|index| (index * 53) % 250).collect();
    let builder = Builder::new(17)
        .input("x", &[1, 4])
        .tensor(integers("w", DataType::Uint8, &[4, 3], &values))
        .floats("s", &[], &[0.01])
        .tensor(integers("z", DataType::Uint8, &[], &[120]))
        .floats("b", &[3], &[1.0, 2.0, 3.0])
        .node(
            Op::new("DynamicQuantizeMatMul", &["x", "w", "s", "z", "b"], &["y"])
                .domain("com.microsoft"),
        )
        .output("y");
    let model = model(builder);
    let quantised = model.quantise(&model.calibrate(&samples(&model, 64)).unwrap()).unwrap();
    let x = ArrayD::from_shape_vec(vec![1, 4], vec![0.5, -0.25, 0.0, 0.0]).unwrap();
    let real = |row: usize, column: usize| f64::from(values[3 * row + column] - 120) * 0.01;
    for (column, &ours) in outputs(&quantised, &[x])[0].iter().enumerate() {
        let right = 0.5 * real(0, column) - 0.25 * real(1, column) + (column + 1) as f64;
        assert!((ours - right).abs() < 0.02, "{ours} for {right}");
    }
}

/// An integer product is real once it is multiplied with scales: that is part of the product, and
/// nothing is rounded in between. Read twice, it is the same number.
#[test]
fn wide_accumulators_are_not_rounded_on_their_way() {
    let values: Vec<i32> = (0..12).map(|index| (index * 53) % 250 - 125).collect();
    let builder = || {
        Builder::new(17)
            .input("x", &[1, 4])
            .grid("x", 0.02, 3)
            .tensor(integers("w", DataType::Int8, &[4, 3], &values))
            .floats("s", &[3], &[0.0002, 0.0004, 0.0006])
            .node(Op::new("QuantizeLinear", &["x", "x_s", "x_z"], &["q"]))
            .node(Op::new("MatMulInteger", &["q", "w", "x_z"], &["i"]))
    };
    let cast = || builder().node(Op::new("Cast", &["i"], &["c"]).int("to", 1));
    let by_mul = cast().node(Op::new("Mul", &["c", "s"], &["y"])).output("y");
    let by_linear =
        builder().node(Op::new("DequantizeLinear", &["i", "s"], &["y"]).int("axis", 1)).output("y");
    for builder in [by_mul, by_linear] {
        let model = model(builder);
        let quantised = as_it_is(&model).unwrap();
        let nodes = &quantised.graph.nodes;
        let operators: Vec<&str> = nodes.iter().map(|node| node.operator.name()).collect();
        assert_eq!(operators, ["Reshape", "Linear"], "integers read as they are, and the product");
        for inputs in samples(&model, 20).samples() {
            let x: Vec<i32> =
                inputs[0].iter().map(|x| (x / 0.02).round_ties_even() as i32).collect();
            for (column, &ours) in outputs(&quantised, inputs)[0].iter().enumerate() {
                let sum: i32 = (0..4).map(|row| x[row] * values[3 * row + column]).sum();
                let right = f64::from(sum) * 0.0002 * (column + 1) as f64;
                assert!((ours - right).abs() < 1e-3 * right.abs() + 1e-6, "{ours} for {right}");
            }
        }
    }
    let twice = cast()
        .node(Op::new("Mul", &["c", "s"], &["y"]))
        .node(Op::new("Neg", &["c"], &["n"]))
        .output("y")
        .output("n");
    let model = model(twice);
    let x = ArrayD::from_elem(vec![1, 4], 0.5);
    let float = model.run(&[x]).unwrap();
    for column in 0..3 {
        let sum: i32 = (0..4).map(|row| 25 * values[3 * row + column]).sum();
        assert_eq!(float[1][[0, column]], -sum as f32);
        let right = sum as f32 * 0.0002 * (column + 1) as f32;
        assert!((float[0][[0, column]] - right).abs() <= 1e-5 * right.abs());
    }
}
