//! Tensors whose columns or channels differ by orders of magnitude: none of them is lost beside the
//! others.

use ndarray::ArrayD;
use zkinfer_models::integer::graph::{Operator, Parts};
use zkinfer_models::testing::onnx::{Builder, Op};
use zkinfer_models::testing::random::Random;
use zkinfer_models::{Dataset, Model, Quantised};

use crate::support::weights;

/// Mean error of a column or channel, in units of what it ranges over, that two or three roundings
/// to 8 bits allow. What shares a scale with something larger is off by a quarter and more.
const ALLOWED: f64 = 0.025;

struct Case {
    model: Model,
    quantised: Quantised,
    dataset: Dataset,
}

/// Calibrated and compared on samples of which each element lies between the ends that `ends` gives
/// for its place.
fn case(builder: Builder, ends: impl Fn(usize) -> [f32; 2]) -> Case {
    let model = Model::from_bytes("case.onnx", &builder.bytes()).unwrap();
    let mut random = Random::new(11);
    let samples = (0..64).map(|_| {
        let tensors = model.inputs().iter().map(|input| {
            let count = input.shape.iter().product();
            let unit = random.reals(count, 0.0, 1.0).into_iter().enumerate();
            let elements = unit.map(|(place, x)| {
                let [low, high] = ends(place);
                low + x * (high - low)
            });
            ArrayD::from_shape_vec(input.shape.clone(), elements.collect()).unwrap()
        });
        tensors.collect()
    });
    let dataset = Dataset::new(samples.collect(), None).unwrap();
    let quantised = model.quantise(&model.calibrate(&dataset).unwrap()).unwrap();
    quantised.graph.validate().unwrap();
    Case { model, quantised, dataset }
}

impl Case {
    /// That no column or channel of an output is off by more than 8 bits allow, and that the
    /// operators are these.
    #[track_caller]
    fn agrees(self, operators: &[&str]) -> Self {
        let nodes = self.quantised.graph.nodes.iter();
        assert_eq!(nodes.map(|node| node.operator.name()).collect::<Vec<_>>(), operators);
        for output in self.model.evaluate(&self.quantised.graph, &self.dataset).unwrap().outputs {
            for part in &output.parts {
                let off = &part.deviation;
                assert!(off.mean <= ALLOWED * off.spread, "{part:?}");
            }
            assert_eq!(output.doubt(), None);
        }
        self
    }

    /// How the first output is read, if by index.
    fn output(&self) -> Option<&Parts> {
        let graph = &self.quantised.graph;
        graph.parts.get(&graph.outputs[0].value)
    }

    #[track_caller]
    fn says(self, choice: &str) -> Self {
        let choices = &self.quantised.report.choices;
        assert!(choices.iter().any(|line| line.contains(choice)), "{choices:?}");
        self
    }
}

/// Ends of columns from 0.001 to 1000, in turn.
fn mixed(place: usize) -> [f32; 2] {
    let size = [0.001f32, 1000.0, 1.0, 30.0][place % 4];
    [-size, size]
}

/// Weights `[inputs, outputs]` that make as much of each column.
fn level(inputs: usize, outputs: usize, ends: impl Fn(usize) -> [f32; 2]) -> Vec<f32> {
    let plain = weights(inputs * outputs);
    let share = |at: usize| {
        let [low, high] = ends(at / outputs);
        plain[at] / (high - low)
    };
    (0..inputs * outputs).map(share).collect()
}

fn gemm(builder: Builder, x: &str, y: &str, sizes: [usize; 2], values: &[f32]) -> Builder {
    let name = format!("{y}_w");
    builder.floats(&name, &sizes.map(|size| size as i64), values).node(Op::new(
        "MatMul",
        &[x, &name],
        &[y],
    ))
}

#[test]
fn columns_of_an_input_have_scales_of_their_own() {
    let builder = Builder::new(17).batched_input("x", &[8]);
    let builder = gemm(builder, "x", "h", [8, 16], &level(8, 16, mixed));
    let builder =
        gemm(builder.node(Op::new("Relu", &["h"], &["r"])), "r", "y", [16, 3], &weights(48));
    let case = case(builder.output("y"), mixed).agrees(&["Linear", "Linear"]);
    let case = case.says("input \"x\": a scale for each index of dimension 1, ranges of 0.00");
    let graph = &case.quantised.graph;
    // What is beyond a column's range is said of that column.
    let mut sample = case.dataset.samples()[0][0].clone();
    sample[[0, 4]] = 0.5;
    let clamped = graph.clamped(0, &sample).unwrap();
    assert_eq!((clamped.part, clamped.above, clamped.below), (Some((1, 4)), 1, 0));
    assert!(clamped.range[1] < 0.0011, "{clamped:?}");
    assert!(clamped.to_string().contains("as at 4 -0.00"), "{clamped}");
    let integers = graph.quantise_input(0, &sample).unwrap();
    assert_eq!(integers[[0, 4]], 127);
    let back = graph.dequantise(0, &integers);
    assert!((back[[0, 5]] - f64::from(sample[[0, 5]])).abs() < 5.0);
    assert!((back[[0, 0]] - f64::from(sample[[0, 0]])).abs() < 5e-6);
}

/// Years range over little, far from zero.
#[test]
fn dates_and_ratios_are_read_with_offsets() {
    let ends =
        |place: usize| [[2010.0f32, 2024.0], [0.0, 1.0], [1.6e9, 1.7e9], [-3.0, 3.0]][place % 4];
    let builder = Builder::new(17).batched_input("x", &[4]).floats(
        "bias",
        &[5],
        &[-300.0, 700.0, 0.0, 20.0, -1.0],
    );
    let builder = gemm(builder, "x", "h", [4, 5], &level(4, 5, ends)).node(Op::new(
        "Add",
        &["h", "bias"],
        &["y"],
    ));
    let case = case(builder.output("y"), ends).agrees(&["Linear"]);
    let parts = &case.quantised.graph.parts[&0];
    assert!(parts.each[0].zero_point < -30_000 && parts.each[1].zero_point == -128, "{parts:?}");
}

#[test]
fn an_input_that_two_layers_read_is_taken_into_both() {
    let builder = Builder::new(17).batched_input("x", &[4]);
    let builder = gemm(builder, "x", "a", [4, 6], &level(4, 6, mixed));
    let other: Vec<f32> = level(4, 6, mixed).iter().map(|w| -0.5 * w).collect();
    let builder = gemm(builder, "x", "b", [4, 6], &other);
    let builder = builder.node(Op::new("Add", &["a", "b"], &["y"])).output("y");
    case(builder, mixed).agrees(&["Linear", "Linear", "Sum"]);
}

/// What wants one scale gets it from a depthwise convolution, and the layer keeps all columns.
#[test]
fn an_operator_that_wants_one_scale_gets_one() {
    let builder = Builder::new(17).batched_input("x", &[4]);
    let builder = gemm(builder, "x", "y", [4, 6], &level(4, 6, mixed));
    let builder = builder.node(Op::new("Abs", &["x"], &["z"])).output("y").output("z");
    let case = case(builder, mixed);
    let nodes: Vec<_> =
        case.quantised.graph.nodes.iter().map(|node| node.operator.name()).collect();
    assert_eq!(nodes, ["Linear", "Reshape", "Convolution", "Reshape", "Activation"]);
    let outputs = case.model.evaluate(&case.quantised.graph, &case.dataset).unwrap().outputs;
    assert_eq!(outputs[0].doubt(), None);
    assert!(outputs[1].all.cosine > 0.999, "{:?}", outputs[1]);
}

/// Channels last, as TensorFlow exports them, standardised by nobody.
#[test]
fn channels_of_a_picture_have_scales_of_their_own() {
    let ends = |place: usize| [[0.0f32, 0.01], [0.0, 4000.0]][place % 2];
    let taps = weights(3 * 2 * 9);
    let levelled = taps.iter().enumerate().map(|(at, w)| w / ends(at / 9)[1]);
    let builder = Builder::new(17)
        .batched_input("x", &[5, 5, 2])
        .floats("w", &[3, 2, 3, 3], &levelled.collect::<Vec<_>>())
        .node(Op::new("Transpose", &["x"], &["t"]).ints("perm", &[0, 3, 1, 2]))
        .node(Op::new("Conv", &["t", "w"], &["y"]).ints("pads", &[1, 1, 1, 1]))
        .output("y");
    let case = case(builder, ends).agrees(&["Transpose", "Convolution"]);
    assert!(case.quantised.graph.parts[&0].axis == 3);
}

fn head(builder: Builder) -> Builder {
    let builder = gemm(builder.batched_input("x", &[10]), "x", "z", [10, 16], &weights(160));
    builder.node(Op::new("Relu", &["z"], &["h"]))
}

#[test]
fn boxes_and_scores_of_one_output_keep_scales_of_their_own() {
    let builder = gemm(head(Builder::new(17)), "h", "b", [16, 4], &weights(64));
    let builder = gemm(builder, "h", "s", [16, 6], &weights(96))
        .floats("pixels", &[1], &[160.0])
        .node(Op::new("Mul", &["b", "pixels"], &["boxes"]))
        .node(Op::new("Sigmoid", &["s"], &["scores"]))
        .node(Op::new("Concat", &["boxes", "scores"], &["y"]).int("axis", 1))
        .output("y");
    let case = case(builder, |_| [-1.0, 1.0]);
    let case = case.says("2 parts with scales of their own");
    let parts = case.output().expect("scales by index").clone();
    assert!(parts.axis == 1 && parts.each.len() == 10 && parts.each[9].zero_point == -128);
    let outputs = case.model.evaluate(&case.quantised.graph, &case.dataset).unwrap().outputs;
    assert_eq!(outputs[0].doubt(), None);
    for part in &outputs[0].parts {
        assert!(part.deviation.mean < 0.03 * part.deviation.spread, "{part:?}");
    }
}

/// As YOLOv8 puts them out: `[1, 4 + classes, anchors]`, here through a Transpose as well.
#[test]
fn a_detector_keeps_boxes_and_scores_behind_views() {
    let builder = Builder::new(17)
        .batched_input("x", &[2, 6, 6])
        .floats("wb", &[4, 2, 3, 3], &weights(72))
        .floats("ws", &[5, 2, 3, 3], &weights(90))
        .node(Op::new("Conv", &["x", "wb"], &["b"]))
        .node(Op::new("Conv", &["x", "ws"], &["s"]))
        .integers("rb", &[1, 4, 16])
        .integers("rs", &[1, 5, 16])
        .node(Op::new("Reshape", &["b", "rb"], &["b1"]))
        .node(Op::new("Reshape", &["s", "rs"], &["s1"]))
        .floats("stride", &[1, 16], &[8.0, 16.0, 32.0, 8.0].repeat(4))
        .node(Op::new("Mul", &["b1", "stride"], &["boxes"]))
        .node(Op::new("Sigmoid", &["s1"], &["scores"]))
        .node(Op::new("Concat", &["boxes", "scores"], &["c"]).int("axis", 1))
        .node(Op::new("Transpose", &["c"], &["y"]).ints("perm", &[0, 2, 1]))
        .output("c")
        .output("y");
    let case = case(builder, |_| [-1.0, 1.0]);
    assert_eq!(case.quantised.graph.parts[&case.quantised.graph.outputs[1].value].axis, 2);
    for output in case.model.evaluate(&case.quantised.graph, &case.dataset).unwrap().outputs {
        assert_eq!(output.doubt(), None, "{output:?}");
    }
}

#[test]
fn outputs_in_different_units_have_a_scale_each() {
    let columns = weights(16 * 5);
    let units = [1e-3f32, 500.0, 1.0, 1e5, 0.02];
    let scaled: Vec<f32> = columns.iter().enumerate().map(|(at, w)| w * units[at % 5]).collect();
    let builder = gemm(head(Builder::new(17)), "h", "y", [16, 5], &scaled).output("y");
    let case = case(builder, |_| [-1.0, 1.0]).agrees(&["Linear", "Linear"]);
    let case = case.says("\"y_node\": accumulators put out with a scale for each index");
    let Operator::Linear { multipliers, requantise: None, .. } =
        &case.quantised.graph.nodes[1].operator
    else {
        panic!("{:?}", case.quantised.graph.nodes[1]);
    };
    assert_eq!(multipliers, &[1; 5], "nothing is left to multiply by");
    // What is compared needs one scale.
    let builder = gemm(head(Builder::new(17)), "h", "y", [16, 5], &scaled)
        .node(Op::new("ArgMax", &["y"], &["class"]).int("axis", 1))
        .integer_output("class");
    let case = self::case(builder, |_| [-1.0, 1.0]);
    assert!(case.quantised.graph.parts.is_empty(), "{:?}", case.quantised.graph.parts);
}

/// The head of a detector joins boxes and scores, and takes them apart again to put the scores in
/// order: each has a scale of its own.
#[test]
fn what_is_joined_and_taken_apart_has_scales_of_its_own() {
    let head = |shown: bool| {
        let builder = Builder::new(17)
            .input("x", &[1, 4, 24])
            .input("z", &[1, 1, 24])
            .floats("pixels", &[1], &[300.0])
            .floats("less", &[1], &[-6.0])
            .integers("sizes", &[4, 1])
            .integers("flat", &[1, 24])
            .integers("count", &[5])
            .node(Op::new("Mul", &["x", "pixels"], &["boxes"]))
            .node(Op::new("Add", &["z", "less"], &["low"]))
            .node(Op::new("Sigmoid", &["low"], &["scores"]))
            .node(Op::new("Concat", &["boxes", "scores"], &["joined"]).int("axis", 1))
            .node(Op::new("Transpose", &["joined"], &["turned"]).ints("perm", &[0, 2, 1]))
            .node(Op::new("Split", &["turned", "sizes"], &["first", "second"]).int("axis", 2))
            .node(Op::new("Reshape", &["second", "flat"], &["line"]))
            .node(Op::new("TopK", &["line", "count"], &["best", "places"]).int("axis", 1))
            .output("best");
        if shown { builder.output("turned") } else { builder.output("first") }
    };
    let best = |shown: bool| {
        let case = crate::support::case(head(shown));
        let all = &case.model.evaluate(&case.quantised.graph, &case.dataset).unwrap().outputs;
        all.iter().find(|output| output.name == "best").unwrap().all.error
    };
    assert!(best(false) < 0.05, "{}", best(false));
    // Where the whole is looked at too, it has one scale, and the verdict says what that does.
    assert!(best(true) > 0.5, "{}", best(true));
}

#[test]
fn requantised_outputs_have_a_scale_each_too() {
    let units = [1e-3f32, 500.0, 1.0];
    let scaled: Vec<f32> =
        weights(48).iter().enumerate().map(|(at, w)| w * units[at % 3]).collect();
    let builder = gemm(head(Builder::new(17)), "h", "r", [16, 3], &scaled)
        .node(Op::new("Relu", &["r"], &["y"]))
        .output("y");
    let case = case(builder, |_| [-1.0, 1.0]).agrees(&["Linear", "Linear"]);
    assert!(case.output().is_some_and(|parts| parts.each.len() == 3));
}

/// The channels of the first layer differ, and the second has weights that make up for it.
#[test]
fn channels_are_equalised_between_layers() {
    let units = |at: usize| [0.002f32, 5.0, 0.3, 80.0][at % 4];
    let first: Vec<f32> =
        weights(8 * 2 * 9).iter().enumerate().map(|(at, w)| w * units(at / 18)).collect();
    let second: Vec<f32> =
        weights(6 * 8 * 4).iter().enumerate().map(|(at, w)| w / units(at / 4 % 8)).collect();
    let builder = Builder::new(17)
        .batched_input("x", &[2, 8, 8])
        .floats("w1", &[8, 2, 3, 3], &first)
        .floats("w2", &[6, 8, 2, 2], &second)
        .node(Op::new("Conv", &["x", "w1"], &["a"]))
        .node(Op::new("Relu", &["a"], &["b"]))
        .node(
            Op::new("MaxPool", &["b"], &["p"])
                .ints("kernel_shape", &[2, 2])
                .ints("strides", &[2, 2]),
        )
        .node(Op::new("Conv", &["p", "w2"], &["y"]).ints("pads", &[1, 1, 1, 1]))
        .output("y");
    let case = case(builder, |_| [-1.0, 1.0]).agrees(&["Convolution", "MaxPool", "Convolution"]);
    case.says("\"a_node\": a scale for each channel");
}

/// A skip connection joins what differs: the layer behind it reads both parts as they are.
#[test]
fn parts_of_a_concat_go_into_the_weights_behind_it() {
    let first: Vec<f32> = weights(4 * 2 * 9).iter().map(|w| w * 50.0).collect();
    let second: Vec<f32> = weights(4 * 4 * 9).iter().map(|w| w * 1e-5).collect();
    let third: Vec<f32> = weights(3 * 8 * 9)
        .iter()
        .enumerate()
        .map(|(at, w)| w * if at / 9 % 8 < 4 { 0.01 } else { 300.0 })
        .collect();
    let builder = Builder::new(17)
        .batched_input("x", &[2, 8, 8])
        .floats("w1", &[4, 2, 3, 3], &first)
        .floats("w2", &[4, 4, 3, 3], &second)
        .floats("w3", &[3, 8, 3, 3], &third)
        .node(Op::new("Conv", &["x", "w1"], &["a"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Relu", &["a"], &["b"]))
        .node(Op::new("Conv", &["b", "w2"], &["c"]).ints("pads", &[1, 1, 1, 1]))
        .node(Op::new("Relu", &["c"], &["d"]))
        .node(Op::new("Concat", &["b", "d"], &["e"]).int("axis", 1))
        .node(Op::new("Conv", &["e", "w3"], &["y"]).ints("pads", &[1, 1, 1, 1]))
        .output("y");
    let reads = ["Convolution", "Convolution", "Reshape", "Concat", "Convolution"];
    case(builder, |_| [-1.0, 1.0]).agrees(&reads).says("\"e_node\": 2 parts");
}

/// Joined columns that nothing but one scale will do for are brought to it, as ever.
#[test]
fn a_concat_that_something_else_reads_has_one_scale() {
    let builder = gemm(head(Builder::new(17)), "h", "b", [16, 4], &weights(64));
    let builder = gemm(builder, "h", "s", [16, 6], &weights(96))
        .node(Op::new("Sigmoid", &["s"], &["scores"]))
        .node(Op::new("Tanh", &["b"], &["t"]))
        .node(Op::new("Concat", &["t", "scores"], &["c"]).int("axis", 1))
        .node(Op::new("Abs", &["c"], &["y"]))
        .output("y");
    let case = case(builder, |_| [-1.0, 1.0]);
    assert!(case.quantised.graph.parts.is_empty());
    case.agrees(&["Linear", "Linear", "Linear", "Concat", "Activation"]);
}

/// `(x − mean) / std` in front of the first layer, and columns that one-hot ones join.
#[test]
fn standardised_and_joined_columns_keep_their_precision() {
    let ends = |place: usize| [[2000.0f32, 2025.0], [0.0, 0.004], [-9e4, 9e4]][place % 3];
    let mean: Vec<f32> = (0..3).map(|at| (ends(at)[0] + ends(at)[1]) / 2.0).collect();
    let deviation: Vec<f32> = (0..3).map(|at| (ends(at)[1] - ends(at)[0]) / 4.0).collect();
    let builder = Builder::new(17)
        .batched_input("x", &[3])
        .floats("mean", &[1, 3], &mean)
        .floats("deviation", &[1, 3], &deviation)
        .node(Op::new("Sub", &["x", "mean"], &["c"]))
        .node(Op::new("Div", &["c", "deviation"], &["s"]));
    let builder = gemm(builder, "s", "h", [3, 12], &weights(36));
    let builder =
        gemm(builder.node(Op::new("Relu", &["h"], &["r"])), "r", "y", [12, 2], &weights(24));
    case(builder.output("y"), ends).agrees(&["Linear", "Linear"]);
}

/// Paths that part and meet again double at each Concat: so many are looked at before the parts
/// have one scale instead of their own.
#[test]
fn parts_are_followed_over_so_many_paths() {
    let through = |doublings: usize| {
        let builder = gemm(Builder::new(17).input("x", &[1, 4]), "x", "a", [4, 4], &weights(16));
        let builder = gemm(builder, "x", "b", [4, 4], &weights(16))
            .integers("from", &[4])
            .integers("to", &[12])
            .integers("along", &[1])
            .node(Op::new("Concat", &["a", "b"], &["s0"]).int("axis", 1));
        let double =
            |builder: Builder, step: usize| {
                let [from, both, to] =
                    [format!("s{step}"), format!("d{step}"), format!("s{}", step + 1)];
                builder
                    .node(Op::new("Concat", &[&from, &from], &[&both]).int("axis", 1))
                    .node(Op::new("Slice", &[&both, "from", "to", "along"], &[&to]))
            };
        let builder = (0..doublings).fold(builder, double).output(&format!("s{doublings}"));
        let case = case(builder, |_| [-1.0, 1.0]);
        let first = &case.quantised.graph.nodes[0].operator;
        matches!(first, Operator::Linear { requantise: None, .. })
    };
    assert_eq!([through(3), through(12)], [true, false]);
}
